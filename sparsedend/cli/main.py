"""The command `sparsedend`."""

from __future__ import annotations

import atexit
import io
import os
import signal
import sys
import warnings
from typing import Any, NoReturn

import click

from ..errors import InputError
from ..version import __version__
from .check import check
from .data import data
from .export import export
from .figure import figure, table
from .info import info
from .networks import evaluate, predict, train
from .options import in_options, say
from .plot import plot
from .report import report
from .sweep import sweep

#: What asks the process to end, and the exit code that it has then.
STOPS = (signal.SIGINT, signal.SIGTERM)
STOPPED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.version_option(__version__)
def cli() -> None:
    """Train dendritic neural networks on the connections that exist."""


for command in (
    *(train, evaluate, predict, plot, report, export, info, check),
    *(sweep, figure, table, data),
):
    cli.add_command(command)


def main() -> None:
    """Run the command line; what the user can mend is one line and exit code 2."""
    # The first to register is the last to be called.
    atexit.register(_ignore)
    for number in STOPS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # As standard error does already.
    with warnings.catch_warnings():
        warnings.showwarning = _show(warnings.showwarning)
        _run()


def _interrupt(number: int, frame: object) -> NoReturn:
    """End with the last epoch kept; when asked again, at once: files are whole at every instant."""
    for each in STOPS:
        signal.signal(each, _end)
    raise KeyboardInterrupt


def _end(number: int, frame: object) -> NoReturn:
    os._exit(STOPPED)


def _ignore() -> None:
    """Let the process end as it has begun to: Python gives up its handlers before it has ended."""
    for each in STOPS:
        signal.signal(each, signal.SIG_IGN)


def _show(others: Any) -> Any:
    """Show a warning of ours as one line, without the line of code that it comes from."""

    def show(message: Warning | str, category: type[Warning], *where: Any) -> None:
        if category in (UserWarning, RuntimeWarning):
            say(f"Warning: {message}")
        else:
            others(message, category, *where)

    return show


def _run() -> None:
    try:
        code = cli.main(standalone_mode=False) or 0
        _flush()
        sys.exit(code)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        sys.exit(2)
    except click.UsageError as error:
        _refuse(error.format_message())
    except InputError as error:
        _refuse(in_options(str(error)))
    except BrokenPipeError:
        _give_up_output()
        sys.exit(1)
    except OSError as error:
        _give_up_output()
        what = f"'{error.filename}': " if error.filename else ""
        _refuse(f"{what}{error.strerror or error}: check the path and the disk")
    except MemoryError as error:
        _refuse(f"not enough memory ({error}): choose a smaller network")
    except (KeyboardInterrupt, click.Abort):
        click.echo("Stopped.", err=True)
        sys.exit(STOPPED)


def _flush() -> None:
    """Have standard output written, where there is one."""
    if sys.stdout is not None:
        sys.stdout.flush()


def _give_up_output() -> None:
    """Let go of what standard output does not take, of which Python would tell once more."""
    try:
        _flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _refuse(message: str) -> NoReturn:
    click.echo(f"Error: {message}", err=True)
    sys.exit(2)
