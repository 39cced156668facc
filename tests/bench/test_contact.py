"""The first contact with a device, rehearsed without one."""

import sys

import pytest

from bench import contact
from bench.contact import Part
from bench.measurements import MEASUREMENTS


def python(name, code, seconds=60):
    return Part(name, seconds, (sys.executable, "-u", "-c", code))


def results(folder):
    lines = (folder / "contact.md").read_text().splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")]
    return {name: result for name, result, _ in rows[2:]}


def test_what_each_part_said_is_kept_and_none_ends_the_others(tmp_path):
    todo = [
        python("good", "print('so far')"),
        python("bad", "import sys; print('to here', file=sys.stderr); sys.exit(3)"),
        python("slow", "import time; time.sleep(5); print('over')", seconds=1),
        Part("absent", 60, ("no-such-command-of-nvidia",)),
        python("last", "print('still')"),
    ]
    assert not contact.run(todo, tmp_path / "new", 300)
    assert results(tmp_path / "new") == {
        "good": "well",
        "bad": "failed (3)",
        "slow": "stopped after 1 s",
        "absent": "not run: no-such-command-of-nvidia is not installed",
        "last": "well",
    }
    said = {each.stem: each.read_text().strip() for each in (tmp_path / "new").glob("*.log")}
    assert said == {"good": "so far", "bad": "to here", "slow": "", "last": "still"}
    assert contact.run(todo[:1], tmp_path, 300)


def test_results_stand_there_while_the_next_part_runs(tmp_path):
    looking = f"print(open({str(tmp_path / 'contact.md')!r}).read())"
    contact.run([python("first", ""), python("second", looking)], tmp_path, 300)
    assert "| first | well |" in (tmp_path / "second.log").read_text()


def test_what_time_is_left_is_the_parts_limit(tmp_path):
    todo = [python("slow", "import time; time.sleep(60)"), python("late", "")]
    contact.run(todo, tmp_path, 0.5)
    assert results(tmp_path) == {"slow": "stopped after 0 s", "late": "not run: no time was left"}


def test_the_parts(tmp_path):
    """Tests alone and under both tools, and all that is measured; in 25 minutes."""
    todo = {each.name: each for each in contact.parts(tmp_path)}
    measured = {name.removeprefix("gpu-") for name in MEASUREMENTS if name.startswith("gpu-")}
    tests = {"nvidia-smi", "device", "tests", "memcheck", "racecheck"}
    assert todo.keys() == tests | measured
    assert sum(each.seconds for each in todo.values()) <= 25 * 60
    for name in ("memcheck", "racecheck"):
        tool, *_, what, python = todo[name].command[:6]
        assert (tool, what, python) == ("compute-sanitizer", name, sys.executable)
    compile(contact.UNPOOLED, "unpooled", "exec")


@pytest.mark.parametrize("name", ["tests", "device"])
def test_without_a_device_a_part_fails(tmp_path, monkeypatch, name):
    """Rather than pass having done nothing."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    (part,) = (each for each in contact.parts(tmp_path) if each.name == name)
    if name == "tests":
        file = "tests/backends/gpu/test_backend.py"
        part = part._replace(command=(*part.command, "-k", "auto", file))
    assert not contact.run([part], tmp_path, 60)
    assert results(tmp_path) == {name: "failed (1)"}
    said = (tmp_path / f"{name}.log").read_text()
    assert "not installed" in said or "no CUDA device" in said
