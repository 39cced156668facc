"""The command `sparsedend`."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import click

from ..errors import InputError
from .data import data
from .info import info
from .networks import evaluate, predict, train
from .sweep import sweep


@click.group(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.version_option(package_name="sparsedend")
def cli() -> None:
    """Train dendritic neural networks on the connections that exist."""


for command in (train, evaluate, predict, info, sweep, data):
    cli.add_command(command)


def main() -> None:
    """Run the command line; what the user can mend is one line and exit code 2."""
    with warnings.catch_warnings():
        warnings.showwarning = _show(warnings.showwarning)
        _run()


def _show(others: Any) -> Any:
    """Show a warning of ours as one line, without the line of code that it comes from."""

    def show(message: Warning | str, category: type[Warning], *where: Any) -> None:
        if category is UserWarning:
            click.echo(f"Warning: {message}", err=True)
        else:
            others(message, category, *where)

    return show


def _run() -> None:
    try:
        sys.exit(cli.main(standalone_mode=False) or 0)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        sys.exit(2)
    except (InputError, click.UsageError) as error:
        message = error.format_message() if isinstance(error, click.UsageError) else str(error)
        click.echo(f"Error: {message}", err=True)
        sys.exit(2)
    except MemoryError as error:
        click.echo(f"Error: not enough memory ({error}): choose a smaller network", err=True)
        sys.exit(2)
    except (KeyboardInterrupt, click.Abort):
        click.echo("Stopped.", err=True)
        sys.exit(130)
