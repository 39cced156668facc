"""The list of bugs fits the code, and the tool tells what is noticed from what is not."""

import pytest

from tests.conftest import ROOT
from tests.planted import __main__ as planted
from tests.planted.bugs import Bug, faults, read

BUGS = read()


def test_every_bug_can_be_planted():
    """What is moved or rewritten takes its bugs along: adapt the TOML files in tests/planted."""
    assert faults(BUGS, ROOT) == []


def test_no_bug_is_listed_twice():
    assert len({(bug.file, bug.old, bug.new) for bug in BUGS}) == len(BUGS)


@pytest.fixture
def tree(tmp_path):
    """A package of one function, and a test of it that looks at one side alone."""
    (tmp_path / "half.py").write_text("def half(x):\n    return x / 2 if x > 0 else x // 2\n")
    (tmp_path / "test_half.py").write_text(
        "from half import half\n\n\ndef test_half():\n    assert half(3) == 1.5\n"
    )
    return tmp_path


TESTS = ("test_half.py",)
NOTICED = Bug("half.py", "x / 2", "x / 3", TESTS)
SURVIVES = Bug("half.py", "x // 2", "x // 3", TESTS)


def test_what_no_test_notices_survives(tree, capsys):
    assert planted.survivors([NOTICED, SURVIVES], tree) == [SURVIVES]
    said = sorted(line.split()[0] for line in capsys.readouterr().out.splitlines())
    assert said == ["SURVIVED", "noticed"]


def test_tests_must_pass_and_run_without_a_bug(tree):
    absent = Bug("half.py", "x / 2", "x / 3", ("test_none.py",))
    with pytest.raises(RuntimeError, match=r"pytest test_none.py cannot run"):
        planted.survivors([absent], tree)
    (tree / "test_half.py").write_text("def test_half():\n    assert False\n")
    with pytest.raises(RuntimeError, match=r"pytest test_half.py fails without a bug"):
        planted.survivors([NOTICED], tree)


@pytest.mark.parametrize(
    ("bug", "message"),
    [
        (Bug("half.py", "x / 4", "x", TESTS), "occurs 0 times, not once"),
        (Bug("half.py", "x", "y", TESTS), "occurs 4 times, not once"),
        (Bug("none.py", "x", "y", TESTS), "there is no such file"),
        (Bug("half.py", "x / 2", "x / 2", TESTS), "changes nothing"),
        (Bug("half.py", "x / 2", "x /", TESTS), "is no Python"),
        (Bug("half.py", "x / 2", "x / 3", ("tests/test_none.py",)), "no tests tests/test_none.py"),
    ],
)
def test_what_does_not_fit_the_code_is_told(tree, bug, message):
    (fault,) = faults([bug], tree)
    assert message in fault
    assert str(bug) in fault
