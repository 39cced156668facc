"""Imports point downwards, and files are short."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import ROOT

PACKAGE = ROOT / "sparsedend"
#: At most, in a file.
LINES = 400


def floors() -> dict[str, int]:
    """Number of each unit's floor, counted from the top, from the table in CONTRIBUTING.rst."""
    text = (ROOT / "CONTRIBUTING.rst").read_text(encoding="utf-8")
    table = re.search(r"^The house\n-+\n.*?::\n\n((?:    [^\n]*\n)+)", text, re.M | re.S).group(1)
    found = {}
    for number, line in enumerate(table.splitlines()):
        names = re.match(r"    ((?:\w+(?:/|\.py) *)+)", line).group(1).split()
        found |= dict.fromkeys((re.sub(r"/|\.py$", "", name) for name in names), number)
    return found


def module_of(path: Path) -> tuple[str, ...]:
    """Names from the package down to a module."""
    names = path.relative_to(PACKAGE).with_suffix("").parts
    return names[:-1] if names[-1] == "__init__" else names


def imported(path: Path, *, at_once: bool) -> Iterator[tuple[str, ...]]:
    """Modules of the package that a module imports: all, or those `at_once` when it is imported."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    statements = tree.body if at_once else ast.walk(tree)
    folder = path.relative_to(PACKAGE).parts[:-1]
    for each in statements:
        if isinstance(each, ast.ImportFrom) and each.level:
            start = folder[: len(folder) - each.level + 1]
            start += tuple((each.module or "").split(".")) if each.module else ()
            for name in each.names:
                inner = (*start, name.name)
                file = PACKAGE.joinpath(*inner)
                yield inner if file.with_suffix(".py").is_file() or file.is_dir() else start


MODULES = {module_of(path): path for path in PACKAGE.rglob("*.py")}


def test_every_unit_has_a_floor():
    units = {name[0] for name in MODULES if name} - {"__main__"}
    assert units == set(floors())


def test_imports_point_downwards():
    floor_of = floors()
    wrong = [
        f"{'/'.join(name)} imports {'/'.join(target)}"
        for name, path in MODULES.items()
        if name and name != ("__main__",)
        for target in imported(path, at_once=False)
        if target and target[0] != name[0] and floor_of.get(target[0], -1) <= floor_of[name[0]]
    ]
    assert wrong == []


def test_imports_make_no_circle():
    """Also inside a folder; a folder's own ``__init__`` counts as what it imports."""
    left = {
        name: {each for each in imported(path, at_once=True) if each != name}
        for name, path in MODULES.items()
    }
    while free := {name for name, needs in left.items() if not needs & left.keys()}:
        left = {name: needs for name, needs in left.items() if name not in free}
    assert left == {}


def test_no_file_is_long():
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for folder in ("sparsedend", "bench", "tests")
        for path in (ROOT / folder).rglob("*.py")
    }
    assert {name: lines for name, lines in lengths.items() if lines > LINES} == {}
