"""Damaged files, each read in a process of its own with little memory and time."""

from __future__ import annotations

import resource
import signal
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from sparsedend import InputError, digests

from . import children
from .page import Section, table
from .samples import KINDS, Kind, digest

#: Bytes beyond what the process has already, and seconds.
MEMORY, SECONDS = 2**30, 20
OUTCOMES = ("same", "refused", "changed", "traceback", "memory", "hang", "crash")
#: What must never be.
BAD = OUTCOMES[3:]
TITLE = "Damaged files"
#: Outcomes as the page shows them.
SHOWN = (*OUTCOMES[:2], "changed", "changed in silence", *BAD)

Change = Callable[[np.random.Generator, bytearray], None]


def _flip(rng: np.random.Generator, content: bytearray) -> None:
    content[int(rng.integers(len(content)))] ^= 1 << int(rng.integers(8))


def _flips(rng: np.random.Generator, content: bytearray) -> None:
    for _ in range(int(rng.integers(2, 30))):
        _flip(rng, content)


def _zero(rng: np.random.Generator, content: bytearray) -> None:
    size = int(rng.choice([64, 512, 4096]))
    start = int(rng.integers(-(-len(content) // size))) * size
    content[start : start + size] = bytes(len(content[start : start + size]))


def _garbage(rng: np.random.Generator, content: bytearray) -> None:
    start = int(rng.integers(len(content)))
    size = min(int(rng.integers(1, 600)), len(content) - start)
    content[start : start + size] = rng.bytes(size)


def _cut(rng: np.random.Generator, content: bytearray) -> None:
    del content[int(rng.integers(len(content))) :]


def _longer(rng: np.random.Generator, content: bytearray) -> None:
    content += rng.bytes(int(rng.integers(1, 5000)))


def _numbers(rng: np.random.Generator, content: bytearray) -> None:
    """Sizes and addresses that are absurd."""
    value = rng.choice([b"\xff" * 8, b"\x00" * 8, (2**31).to_bytes(8, "little"), b"\x7f" * 8])
    start = int(rng.integers(max(1, len(content) - 8)))
    content[start : start + len(value)] = bytes(value)


CHANGES: tuple[Change, ...] = (_flip, _flips, _zero, _garbage, _cut, _longer, _numbers)


def damaged(content: bytes, seed: int) -> bytes:
    """A damaged copy; every other one of a file with a digest loses that, so that HDF5 sees it."""
    rng, changed = np.random.default_rng(seed), bytearray(content)
    if content.startswith(digests.MAGIC) and rng.random() < 0.5:
        del changed[: digests.ROOM]
    CHANGES[int(rng.integers(len(CHANGES)))](rng, changed)
    return bytes(changed)


def outcome(kind: Kind, path: Path, right: str) -> str:
    """How reading ends, in a child of fork."""
    code = children.ended(lambda: OUTCOMES.index(_read(kind, path, right)), 2 * SECONDS)
    if code is None or code in (-signal.SIGXCPU, -signal.SIGKILL):
        return "hang"
    return OUTCOMES[code] if 0 <= code < len(OUTCOMES) else "crash"


def _read(kind: Kind, path: Path, right: str) -> str:
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY,) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("ignore")
    try:
        return "same" if digest(kind.read(path)) == right else "changed"
    except InputError as error:
        return "traceback" if "\n" in str(error) else "refused"
    except MemoryError:
        return "memory"
    except BaseException:
        return "traceback"


def measured(cases: int, seed: int) -> Section:
    """Damage so many files of each kind, and read them."""
    found = read_damaged(cases, seed)
    lines = [
        f"From seed {seed} on: bits, sectors, garbage, absurd numbers, cut, longer; of files with "
        "a digest every other one without it, so that HDF5 sees it; each read in a process with "
        "little memory and time. *Changed* is what no digest could notice; *in silence* what it "
        "should have.",
        "",
        *table(
            ["file", "cases", *SHOWN],
            [
                [name, counts.total(), *(counts[each] for each in SHOWN)]
                for name, (counts, _) in found.items()
            ],
        ),
    ]
    return Section(TITLE, lines, [each for _, bad in found.values() for each in bad])


def read_damaged(cases: int, seed: int) -> dict[str, tuple[Counter[str], list[str]]]:
    """How many of each kind end how, and those that end badly, with their seeds."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for number, kind in enumerate(KINDS):
            good = Path(folder) / f"good{number}.h5"
            kind.make(good)
            content, right = good.read_bytes(), digest(kind.read(good))
            counts: Counter[str] = Counter()
            bad = []
            for case in range(seed, seed + cases):
                path = Path(folder) / f"{number}-{case}.h5"
                path.write_bytes(changed := damaged(content, case))
                ended = outcome(kind, path, right)
                if ended == "changed" and kind.sealed and changed.startswith(digests.MAGIC):
                    ended = "changed in silence"
                counts[ended] += 1
                if ended in (*BAD, "changed in silence"):
                    bad.append(f"{kind.name}, seed {case}: {ended}")
                path.unlink()
            found[kind.name] = counts, bad
    return found
