"""What a measurement was made on, and how its results are written."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from sparsedend.backends.threads import available_threads as available_threads

RESULTS = Path(__file__).with_name("results")
PACKAGES = (
    *("numpy", "scipy", "numba", "llvmlite", "h5py", "torch", "sparselab", "sparse-dot-mkl"),
    *("tensorflow-cpu", "keras", "scikit-learn", "nerva-numpy"),
)


def facts() -> dict[str, str]:
    """Machine, date, versions, commit and command."""
    return {
        "machine": f"{_processor()}, {available_threads()} cores for this process",
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "versions": ", ".join(f"{name} {installed(name) or 'not installed'}" for name in PACKAGES),
        "commit": commit(),
        "command": " ".join(["python -m", _module(), *sys.argv[1:]]),
    }


def commit(folder: Path = RESULTS.parent) -> str:
    """Short name of the commit; with "-dirty" where anything but results differs from it."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(folder), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--", ":/", ":(top,exclude)bench/results")
        return git("rev-parse", "--short", "HEAD") + ("-dirty" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def installed(name: str) -> str | None:
    """Version of a distribution; None where it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def memory() -> int:
    """Bytes of the machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def confined(threads: int, **environment: str) -> dict[str, Any]:
    """Arguments of a process that may use the first so many cores, whose pools are told so."""
    pools = ("OMP", "MKL", "OPENBLAS", "NUMBA", "NUMEXPR")
    cores = sorted(os.sched_getaffinity(0))[:threads]
    if len(cores) < threads:
        raise ValueError(f"{threads} threads on {len(cores)} cores: give at most those")
    counts = {f"{pool}_NUM_THREADS": str(threads) for pool in pools}
    return {
        "env": os.environ | counts | environment,
        "preexec_fn": lambda: os.sched_setaffinity(0, cores),
        "text": True,
    }


def lines(facts: dict[str, str]) -> str:
    """Markdown list of facts."""
    return "\n".join(f"* {name}: {value}" for name, value in facts.items())


def table(header: list[str], rows: list[list[str]]) -> str:
    """Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def keep(output: Path, name: str, *paragraphs: str) -> None:
    """Print a result and write it to ``<output>/<name>.md``."""
    text = "\n\n".join(paragraphs)
    print(text)
    output.mkdir(parents=True, exist_ok=True)
    (output / f"{name}.md").write_text(text + "\n", encoding="utf-8")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _module() -> str:
    spec = sys.modules["__main__"].__spec__
    return spec.name.removesuffix(".__main__") if spec else "bench"
