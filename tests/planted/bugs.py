"""The list of bugs, kept in the TOML files beside this one.

Each file is a list of modules; each module names the tests that must notice its bugs::

    [[module]]
    file = "sparsedend/schedules.py"
    tests = ["tests/test_schedules.py"]

    [[module.bug]]
    old = "2 * epoch >= epochs"
    new = "2 * epoch > epochs"

``tests`` are arguments of pytest, so ``["tests/backends", "-k", "numba"]`` works too; a bug may
have ``tests`` of its own. ``compiled = true`` on a module says that kernels of other files contain
its code. ``explained`` on a bug says why no test can be asked to notice it.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Bug:
    """One mistake: `new` in the place of `old`, which occurs once in `file`.

    Attributes
    ----------
    file : str
        Below the root of the tree.
    old, new : str
    tests : tuple of str
        Arguments of pytest.
    compiled : bool
        Whether Numba must compile everything anew: its cache notices changes of a kernel's own
        file alone.
    explained : str
        Why it may survive; empty where it must not.
    """

    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    compiled: bool = False
    explained: str = ""

    def __str__(self) -> str:
        old, new = (" ".join(text.split()) for text in (self.old, self.new))
        return f"{self.file}: {old}  ->  {new}"

    def planted(self, root: Path) -> str:
        """The file's text with the bug in it.

        Raises
        ------
        ValueError
            Where the file does not exist, `old` does not occur exactly once, or the result is no
            Python.
        """
        path = root / self.file
        if not path.is_file():
            raise ValueError(f"{self}\n  there is no such file: name the one that has the code now")
        text = path.read_text(encoding="utf-8")
        if (times := text.count(self.old)) != 1:
            raise ValueError(
                f"{self}\n  the old text occurs {times} times, not once: adapt it to the code"
            )
        changed = text.replace(self.old, self.new)
        if changed == text:
            raise ValueError(f"{self}\n  changes nothing")
        if path.suffix == ".py":
            try:
                ast.parse(changed)
            except SyntaxError as error:
                raise ValueError(f"{self}\n  is no Python: {error}") from error
        return changed


def read(paths: Iterable[Path] | None = None) -> list[Bug]:
    """All bugs of these files, or of the TOML files in this folder."""
    return [
        Bug(
            module["file"],
            bug["old"],
            bug["new"],
            tuple(bug.get("tests", module["tests"])),
            module.get("compiled", False),
            bug.get("explained", ""),
        )
        for path in sorted(paths or HERE.glob("*.toml"))
        for module in tomllib.loads(path.read_text(encoding="utf-8"))["module"]
        for bug in module["bug"]
    ]


def faults(bugs: Iterable[Bug], root: Path) -> list[str]:
    """What keeps bugs from being planted in this tree, one text each."""
    found = []
    for bug in bugs:
        try:
            bug.planted(root)
        except ValueError as error:
            found.append(str(error))
        missing = [
            name
            for name in bug.tests
            if name.startswith("tests/") and not (root / name.split("::")[0]).exists()
        ]
        if missing:
            found.append(f"{bug}\n  there are no tests {', '.join(missing)}: name others")
    return found
