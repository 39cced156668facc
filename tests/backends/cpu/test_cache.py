"""Numba's files, damaged in every way, in processes that would compile."""

import numpy as np
import pytest

from tests.conftest import child

#: A kernel in a file of its own, so that compiling takes little.
KERNEL = """
from sparsedend.backends.cpu.compilation import kernel

@kernel
def twice(x):
    for i in range(x.size):
        x[i] *= 2
"""
RUN = """
    import sys
    sys.path.insert(0, {folder!r})
    import numpy as np
    {before}
    from made import twice
    x = np.arange(4.0)
    twice(x)
    print(x.tolist(), sum(twice.stats.cache_hits.values()))
    """


@pytest.fixture
def ran(tmp_path):
    """What the kernel gives in a process of its own, and how often it was found on disk."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "made.py").write_text(KERNEL)
    folder = tmp_path / "kept"

    def run(before="pass"):
        code = RUN.format(before=before, folder=str(tmp_path / "code"))
        return child(code, NUMBA_CACHE_DIR=str(folder)).strip()

    run.files = lambda ending: list(folder.rglob(f"*.{ending}"))
    return run


RIGHT = "[0.0, 2.0, 4.0, 6.0]"


def test_what_is_kept_is_found(ran):
    assert ran() == f"{RIGHT} 0"
    assert ran() == f"{RIGHT} 1"
    assert [len(ran.files(ending)) for ending in ("nbi", "nbc")] == [1, 1]


def flipped(content):
    """A bit of its middle, where machine code lies."""
    content = bytearray(content)
    content[len(content) // 2] ^= 4
    return bytes(content)


DAMAGES = {
    "empty": lambda content: b"",
    "cut": lambda content: content[: len(content) // 2],
    "garbage": lambda content: np.random.default_rng(0).bytes(len(content)),
    "flipped": flipped,
}


@pytest.mark.parametrize(
    ("ending", "damages"), [("nbi", ("empty", "garbage", "flipped")), ("nbc", ("cut", "flipped"))]
)
def test_damaged_files_are_replaced(ran, ending, damages):
    ran()
    (path,) = ran.files(ending)
    for name in damages:
        path.write_bytes(before := DAMAGES[name](path.read_bytes()))
        assert ran() == f"{RIGHT} 0", name
        assert path.read_bytes() != before, name
    assert ran() == f"{RIGHT} 1"


def test_a_folder_that_takes_no_more(ran):
    """It need not be kept to be used."""
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))"
    for _ in range(2):
        assert ran(limit) == f"{RIGHT} 0"
    assert ran() == f"{RIGHT} 0"
    assert ran() == f"{RIGHT} 1"
