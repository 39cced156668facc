import numpy as np
import pytest

from bench.contestants import OURS
from bench.harness import Case, Record
from bench.store import Table, load, rows, save
from bench.works import Dendritic, Layer, Perceptron, from_record, to_record

RIVAL = "PyTorch dense"


def record(work, contestant, seconds, **fields):
    return Record(Case(work, 2, (contestant,)), contestant, "", seconds, **fields)


def density_table():
    """Ours takes 1 s at every density, the rival 4, 2 and 0.5 s."""
    found = []
    for density, rival in ((0.01, 4.0), (0.1, 2.0), (0.4, 0.5)):
        work = Layer(100, 50, density)
        for name, seconds in ((OURS, 1.0), (RIVAL, rival)):
            parts = {"forward": [seconds / 2, seconds / 4], "backward": [seconds / 2, seconds / 4]}
            found += rows(record(work, name, parts))
    return Table(found)


def test_ratio_pairs_the_rounds_and_adds_the_parts():
    assert density_table().ratio(RIVAL, density=0.1) == 2


def test_break_even_lies_where_the_logarithms_cross():
    # From 2 at .1 to .5 at .4, which is 1 halfway on both axes.
    assert density_table().break_even(RIVAL) == pytest.approx(0.2)


def test_break_even_is_the_largest_density_where_we_always_win():
    table = Table([row for row in density_table().rows if row.work.density < 0.4])
    assert table.break_even(RIVAL) == 0.1


def test_slopes_are_those_of_a_power_law():
    works = [Dendritic(784, 16, somata) for somata in (64, 256, 1024)]
    table = Table(
        [
            row
            for work in works
            for row in rows(
                record(
                    work,
                    OURS,
                    {"step": [1e-9 * work.connections**1.5]},
                    peak=10**8 + 24 * work.connections,
                )
            )
        ]
    )
    assert table.slope(OURS) == pytest.approx(1.5)
    large, small = works[-1], works[0]
    expected = 24 * (large.connections - small.connections) - 128 * (2 * 4 * 1024 + 16 * 1024 // 8)
    assert table.bytes_per_synapse(OURS, size=large.size) == pytest.approx(
        expected / large.connections
    )


def test_a_question_without_an_answer_is_a_lookup_error():
    with pytest.raises(LookupError):
        density_table().ratio(RIVAL, density=0.7)


def test_results_come_back_as_they_were_saved(tmp_path):
    table = [
        *rows(record(Layer(100, 50, 0.1), OURS, {"forward": [0.1, 0.3], "backward": [0.2, 0.4]})),
        *rows(Record(Case(Dendritic(784, 4, 8), 1, (RIVAL,)), RIVAL, "not installed: torch")),
        *rows(
            record(
                Perceptron((5, 4, 3), (0.5, 1.0)),
                RIVAL,
                {"step": [0.5]},
                base=3,
                peak=2**33,
                device=2**34,
            )
        ),
    ]
    path = tmp_path / "scaling" / "results.h5"
    save(path, "step", table, {"machine": "a"})
    save(path, "step", table, {"machine": "b"})  # replaces
    found, facts = load(path, "step")
    assert found.rows == table
    assert facts == {"machine": "b"}
    lines = (tmp_path / "scaling" / "step.csv").read_text().splitlines()
    assert len(lines) == 1 + len(table)
    assert "not installed: torch" in lines[4]


def test_nothing_saved_is_a_lookup_error(tmp_path):
    with pytest.raises(LookupError):
        load(tmp_path / "results.h5", "step")


@pytest.mark.parametrize(
    "work",
    [Dendritic(784, 4, 8, task="inference"), Layer(9, 8, 0.5), Perceptron((5, 4), (0.3,))],
)
def test_a_work_is_its_record_and_draws_the_same_again(work):
    assert from_record(to_record(work)) == work
    one, two = work.draw(), work.draw()
    for a, b in zip(one[:2], two[:2], strict=True):
        np.testing.assert_array_equal(a, b)
