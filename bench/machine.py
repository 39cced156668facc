"""What a measurement was made on, and where its results are kept."""

from __future__ import annotations

import datetime
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from sparsedend.backends.numpy_backend import available_threads

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
        "versions": ", ".join(f"{name} {_version(name)}" for name in PACKAGES),
        "commit": _commit(),
        "command": " ".join(["python -m", _module(), *sys.argv[1:]]),
    }


def describe() -> str:
    """`facts`, as Markdown lines."""
    return lines(facts())


def lines(facts: dict[str, str]) -> str:
    """Markdown list of facts."""
    return "\n".join(f"* {name}: {value}" for name, value in facts.items())


def table(header: list[str], rows: list[list[str]]) -> str:
    """Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def keep(name: str, text: str) -> None:
    """Print a result and write it to ``bench/results/<name>.md``."""
    print(text)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(text + "\n", encoding="utf-8")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _commit() -> str:
    try:
        answer = subprocess.run(
            ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return answer.stdout.strip()


def _module() -> str:
    name = sys.modules["__main__"].__spec__.name  # type: ignore[union-attr]
    return name.removesuffix(".__main__")
