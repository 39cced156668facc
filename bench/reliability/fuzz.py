"""A fuzzer led by the branches that it reaches (atheris), on our own parsers."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from .. import machine
from .page import Section, table
from .parsers import PARSERS
from .works import ROOT

TITLE = "A fuzzer"
#: What finds are kept in.
FINDS = machine.RESULTS / "quick" / "finds"
#: Megabytes, and seconds of one content.
MEMORY, SECONDS = 4096, 30


def measured(minutes: float, seed: int) -> Section:
    """Fuzz for so many minutes in all, each parser in a process of its own."""
    if importlib.util.find_spec("atheris") is None:
        return Section(TITLE, ["Left out: atheris is not installed, `pip install atheris`."], [])
    each = max(1, round(60 * minutes / len(PARSERS)))
    rows, bad = [], []
    for name in PARSERS:
        row, found = fuzzed(name, each, seed)
        rows.append([name, *row])
        bad += [f"{name}: {line}" for line in found]
    lines = [
        f"{minutes:g} minutes, seed {seed}. Each parser is given what atheris makes of a good "
        "content, which may be refused in one line, and nothing else.",
        "",
        *table(["parser", "contents", "branches reached"], rows),
    ]
    return Section(TITLE, lines, bad)


def fuzzed(name: str, seconds: int, seed: int) -> tuple[tuple[str, str], list[str]]:
    """Contents and branches of a parser, and what was found."""
    with tempfile.TemporaryDirectory() as folder:
        corpus, finds = Path(folder) / "corpus", Path(folder) / "finds"
        corpus.mkdir()
        finds.mkdir()
        (corpus / "good").write_bytes(PARSERS[name].seed())
        options = {
            "max_total_time": seconds,
            "timeout": SECONDS,
            "rss_limit_mb": MEMORY,
            "seed": seed,
            "print_final_stats": 1,
            "artifact_prefix": f"{finds}/",
        }
        given = [f"-{option}={value}" for option, value in options.items()]
        command = [sys.executable, "-m", "bench.reliability.fuzzing", name, str(corpus), *given]
        ended = subprocess.run(
            command,
            cwd=ROOT,
            env=os.environ | {"TMPDIR": folder},  # It ends without removing what it has made.
            capture_output=True,
            text=True,
            errors="replace",
        )
        said = ended.stderr
        counts = re.findall(r"stat::number_of_executed_units: (\d+)", said)
        reached = re.findall(r"cov: (\d+)", said)
        found = [_kept(path, name, said) for path in sorted(finds.iterdir())]
        if ended.returncode and not found:
            found = [f"ended with {ended.returncode}: {' '.join(said.split())[-300:]}"]
    return (f"{int(counts[-1]):,}" if counts else "?", reached[-1] if reached else "?"), found


def _kept(find: Path, name: str, said: str) -> str:
    """Keep a content that did harm; where, and what it did."""
    FINDS.mkdir(parents=True, exist_ok=True)
    target = FINDS / f"{name.replace(' ', '-')}-{find.name}"
    shutil.copy(find, target)
    told = re.search(r"Uncaught Python exception: ===\n(.*)", said) or re.search(
        "ERROR: (.*)", said
    )
    return f"{told[1] if told else 'no word'}; {target.relative_to(machine.RESULTS.parent.parent)}"
