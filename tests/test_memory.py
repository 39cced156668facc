"""Nothing unchecked reaches the loops, which check no bounds."""

import subprocess
import sys

import pytest

from tests.conftest import ROOT


@pytest.mark.parametrize("examples", [20, pytest.param(1000, marks=pytest.mark.long)])
def test_no_walk_over_the_public_api_ends_a_process(examples):
    command = [sys.executable, "-m", "tests.walk", str(examples)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=3000)
    last = ended.stdout.splitlines()[-1:]
    assert ended.returncode == 0, f"{ended.returncode} after {last}\n{ended.stderr[-3000:]}"
    assert ended.stdout.count("\n") > 10 * examples
