import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparsedend import InputError, analysis
from sparsedend.figures import selection
from tests.figures.runs import MODELS, of, run, small, trials


def means(rows):
    return analysis.summarize(of(rows).columns())


def test_only_runs_without_noise_and_shuffled_are_kept():
    rows = [
        run("vann", (1, 32)),
        run("vann", (1, 32), noise=0.5),
        run("vann", (1, 32), sequential=True),
    ]
    for how, kept in (
        ({}, rows[:1]),
        ({"noisy": True}, rows[:2]),
        ({"sequential": True}, rows[2:]),
    ):
        assert selection.alike(of(rows), **how).results.rows == kept


def test_the_paper_s_protocol_comes_before_what_most_runs_have():
    rows = [
        run("vann", (1, 32), 1),
        run("vann", (1, 32), 2, learning_rate=0.01),
        run("vann", (1, 32), 3, learning_rate=0.01),
    ]
    kept, missing = selection.alike(of(rows))
    assert kept.rows == rows[:1]
    assert missing == ["2 runs on FMNIST with other settings, left out here"]


def test_what_most_runs_have_where_the_paper_s_protocol_is_not_there():
    rows = [
        run("vann", (1, 32), 1, epochs=3),
        run("vann", (1, 32), 2, epochs=3),
        run("vann", (1, 32), 1, epochs=4),
    ]
    kept, missing = selection.alike(of(rows))
    assert kept.rows == rows[:2]
    assert missing == [
        "runs on FMNIST by the paper's protocol; these have epochs 3, not 25",
        "1 run on FMNIST with other settings, left out here",
    ]


def test_each_data_set_has_its_own_kind():
    rows = [run("vann", (1, 32), dataset=name) for name in ("mnist", "cifar10")]
    rows.append(run("vann", (1, 32), dataset="digits", epochs=2))
    kept, missing = selection.alike(of(rows))
    assert kept.rows == rows
    assert missing == []


def test_failed_runs_are_told():
    rows = [run("vann", (1, 32)), run("vann", (2, 32), error="broke")]
    kept, missing = selection.alike(of(rows))
    assert kept.rows == rows[:1]
    assert missing == ["1 run, which failed"]
    assert selection.alike(of(rows), sequential=True).missing == []


def test_settings_of_a_later_version_are_settings():
    """Read tolerantly: runs that differ in one that is unknown here are no trials of one size."""
    rows = [
        run("vann", (1, 32), seed, learning_rate=rate) | {"depth": depth, "gain": seed / 10}
        for seed, rate, depth in ((1, 0.001, 2), (1, 0.01, 2), (1, 0.001, 3), (2, 0.001, 3))
    ]
    kept, missing = selection.alike(of(rows))
    assert kept.rows == rows[2:]
    assert missing == ["2 runs on FMNIST with other settings, left out here"]
    assert [each.trials for each in means(kept.rows)] == [2]


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "seed": st.integers(1, 3),
                "noise": st.sampled_from([0.0, 0.5]),
                "sequential": st.booleans(),
                "learning_rate": st.sampled_from([0.001, 0.01]),
                "patience": st.sampled_from([None, 3]),
                "dataset": st.sampled_from(["fmnist", "kmnist", "digits"]),
                "error": st.sampled_from(["", "broke"]),
            }
        )
    )
)
def test_runs_that_are_alike_can_be_averaged(drawn):
    """`summarize` refuses runs that differ in anything else."""
    results = of([run("vann", (1, 32), **each) for each in drawn])
    for sequential in (False, True):
        runs = selection.alike(results, sequential=sequential)
        plain = [
            row
            for row in results.rows
            if row["sequential"] == sequential and not row["noise"] and not row["error"]
        ]
        found = runs.configurations
        assert sum(each.trials for each in found) == len(runs.results.rows) <= len(plain)
        assert {each.dataset for each in found} == {row["dataset"] for row in plain}


