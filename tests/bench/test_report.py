import subprocess
import sys

import pytest

from bench import measurements, report, roofline, store
from bench.contestants import DENSE, MASKED, OURS
from bench.options import Options
from bench.paper import race
from bench.suites import STEP, SUITES
from bench.table import Row

pytest.importorskip("matplotlib")
FACTS = {"machine": "a machine", "threads": "2"}
MEMORY = {"base": 10**8, "peak": 3 * 10**8}


def keep(output, suite, entries):
    rows = [Row(work, 2, name, *row, **MEMORY) for work, name, *row in entries]
    store.save_rows(output, suite, rows, FACTS)


def layers(dense, ours=lambda density: density):
    """Entries of the suite of densities, with the seconds of PyTorch's dense layer."""
    return [
        (work, name, part, "", (share * seconds,) * 2)
        for work in SUITES["density"].works
        for name, seconds in ((OURS, ours(work.density)), (DENSE, dense))
        for part, share in (("forward", 1 / 4), ("backward", 3 / 4), ("all", 1))
    ]


def test_the_page_has_ratios_answers_verdicts_and_who_was_missing(tmp_path):
    keep(tmp_path, "density", layers(0.3))
    keep(
        tmp_path,
        "step",
        [
            (STEP[0], OURS, "step", "", (0.001, 0.002)),
            (STEP[0], MASKED, "step", "", (0.012, 0.024)),
            (STEP[0], "sparselab", "", "not installed: sparselab", ()),
        ],
    )
    measurements.write(tmp_path)
    text = (tmp_path / "scaling.md").read_text()
    assert "nerva-numpy, which is measured here, is not the C++ library Nerva" in text
    assert "against PyTorch dense: faster below density 0.3." in text
    assert "break-even with PyTorch dense: 0.3, **reached**" in text
    assert "| sparsedend numba | 1.5 (1×) |" in text
    assert "| PyTorch masked dense | 18 (12×) |" in text
    assert "D=4, S=128: times masked dense: 12, **reached**" in text
    assert "D=16, S=256: times masked dense: not measured" in text
    assert "* sparselab, D=4 S=128: not installed: sparselab." in text
    assert sorted(path.name for path in tmp_path.glob("*.md")) == ["scaling.md"]
    for picture in ("scaling/density.svg", "scaling/step.svg", "step.svg"):
        assert (tmp_path / picture).read_text().startswith("<?xml")


def test_what_is_lost_is_said_as_plainly(tmp_path):
    keep(tmp_path, "density", layers(0.25))
    lost = "* density: PyTorch dense takes less time, 0.833× at density 0.3; 0.5× at density 0.5; "
    _, after = report.answers(tmp_path).split("## Where somebody else is better\n\n")
    assert after == f"{lost}0.25× at density 1."
    assert "250 (**0.833×**) | 250 (**0.5×**)" in report.section(SUITES["density"], tmp_path)


def test_a_goal_that_is_not_met_is_said_to_be_missed(tmp_path):
    keep(tmp_path, "density", layers(1.0, ours=lambda density: 1.0))
    text = report.section(SUITES["density"], tmp_path)
    assert "density .01: times PyTorch dense: 1, **MISSED**" in text


def test_a_suite_that_was_cut_off_before_anything_was_timed_has_no_section(tmp_path):
    keep(tmp_path, "step", [(STEP[0], "sparselab", "", "not installed: sparselab", ())])
    measurements.write(tmp_path)
    assert not (tmp_path / "scaling.md").exists()


def test_a_page_can_do_without_pictures(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    keep(tmp_path, "density", layers(1.0))
    text = report.section(SUITES["density"], tmp_path)
    assert "| PyTorch dense |" in text
    assert ".svg" not in text


def races(*entries):
    columns = ("contestant", "rate", "seed", "parameters", "seconds", "loss", "accuracy")
    return dict(zip(columns, map(list, zip(*entries, strict=True)), strict=True))


def test_the_race_is_won_by_who_is_first_at_the_goal(tmp_path):
    names = ("sparsedend dann-lrf, D=4, S=128", "scikit-learn dense, 96 hidden")
    columns = races(
        (names[0], 0.001, 1, 10634, [1.0, 2.0], [0.5, 0.4], [0.86, 0.88]),
        (names[1], 0.004, 1, 76330, [1.5, 3.0], [0.5, 0.4], [0.85, 0.86]),
    )
    store.save(tmp_path, "accuracy-time", columns, FACTS)
    text = race.section("accuracy-time", tmp_path)
    assert "| sparsedend dann-lrf, D=4, S=128 | 0.001 | 10,634 | 2.00 | 88.00 | 1.000 |" in text
    assert "| scikit-learn dense, 96 hidden | 0.004 | 76,330 | never | 86.00 | 1.500 |" in text
    assert f"First at 87%: {names[0]}, **reached**" in text
    assert (tmp_path / "scaling" / "accuracy-time.svg").exists()


def test_the_oracle_compares_what_both_reach_at_the_end(tmp_path):
    ours, oracle = race.PAIR
    columns = races(
        (ours, 0.001, 1, 10, [1.0, 2.0], [0.5, 0.4], [0.86, 0.88]),
        (oracle, 0.001, 1, 10, [1.0, 2.0], [0.5, 0.3], [0.86, 0.89]),
        (ours, 0.001, 2, 10, [1.0, 2.0], [0.5, 0.2], [0.86, 0.86]),
        (oracle, 0.001, 2, 10, [1.0, 2.0], [0.5, 0.3], [0.86, 0.87]),
        (ours, 0.001, 3, 10, [1.0, 2.0], [0.5, 0.2], [0.86, 0.80]),
    )
    store.save(tmp_path, "accuracy-oracle", columns, FACTS)
    text = race.section("accuracy-oracle", tmp_path)
    assert "| 1 | 88.00% / 0.4000 | 89.00% / 0.3000 |" in text
    assert "| mean | 87.00% ± 1.41% / 0.3000 ± 0.1414 | 88.00% ± 1.41% / 0.3000 ± 0.0000 |" in text
    assert "| 3 |" not in text


def test_shares_of_the_ceilings(tmp_path):
    columns = {
        "work": ["D=4, S=128"] * 2,
        "loop": ["forward", "loss"],
        "seconds": [1e-3] * 2,
        "multiply_adds": [10**7, 0],
        "bytes": [2 * 10**7] * 2,
    }
    facts = FACTS | {"l2_bytes_per_second": "4e10", "multiply_adds_per_second": "1e11"}
    store.save(tmp_path, "roofline", columns, facts)
    text = roofline.section("roofline", tmp_path)
    assert "| D=4, S=128 | forward | 1e+03 | 10 | 10% | 20 | 50% |" in text
    assert "| D=4, S=128 | loss | 1e+03 |  |  | 20 | 50% |" in text


def test_measuring_our_loops_keeps_their_rates(tmp_path, monkeypatch):
    small = (roofline.WORKS["roofline"][0], SUITES["density"].works[0])
    monkeypatch.setitem(roofline.WORKS, "roofline", small)
    assert measurements.run(["roofline"], Options(tmp_path, quick=True, threads=1)) == []
    text = (tmp_path / "scaling.md").read_text()
    assert text.count("| D=4, S=128 |") == 7
    assert text.count("| 3072 → 1024, density 0.0005 |") == 3


def test_without_results_there_is_no_page(tmp_path):
    answer = subprocess.run(
        [sys.executable, "-m", "bench", "--report", "--output", str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 2
    assert f"there are no results in {tmp_path}" in answer.stderr
