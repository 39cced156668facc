import subprocess
import sys

import pytest

from bench import accuracy_time, report, roofline, store
from bench.contestants import OURS
from bench.harness import Case, Record
from bench.store import rows, save, save_columns
from bench.suites import DENSE, DENSITY, MASKED, STEP

pytest.importorskip("matplotlib")
FACTS = {"machine": "a machine", "threads": "2"}


def keep(output, suite, entries):
    table = [
        row
        for work, name, seconds, note in entries
        for row in rows(
            Record(Case(work, 2, (name,)), name, note, seconds, base=10**8, peak=3 * 10**8)
        )
    ]
    save(store.results(output), suite, table, FACTS)


def layer(seconds):
    return {"forward": [seconds / 3] * 2, "backward": [2 * seconds / 3] * 2}


def test_the_page_has_ratios_answers_verdicts_and_who_was_missing(tmp_path):
    keep(
        tmp_path,
        "density",
        [
            (work, name, layer(seconds), "")
            for work in DENSITY
            for name, seconds in ((OURS, work.density), (DENSE, 0.3))
        ],
    )
    keep(
        tmp_path,
        "step",
        [
            (STEP[0], OURS, {"step": [0.001, 0.002]}, ""),
            (STEP[0], MASKED, {"step": [0.012, 0.024]}, ""),
            (STEP[0], "sparselab", None, "not installed: sparselab"),
        ],
    )
    text = report.write(tmp_path).read_text()
    assert "against PyTorch dense: faster below density 0.3." in text
    assert "break-even with PyTorch dense: 0.3, **reached**" in text
    assert "| sparsedend numba | 1.5 (1×) |" in text
    assert "| PyTorch masked dense | 18 (12×) |" in text
    assert "D=4, S=128: times masked dense: 12, **reached**" in text
    assert "D=16, S=256: times masked dense: not measured" in text
    assert "* sparselab, D=4 S=128: not installed: sparselab." in text
    for picture in ("scaling/density.svg", "scaling/step.svg", "step.svg"):
        assert (tmp_path / picture).read_text().startswith("<?xml")


def test_a_goal_that_is_not_met_is_said_to_be_missed(tmp_path):
    keep(tmp_path, "density", [(w, n, layer(1.0), "") for w in DENSITY for n in (OURS, DENSE)])
    text = report.write(tmp_path).read_text()
    assert "density .01: times PyTorch dense: 1, **MISSED**" in text


def test_the_race_is_won_by_who_is_first_at_the_goal(tmp_path):
    names = ("sparsedend dann-lrf, D=4, S=128", "scikit-learn dense, 96 hidden")
    columns = {
        "contestant": list(names),
        "rate": [0.001, 0.004],
        "seed": [1, 1],
        "parameters": [10634, 76330],
        "seconds": [[1.0, 2.0], [1.5, 3.0]],
        "accuracy": [[0.86, 0.88], [0.85, 0.86]],
    }
    save_columns(store.results(tmp_path), accuracy_time.NAME, columns, FACTS)
    text = accuracy_time.section(tmp_path)
    assert "| sparsedend dann-lrf, D=4, S=128 | 0.001 | 10,634 | 2.00 | 88.00 | 1.000 |" in text
    assert "| scikit-learn dense, 96 hidden | 0.004 | 76,330 | never | 86.00 | 1.500 |" in text
    assert f"First at 87%: {names[0]}, **reached**" in text


def test_shares_of_the_ceilings(tmp_path):
    columns = {
        "work": ["D=4, S=128"],
        "loop": ["forward"],
        "seconds": [1e-3],
        "multiply_adds": [10**7],
        "bytes": [2 * 10**7],
    }
    facts = FACTS | {"l2_bytes_per_second": "4e10", "multiply_adds_per_second": "1e11"}
    save_columns(store.results(tmp_path), roofline.NAME, columns, facts)
    text = roofline.section(tmp_path)
    assert "| D=4, S=128 | forward | 1000 | 10.0 | 10% | 20 | 50% |" in text


def test_measuring_our_loops_keeps_their_rates(tmp_path):
    roofline.measure(tmp_path, True, 1)
    text = roofline.section(tmp_path)
    assert text.count("| forward |") == text.count("| backward |") == 2


def test_without_results_there_is_no_page(tmp_path):
    answer = subprocess.run(
        [sys.executable, "-m", "bench", "--report", "--output", str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 2
    assert f"there are no results in {tmp_path}" in answer.stderr
