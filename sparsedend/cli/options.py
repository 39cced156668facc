"""Options that several commands share, and the words in which they stand."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Collection, Iterator
from typing import Any

import click

from ..backends import BACKENDS, Backend
from ..errors import InputError, one_line
from ..settings import SETTINGS, Setting

#: A parameter that a message names, and what is quoted, which stays as it is.
PARAMETER = re.compile(r"(?<!\w)'[^']*'|`(?P<name>\w+)(=(?P<value>[\w.+-]+))?`")


def in_options(message: str) -> str:
    """A message of the library with options where it names parameters.

    ``give `resume=True` or `epochs=5``` becomes ``give --resume or --epochs 5``.
    """

    def option(found: re.Match) -> str:
        if found["name"] is None:
            return found[0]
        value = found["value"]
        name = f"--{found['name'].replace('_', '-')}"
        return name if value in (None, "True") else f"{name} {value}"

    return PARAMETER.sub(option, message)


def say(line: str) -> None:
    """Tell on standard error where something stands, in the words of the command line."""
    click.echo(one_line(in_options(line)), err=True)


def given(context: click.Context) -> dict[str, Any]:
    """Parameters of a command that are not left to their defaults."""
    default = click.core.ParameterSource.DEFAULT
    return {
        name: value
        for name, value in context.params.items()
        if context.get_parameter_source(name) is not default
    }


def refuse_given(context: click.Context, names: Collection[str], where: str) -> None:
    """Refuse options that have no effect where a command stands.

    Raises
    ------
    InputError
        Where one of those parameters is given.
    """
    shown = {each.name: each.opts[0] for each in context.command.params}
    found = [shown[name] for name in given(context) if name in names]
    if found:
        raise InputError(f"{where}: leave out {' and '.join(found)}")


@contextlib.contextmanager
def compilation_announced(engine: Backend) -> Iterator[None]:
    """Say so, once, when kernels are compiled rather than loaded."""
    told: list[bool] = []

    def tell() -> None:
        if not told:
            told.append(True)
            click.echo(
                "Compiling kernels (once for each kind of network; some seconds) …", err=True
            )

    with engine.compilation(tell):
        yield


def _options(*options: Callable) -> Callable:
    """Several options as one decorator, in the order given."""

    def decorate(command: Callable) -> Callable:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def _option(setting: Setting) -> Callable:
    """Option that gives a setting."""
    if setting.kind is bool:
        return click.option(setting.option, is_flag=True, help=setting.words)
    choices = f" One of {', '.join(setting.choices)}." if setting.choices else ""
    return click.option(
        setting.option,
        type=setting.kind,
        default=setting.default,
        show_default=setting.none or True,
        metavar=setting.unit.upper() or None,
        help=setting.words + choices,
    )


#: Of a network's size.
size_options = _options(*(_option(each) for each in SETTINGS.values() if each.size))
#: Of all settings but the model, which is an argument.
setting_options = _options(*(_option(each) for each in SETTINGS.values() if each.name != "model"))
backend_options = _options(
    click.option(
        "--backend", default="auto", help=f"What to compute with. One of {', '.join(BACKENDS)}."
    ),
    click.option(
        "--threads", type=int, show_default="all cores", help="Number of threads to compute with."
    ),
)
dataset_option = click.option(
    "--dataset", show_default="the one trained on", help=SETTINGS["dataset"].words
)
no_lock_option = click.option(
    "--no-lock",
    is_flag=True,
    help="Do not keep other processes from writing --output, where its file system has no locks.",
)
overwrite_option = click.option("--overwrite", is_flag=True, help="Replace --output if it exists.")
json_option = click.option(
    "--json", "as_json", is_flag=True, help="End the output with one JSON object in a line."
)
