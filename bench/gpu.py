"""What a GPU does, against PyTorch on the same device: ``python -m bench.gpu [names] [--quick]``.

All is measured if nothing is named. Each goes to ``bench/results/gpu-<name>.md`` as soon as it is
known, and what fails does not end the others.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from .__main__ import main
from .measurements import MEASUREMENTS

ROOT = Path(__file__).parents[1]

if __name__ == "__main__":
    for originals in (ROOT / "shared" / "datasets", ROOT.parent / "shared" / "datasets"):
        if originals.is_dir():
            os.environ.setdefault("SPARSEDEND_ORIGINALS", str(originals))
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("SPARSEDEND_DATA", folder)
        main(__doc__ or "", [name for name in MEASUREMENTS if name.startswith("gpu-")], "gpu-")
