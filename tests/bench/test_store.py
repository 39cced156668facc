import subprocess

import numpy as np
import pytest

from bench import machine, store
from bench.contestants import OURS
from bench.table import Row, Table
from bench.works import Dendritic, Layer, Perceptron, from_record, to_record

RIVAL = "PyTorch dense"


def density_table():
    """Ours takes 1 s at every density, the rival 4, 2 and 0.5 s; in the second round half of it."""
    found = []
    for density, rival in ((0.01, 4.0), (0.1, 2.0), (0.4, 0.5)):
        for name, seconds in ((RIVAL, rival), (OURS, 1.0)):
            for part, share in (("forward", 0.25), ("backward", 0.75), ("all", 1.0)):
                times = (share * seconds, share * seconds / 2)
                found.append(Row(Layer(100, 50, density), 2, name, part, "", times))
    return Table(found, OURS)


def test_ratio_pairs_the_rounds_and_takes_whole_works():
    table = density_table()
    assert table.ratio(RIVAL, density=0.1) == 2
    assert table.fastest(density=0.1) == 2
    assert table.contestants == [OURS, RIVAL]
    assert [theirs.seconds for theirs, _ in table.pairs(RIVAL)] == [(4, 2), (2, 1), (0.5, 0.25)]
    assert [ours.part for _, ours in table.pairs(RIVAL, "forward")] == ["forward"] * 3


def test_break_even_lies_where_the_logarithms_cross():
    # From 2 at .1 to .5 at .4, which is 1 halfway on both axes.
    assert density_table().break_even(RIVAL) == pytest.approx(0.2)


def test_break_even_is_the_largest_density_where_we_always_win():
    table = Table([row for row in density_table().rows if row.work.density < 0.4], OURS)
    assert table.break_even(RIVAL) == 0.1


def test_slopes_are_those_of_a_power_law():
    works = [Dendritic(784, 16, somata) for somata in (64, 256, 1024, 4096)]
    rows = [
        Row(work, 2, OURS, "step", "", (1e-9 * work.connections**1.5,), peak=10**8 + memory)
        for work in works
        for memory in [24 * (work.connections - works[0].connections)]
    ]
    table = Table(rows, OURS)
    large = works[-1]
    assert table.slope() == pytest.approx(1.5)
    assert table.memory_slope() == pytest.approx(1.0, abs=0.05)
    own = 24 * (large.connections - works[0].connections) - 128 * (2 * 4 * 4096 + 16 * 4096 // 8)
    assert table.bytes_per_synapse(size=large.size) == pytest.approx(own / large.connections)


def test_a_question_without_an_answer_is_a_lookup_error():
    with pytest.raises(LookupError):
        density_table().ratio(RIVAL, density=0.7)
    with pytest.raises(LookupError):
        Table([], OURS).fastest()
    with pytest.raises(LookupError):
        Table([], OURS).slope()


def test_results_come_back_as_they_were_saved(tmp_path):
    layer, wide = Layer(100, 50, 0.1), Perceptron((5, 4, 3), (0.5, 1.0))
    rows = [
        Row(layer, 2, OURS, "forward", "", (0.1, 0.3)),
        Row(layer, 2, OURS, "backward", "", (0.2, 0.4)),
        Row(Dendritic(784, 4, 8), 1, RIVAL, note="not installed: torch"),
        Row(wide, 2, RIVAL, "step", "", (0.5,), 1.5, 0.25, 3, 2**33, 2**34),
    ]
    store.save_rows(tmp_path, "step", rows, {"machine": "a"})
    store.save_rows(tmp_path, "density", rows[:1], {"machine": "c"})
    store.save_rows(tmp_path, "step", rows, {"machine": "b"})  # replaces
    assert store.load_rows(tmp_path, "step") == (rows, {"machine": "b"})
    assert store.load_rows(tmp_path, "density") == (rows[:1], {"machine": "c"})
    lines = (tmp_path / "scaling" / "step.csv").read_text().splitlines()
    assert len(lines) == 1 + len(rows)
    assert "not installed: torch" in lines[3]


def test_nothing_saved_is_a_lookup_error(tmp_path):
    with pytest.raises(LookupError):
        store.load(tmp_path, "step")


@pytest.mark.parametrize(
    "work",
    [Dendritic(784, 4, 8, task="inference"), Layer(9, 8, 0.5), Perceptron((5, 4), (0.3,))],
)
def test_a_work_is_its_record_and_draws_the_same_again(work):
    assert from_record(to_record(work)) == work
    one, two = work.draw(), work.draw()
    for a, b in zip(one[:2], two[:2], strict=True):
        np.testing.assert_array_equal(a, b)


def test_matrices_know_what_they_are():
    synapses, cables, classes = Dendritic(20, 2, 3, synapses=4).draw().layers
    assert not synapses.full
    assert not synapses.tree
    assert cables.tree
    assert classes.full
    assert cables.mask().tolist() == np.repeat(np.eye(3), 2, axis=1).tolist()
    assert (synapses.dense() != 0).sum() == 24


def test_results_alone_do_not_make_a_commit_dirty(tmp_path):
    def git(*arguments):
        author = ("-c", "user.name=a", "-c", "user.email=a@b.c")
        subprocess.run(["git", "-C", tmp_path, *author, *arguments], check=True, timeout=60)

    git("init", "-q")
    (tmp_path / "bench" / "results").mkdir(parents=True)
    (tmp_path / "bench" / "code.py").write_text("1")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    assert machine.commit(tmp_path / "bench").isalnum()
    (tmp_path / "bench" / "results" / "page.md").write_text("1")
    assert machine.commit(tmp_path / "bench").isalnum()
    (tmp_path / "other.py").write_text("1")
    assert machine.commit(tmp_path / "bench").endswith("-dirty")
