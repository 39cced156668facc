"""The plan of the house: imports point downwards, without a circle, and no file is too long."""

import ast
from graphlib import TopologicalSorter

import pytest

from tests.conftest import ROOT

PACKAGE = ROOT / "sparsedend"
FILES = sorted(PACKAGE.rglob("*.py"))

#: From the ground up: a file or folder of the package knows those of the floors below its own.
FLOORS = (
    {"errors"},
    {"numbers", "files", "registry"},
    {"randomness", "structure"},
    {"backends", "connectivity", "initializers"},
    {"layers", "losses", "optimizers"},
    {"network"},
    {"models", "samples"},
    {"session"},
    {"training", "datasets"},
    {"checkpoint", "settings"},
    {"analysis"},
    {"run"},
    {"sweep", "report", "figures", "export", "sklearn"},
    {"cli"},
    {"__init__", "__main__"},
)
FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names}


def name_of(path):
    """Module of a file, as a tuple of words from the package's name on."""
    words = path.relative_to(ROOT).with_suffix("").parts
    return words[:-1] if words[-1] == "__init__" else words


MODULES = {name_of(path) for path in FILES}


def imported(path):
    """Modules of the package that a file imports, wherever in it, but for the sake of types."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    package = name_of(path) if path.name == "__init__.py" else name_of(path)[:-1]
    for_types = {
        inside
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inside in ast.walk(node)
    }
    for node in ast.walk(tree):
        if node in for_types or not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        base = package[: len(package) - node.level + 1]
        base += tuple(node.module.split(".")) if node.module else ()
        for alias in node.names:
            yield (*base, alias.name) if (*base, alias.name) in MODULES else base


def unit(module):
    """File or folder of the package that a module belongs to."""
    return module[1] if len(module) > 1 else "__init__"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file(path):
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= 400, "too long for one purpose"
    here = unit(name_of(path))
    assert here in FLOOR, "give it a floor in FLOORS"
    for module in imported(path):
        assert module in MODULES, f"there is no {'.'.join(module)}"
        there = unit(module)
        assert here == there or FLOOR[there] < FLOOR[here], f"{here} knows {there}"


def test_no_circle():
    """Not even inside one folder, between two files."""
    graph = {name_of(path): set(imported(path)) - {name_of(path)} for path in FILES}
    list(TopologicalSorter(graph).static_order())
