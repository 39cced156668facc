"""Ways to call the command line: here, where that shows enough, or in a process of its own."""

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from sparsedend.cli.main import cli, main
from tests.conftest import ROOT

SMALL = ["--dendrites", "2", "--somata", "8", "--synapses", "5", "--epochs", "3"]
ENVIRONMENT = {"PYTHONPATH": str(ROOT)}


def called(*arguments, folder, check=None, **environment):
    """Run the command in its own process."""
    answer = subprocess.run(
        [sys.executable, "-m", "sparsedend", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=folder,
        env=os.environ | ENVIRONMENT | environment,
    )
    if check is not None:
        assert answer.returncode == check, answer.stderr
    return answer


def invoked(*arguments):
    """Run the command here; an error is raised."""
    return CliRunner().invoke(cli, list(map(str, arguments)), catch_exceptions=False)


def ended(monkeypatch, *arguments):
    """Run the command here as its own process does, up to the exit code, which is returned."""
    monkeypatch.setattr(sys, "argv", ["sparsedend", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        main()
    return stopped.value.code
