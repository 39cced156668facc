"""Measure all parts, or those named; see the package."""

from __future__ import annotations

import argparse
import os
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from sparsedend import InputError

from .. import machine
from . import __doc__ as about

ROOT = Path(__file__).parents[2]


def main() -> None:
    """Measure and keep."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    wanted = parser.parse_args().parts or list(PARTS)
    if unknown := set(wanted) - set(PARTS):
        parser.error(f"unknown part {', '.join(unknown)}: choose of {', '.join(PARTS)}")
    from . import device

    failed = []
    for name in wanted:
        began = time.perf_counter()
        try:
            found = PARTS[name]()
        except (InputError, OSError, ImportError) as error:  # No data set, and no way to it.
            print(f"{name} is not measured: {error}")
            continue
        except Exception:  # The other parts are worth having: a device is not always at hand.
            traceback.print_exc()
            failed.append(name)
            continue
        facts = f"{machine.describe()}\n{device.describe()}"
        seconds = f"Measured in {time.perf_counter() - began:.0f} s."
        machine.keep(f"gpu-{name}", "\n\n".join([found, facts, seconds]))
    if failed:
        parser.exit(1, f"failed: {', '.join(failed)}\n")


def _step() -> str:
    from . import step

    return step.report()


def _kernels() -> str:
    from . import device, kernels

    return kernels.report(device.ceilings())


def _scale() -> str:
    from . import scale

    return scale.report()


def _fmnist() -> str:
    from . import fmnist

    return fmnist.report()


def _grid() -> str:
    from . import fmnist

    return fmnist.grid_report()


PARTS: dict[str, Callable[[], str]] = {
    "step": _step,
    "kernels": _kernels,
    "fmnist": _fmnist,
    "grid": _grid,
    "scale": _scale,
}

if __name__ == "__main__":
    for originals in (ROOT / "shared" / "datasets", ROOT.parent / "shared" / "datasets"):
        if originals.is_dir():
            os.environ.setdefault("SPARSEDEND_ORIGINALS", str(originals))
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("SPARSEDEND_DATA", folder)
        main()