def test_runs_of_none_of_the_models_are_refused():
    rows = [run("sann", (1, 32)), run("vann", (1, 32), error="broke")]
    with pytest.raises(InputError, match=r"no finished run of dANN-R, vANN: give those of another"):
        selection.of_models(of(rows), ("dann-r", "vann"))
    assert selection.of_models(of(rows), ("sann",)).rows == rows[:1]


def test_fashion_mnist_comes_before_data_sets_with_more_runs():
    rows = [run("vann", (1, 32)), *small(dataset="digits", epochs=2)]
    name, found, told = selection.of_dataset(of(rows))
    assert (name, found.rows, told) == ("fmnist", rows[:1], [])
    rows = [run("vann", (1, 32), dataset="kmnist"), *small(dataset="digits", epochs=2)]
    name, found, told = selection.of_dataset(of(rows))
    assert (name, found.rows) == ("digits", rows[1:])
    assert told == ["runs on FMNIST; all is drawn of digits"]


def test_what_is_absent_is_named():
    found = of(run("dann-lrf", (1, 32)))
    assert selection.absentees(found, MODELS) == ["runs of dANN-R, dANN-GRF, pdANN, vANN"]
    assert selection.absentees(found, ("dann-lrf",)) == []


def test_gaps_of_data_sets():
    rows = [run("vann", (1, 32), dataset=name) for name in ("mnist", "digits")]
    assert selection.gaps(of(rows), ("vann", "dann-r")) == [
        "all runs on FMNIST, KMNIST, EMNIST, CIFAR-10",
        "runs of dANN-R on MNIST",
        "runs of dANN-R on digits",
    ]


def test_one_trial_of_a_size_is_told():
    rows = [
        *trials("vann", (1, 32), (0.5, 0.6), (1, 1)),
        run("vann", (2, 32)),
        run("pdann", (1, 2)),
    ]
    found = selection.single(means(rows), "bands")
    assert found == ["bands of pdANN, vANN, with one trial of a size"]
    assert selection.single(means(rows[:2]), "bands") == []


PLAIN = [
    run("vann", (1, 32), 1, 0.80),
    run("dann-r", (1, 32), 1, 0.70),
    run("dann-r", (1, 64), 1, 0.85),
    run("dann-r", (2, 64), 1, 0.90),
]


@pytest.mark.parametrize("order", [1, -1])
def test_the_size_that_matches_stands_for_a_model(order):
    tried = [
        run(model, size, noise=0.5)
        for model, size in (("vann", (1, 32)), ("dann-r", (1, 64)), ("dann-r", (2, 64)))
    ][::order]
    chosen, told = selection.networks(means(PLAIN), means(tried))
    assert {model: (each.dendrites, each.somata) for model, each in chosen.items()} == {
        "vann": (1, 32),
        "dann-r": (1, 64),
    }
    assert told == []


def test_the_largest_stands_in_and_is_told():
    tried = [run("dann-r", (1, 32), noise=0.5), run("dann-r", (2, 64), noise=0.5)]
    chosen, told = selection.networks(means(PLAIN), means(tried))
    assert (chosen["dann-r"].dendrites, chosen["dann-r"].somata) == (2, 64)
    assert told == ["dANN-R with D=1 S=64, its size by figure 3a; D=2 S=64 stands in"]
    _, told = selection.networks(means(PLAIN), means(tried[:1]))
    assert told == ["dANN-R with D=1 S=64, its size by figure 3a; D=1 S=32 stands in"]
    _, told = selection.networks(means(PLAIN[1:]), means(tried))
    tells = "without noise, shuffled, which tell the size of dANN-R; D=2 S=64 stands in"
    assert told == [f"runs of vANN {tells}"]
    _, told = selection.networks(means(PLAIN[:1]), means(tried))
    assert told == [f"runs of dANN-R {tells}"]


def test_runs_of_sizes():
    rows = small()
    chosen = [each for each in means(rows) if (each.model, each.dendrites) == ("vann", 2)]
    found = selection.of_sizes(of(rows), chosen[:1])
    assert {(row["model"], row["dendrites"], row["somata"]) for row in found.rows} == {
        ("vann", 2, 32)
    }
    assert len(found.rows) == 2
