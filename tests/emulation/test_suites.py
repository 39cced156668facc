"""All that is tested of the GPU's backend, with its kernels compiled in every other way."""

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.emulation import builds

TESTS = ("tests/backends/gpu", "tests/backends/test_operations.py")


@pytest.mark.long
@pytest.mark.parametrize("build", [name for name in builds.BUILDS if name != builds.NAME])
def test_the_backend_in_another_build(build):
    """ThreadSanitizer reports by the exit status, too, when all else is well."""
    variables = builds.environment(build)
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n0", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "-k", "emulated", *TESTS],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | variables,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-8000:]
