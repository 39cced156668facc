"""The paper's experiments: what is trained when, and what is said of it."""

import numpy as np
import pytest

from bench.paper import __main__ as command
from bench.paper import claims, inside, page, published, stages
from sparsedend import InputError, analysis, datasets
from sparsedend.figures import embeddings
from sparsedend.models import MODELS
from sparsedend.sweep import Results, expand
from tests.figures.runs import of, run, small, trials
from tests.figures.sweeps import row, sweep_of


@pytest.fixture(autouse=True)
def one_figure(monkeypatch):
    """The pages show one figure: how each is drawn is tested elsewhere."""
    monkeypatch.setattr(page, "FIGURES", (3,))


@pytest.fixture
def tiny(monkeypatch):
    """Two stages on digits, the second of which needs what the first has found."""
    grid = {"dataset": "digits", "epochs": 1, "somata": 4, "seed": [1, 2]}

    def best(results):
        return expand(grid | {"model": "vann", "dendrites": len(results.rows)})

    found = {
        "first": stages.Stage(
            "One.", lambda results: expand(grid | {"model": ["dann-r", "vann"]}), datasets=()
        ),
        "second": stages.Stage("Two.", best, ("first",), datasets=()),
    }
    monkeypatch.setattr(command, "STAGES", found)
    return found


def called(folder, *words):
    where = ("--results", str(folder / "runs" / "p.h5"), "--output", str(folder / "pages"))
    command.main([*where, "--jobs", "2", *words])


def test_parts_go_on_until_nothing_is_left(tiny, tmp_path, monkeypatch, capsys):
    pages = []

    def sweep(runs, path, *, jobs, resume, say):
        assert (jobs, resume) == (2, True)
        results = Results.read(path) if path.exists() else Results()
        for each in runs:
            size = each.settings.dendrites, each.settings.somata
            own = {"dataset": "digits", "epochs": 1}
            results.add(run(each.settings.model, size, each.settings.seed, **own))
        results.write(path)
        return results

    monkeypatch.setattr(command, "sweep", sweep)
    monkeypatch.setattr(command.page, "write", lambda *given, embed: pages.append(given))
    called(tmp_path, "--plan")
    said = capsys.readouterr().out
    assert "first: 4 of 4 runs left, about 0.00 hours" in said
    assert "second: known when first are finished" in said
    assert list(tmp_path.iterdir()) == pages == []

    called(tmp_path, "--hours", "0")
    assert "now 1 runs, about 0.0 hours" in capsys.readouterr().out
    called(tmp_path)
    assert "now 3 runs" in capsys.readouterr().out
    called(tmp_path)
    assert "second: 2 of 2 runs left" in capsys.readouterr().out
    results = Results.read(tmp_path / "runs" / "p.h5")
    assert [row["dendrites"] for row in results.rows][-2:] == [4, 4]
    called(tmp_path, "first")
    assert capsys.readouterr().out == "first: 0 of 4 runs left, about 0.00 hours\n"
    assert [len(each.rows) for each, _ in pages] == [1, 4, 6, 6]
    assert {folder for _, folder in pages} == {tmp_path / "pages"}


def test_a_report_trains_nothing(tiny, tmp_path, capsys):
    (tmp_path / "runs").mkdir()
    of(small(dataset="digits", epochs=2)).write(tmp_path / "runs" / "p.h5")
    called(tmp_path, "--report")
    assert "runs left" not in capsys.readouterr().out
    names = {path.name for path in (tmp_path / "pages").iterdir()}
    assert {"claims.md", "figure3.png", "table1.md", "table2.csv"} <= names
    text = (tmp_path / "pages" / "claims.md").read_text(encoding="utf-8")
    assert "![figure 3](figure3.png)" in text
    assert "* figure 3: all runs on MNIST, FMNIST" in text
    assert "| not measured |" in text
    assert "40 runs." in text


@pytest.mark.parametrize(
    ("words", "message"), [(["third"], "unknown stage 'third': choose of first, second")]
)
def test_unknown_stages_are_refused(tiny, words, message, tmp_path, capsys):
    with pytest.raises(SystemExit):
        called(tmp_path, *words)
    assert message in capsys.readouterr().err


def test_what_cannot_be_read_is_one_line(tiny, tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "p.h5").write_text("nothing")
    with pytest.raises(SystemExit, match=r"^Error: '.*p\.h5'"):
        called(tmp_path, "--report")


@pytest.mark.parametrize("jobs", ["0", "-2"])
def test_jobs_are_counted_from_one(tiny, jobs, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        called(tmp_path, "--plan", "--jobs", jobs)
    assert ended.value.code == 2
    assert f"--jobs is {jobs}: give 1 or more" in capsys.readouterr().err


def test_a_plan_gets_no_data_set(tiny, tmp_path, monkeypatch, capsys):
    """A stage whose data sets are not there is not known yet, nor what comes after it."""
    monkeypatch.setattr(datasets, "load", lambda name: pytest.fail(f"{name} is loaded"))
    there = {"mnist": (1, 1)}
    monkeypatch.setattr(datasets, "stamp", there.get)
    tiny["first"] = tiny["first"]._replace(datasets=("mnist", "kmnist"))
    called(tmp_path, "--plan")
    assert capsys.readouterr().out == (
        "first: known with kmnist in the cache\nsecond: known when first are finished\n"
    )
    assert stages.at_hand(["mnist"]) == ["mnist"]


@pytest.fixture
def as_fmnist(digits, monkeypatch):
    """Digits under the name of every data set but one, which cannot be had."""

    def load(name):
        if name == "emnist":
            raise InputError("no network: connect")
        return type(digits)(name, digits.class_names, *(getattr(digits, part) for part in PARTS))

    monkeypatch.setattr(datasets, "load", load)


PARTS = ("train_x", "train_y", "test_x", "test_y")


def test_the_stages_of_the_paper(as_fmnist, capsys):
    results = of(small())
    runs = {name: stage.runs(results) for name, stage in stages.STAGES.items()}
    assert "without emnist: no network: connect" in capsys.readouterr().out
    assert len(runs["figure2"]) == 3 * 35 * 5
    for name in ("vann", "pdann"):
        assert {each.settings.model for each in runs[name]} == {name}
    assert {each.settings.dataset for each in runs["figure3"]} == {"mnist", "kmnist", "cifar10"}
    assert len({each.settings.model for each in runs["models"]}) == len(MODELS)
    assert {each.settings.epochs for each in runs["figure3"]} == {15, 25, 50}
    tasks = {(each.settings.sequential, each.settings.noise) for each in runs["figure7"]}
    assert tasks == {(True, 0.0), *((False, sigma) for sigma in stages.SIGMAS)}
    for name, most in (("pdann", stages.MOST), ("figure4", stages.MOST_SAMPLED)):
        assert max(stages.seconds([each]) for each in runs[name]) <= most


def test_the_tasks_take_the_sizes_that_match(as_fmnist):
    """The vANN's best accuracy is .635, which the fourth size of no dANN beats."""
    runs = stages.STAGES["figure7"].runs(of(small()))
    found = {(each.settings.model, each.settings.dendrites, each.settings.somata) for each in runs}
    assert found == {(model, 2, 64) for model in (*stages.DANNS, "vann")}
    assert len(runs) == 4 * 5 * (1 + len(stages.SIGMAS))
    kept = stages.STAGES["figure5"].runs(of(small()))
    assert {each.keep for each in kept} == {("weights", "activations")}
    assert len(kept) == 4 * 5


def test_a_part_is_as_long_as_is_asked_for(digits):
    runs = expand({"dataset": "digits", "seed": [*range(10)]})
    each = stages.seconds(runs[:1], jobs=2)
    assert len(stages.part(runs, 3.5 * each / 3600, jobs=2)) == 3
    assert len(stages.part(runs, 0, jobs=2)) == 1
    assert stages.part([], 1, jobs=1) == []


def test_what_is_left_comes_trial_by_trial():
    runs = expand({"dataset": "digits", "dendrites": [1, 2], "seed": [1, 2, 3]})
    finished = of(run("dann-lrf", (2, 64), 1, dataset="digits", epochs=100))
    found = [(each.settings.seed, each.settings.dendrites) for each in stages.left(runs, finished)]
    assert found == [(1, 1), (2, 1), (2, 2), (3, 1), (3, 2)]


def test_what_lacks_what_is_to_be_kept_is_left(as_fmnist, tmp_path):
    given = {"model": "vann", "dataset": "fmnist", "dendrites": 4, "somata": 8, "epochs": 25}
    runs = expand({**given, "seed": [1, 2], "keep": ["weights"]})
    rows = [row("vann", seed, parts=parts) for seed, parts in ((1, "weights"), (2, ""))]
    found = stages.left(runs, sweep_of(tmp_path, rows))
    assert [each.settings.seed for each in found] == [2]


def verdicts(results):
    return {each.where: each.verdict for each in claims.of_runs(results)}


def test_nothing_measured_bears_nothing_out():
    assert set(verdicts(of(run("sann", (1, 32)))).values()) == {"not measured"}


#: dANNs are better than the vANN with a hundredth of its parameters, and the vANN overfits.
GOOD = [
    *trials("vann", (1, 32), (0.80, 0.80), (0.40, 0.40)),
    *trials("vann", (2, 32), (0.79, 0.79), (0.50, 0.50)),
    *trials("vann-r", (1, 32), (0.78, 0.78), (0.45, 0.45)),
    *(
        row
        for model in ("vann-lrf", "vann-grf")
        for row in trials(model, (1, 32), (0.85, 0.85), (0.35, 0.35))
    ),
    *(
        row
        for model in claims.DANNS
        for size in ((1, 32), (2, 32))
        for row in trials(model, size, (0.9, 0.9), (0.3, 0.31), parameters=32)
    ),
    *trials("vann", (1, 32), (0.20, 0.20), (9.0, 9.0), noise=1.0),
    *trials("vann", (1, 32), (0.30, 0.30), (8.0, 8.0), sequential=True),
    *(
        row
        for model in claims.DANNS
        for how in ({"noise": 1.0}, {"sequential": True})
        for row in trials(model, (1, 32), (0.8, 0.8), (0.4, 0.4), parameters=32, **how)
    ),
]


def test_claims_that_hold():
    found = verdicts(of(GOOD))
    assert found.pop("table 1") == "not measured"
    assert set(found.values()) == {"**borne out**"}
    assert len(found) == 8


def test_claims_that_do_not_hold():
    """dANNs with the vANN's figures and the other way round; structures swapped too."""
    swap = {"vann": "dann-r", "dann-r": "vann", "vann-lrf": "dann-lrf", "dann-lrf": "vann-lrf"}
    rows = [row | {"model": swap[row["model"]]} for row in GOOD if row["model"] in swap]
    found = verdicts(of(rows))
    assert found.pop("table 1") == "not measured"
    assert found["2b"] == "**not borne out**"
    assert found["2b, 3b"] == found["7b"] == found["7d, table 2"] == "**not borne out**"
    assert found["4c, 4d"] == "**not borne out**"


@pytest.mark.parametrize("one", ["vann", "dann"])
def test_growing_networks_are_compared_with_growing_ones(one):
    """Whether the others overfit says nothing where there is one size of the vANN, or of a dANN."""
    rows = [row for row in GOOD if not (one in row["model"] and row["dendrites"] == 2)]
    assert verdicts(of(rows))["2b"] == "not measured"


def test_what_noise_improves_is_no_loss():
    """The vANN gains .15 of loss and 10 points, more than any dANN."""
    gains = trials("vann", (1, 32), (0.90, 0.90), (0.25, 0.25), noise=1.0)
    rows = [row for row in GOOD if not (row["noise"] and row["model"] == "vann")]
    found = {each.where: each for each in claims.of_runs(of(rows, gains))}
    assert found["7b"].verdict == "**not borne out**"
    assert [check.numbers for check in found["7b"].checks[:2]] == [
        "σ = 1, accuracy: dANN-R D=1 S=32 (2) -10.0 points, vANN D=1 S=32 (2) +10.0 points",
        "σ = 1, loss: dANN-R D=1 S=32 (2) +0.095, vANN D=1 S=32 (2) -0.150",
    ]


def test_each_line_says_what_it_compares():
    found = {each.where: each for each in claims.of_runs(of(GOOD))}
    for where in ("4", "7b", "7d, table 2"):
        said = [check.numbers for check in found[where].checks]
        assert ["accuracy: " in one for one in said].count(True) == len(said) / 2
        assert all(("accuracy: " in one) != ("loss: " in one) for one in said)


def test_a_claim_may_hold_in_part():
    rows = [*GOOD, *trials("dann-r", (1, 32), (0.1,), (0.45,), dataset="mnist")]
    rows += trials("vann", (1, 32), (0.8,), (0.4,), dataset="mnist")
    found = {each.where: each for each in claims.of_runs(of(rows))}
    assert found["2b, 3b"].verdict == "**borne out in 3 of 4**"
    assert found["2, 3a, 3b"].verdict == "**borne out in 6 of 8**"
    told = "MNIST: dANN-R D=1 S=32 (1) 0.4500, vANN D=1 S=32 (1) 0.4000"
    assert claims.Check(False, told) in found["2b, 3b"].checks


def test_the_pdann_s_published_row():
    """Published: 90.184 % and .2935."""
    rows = [
        *trials("dann-grf", (64, 512), (0.900, 0.902), (0.29, 0.30)),
        *trials("pdann", (2, 256), (0.88, 0.88), (0.2930, 0.2930)),
    ]
    (found,) = (each for each in claims.of_runs(of(rows)) if each.where == "table 1")
    assert [check.holds for check in found.checks] == [True, False]
    assert found.checks[0].numbers == (
        "FMNIST by accuracy: published 90.184, dANN-GRF D=64 S=512 (2) 90.10 %, "
        "pdANN D=2 S=256 (2) 88.00 %"
    )


def test_published_figures():
    assert published.TABLE1["pdann", "cifar10"] == (60.120, 0.391, 1.2811, 0.0247)
    assert published.TABLE1["dann-r", "mnist"] == (98.090, 0.058, 0.0644, 0.0013)
    assert len(published.TABLE1) == 25


@pytest.mark.parametrize(
    ("accuracy", "loss", "verdict"),
    [(0.895, 0.30, "**reached**"), (0.892, 0.30, "**MISSED**"), (0.895, 0.303, "**MISSED**")],
)
def test_goals_are_judged_on_both_figures(accuracy, loss, verdict):
    rows = of(run("dann-lrf", (16, 256), 1, accuracy, loss)).columns()
    (row,) = page._sizes(analysis.summarize(rows))
    assert row[4] == verdict


def inner(dann, vann):
    """What figures 5 and 6 write, with one value for dANNs in all columns and one for the vANN."""
    models = [*claims.DANNS, "vann"]
    keys = [(model, layer) for model in models for layer in ("hidden 1", "hidden 2", "output")]
    value = [
        (vann if model == "vann" else dann) + (layer == "hidden 2") / 10 for model, layer in keys
    ]
    names = ("range", "entropy", "selectivity", *inside.SCORES)
    keyed = dict(zip(("model", "layer"), map(np.array, zip(*keys, strict=True)), strict=True))
    return keyed | dict.fromkeys(names, np.array(value))


def test_claims_of_weights_and_nodes():
    found = inside.of_numbers(inner(0.5, 0.4), inner(0.5, 0.4))
    assert [each.verdict for each in found] == ["**borne out**"] * 5
    assert [len(each.checks) for each in found] == [9, 6, 6, 9, 9]
    assert found[0].checks[0].numbers == "range, first hidden layer: dANN-R 0.500, vANN 0.400"
    assert "trustworthiness of dANN-GRF: first layer 0.500, second 0.600" in [
        check.numbers for check in found[3].checks
    ]
    found = inside.of_numbers(inner(0.4, 0.5), inner(0.4, 0.5))
    assert [each.verdict for each in found if each is not found[3]] == ["**not borne out**"] * 4
    found = inside.of_numbers({}, {})
    assert {each.verdict for each in found} == {"not measured"}


def test_numbers_are_read_from_what_the_figures_write(as_fmnist, tmp_path, monkeypatch):
    """Figure 6 is drawn only where that is asked for, and its last numbers stay."""
    pytest.importorskip("statsmodels")
    monkeypatch.setattr(page, "FIGURES", (5, 6))
    monkeypatch.setattr(
        embeddings, "embed", lambda values, seed, perplexity: values[:, :2].astype(float)
    )
    rows = [row(model, seed) for model in (*claims.DANNS, "vann") for seed in (1, 2)]
    results = sweep_of(tmp_path / "kept", rows)
    for embed, verdict in ((False, "not measured"), (True, "**borne out"), (False, "**borne out")):
        page.write(results, tmp_path, embed=embed)
        text = (tmp_path / "claims.md").read_text(encoding="utf-8")
        (line,) = (each for each in text.splitlines() if each.startswith("| dANNs separate"))
        assert verdict in line
        assert ("* figure 6: give --embed" in text) == (verdict == "not measured")
        assert ("![figure 6](figure6.png)" in text) == (verdict != "not measured")
        older = "* figure 6 of these runs: it and its claims are those of an earlier call"
        assert (older in text) == (not embed and verdict != "not measured")
    assert "| Trained weights of dANNs have a wider range than the vANN's. | 5a | **" in text


def test_columns_that_are_empty_are_numbers(tmp_path):
    """As figure 5 writes them where no activations were kept."""
    (tmp_path / "figure5.csv").write_text(
        "model,layer,range,entropy,selectivity\ndann-r,hidden 1,2,,\nvann,hidden 1,1.5,,\n"
    )
    found = page._numbers(tmp_path, 5)
    assert found["model"].tolist() == ["dann-r", "vann"]
    assert found["range"].tolist() == [2, 1.5]
    assert np.isnan(found["entropy"]).all()
    verdict = {each.where: each.verdict for each in inside.of_numbers(found, {})}
    assert verdict["5a"] == "**borne out**"
    assert verdict["5b"] == "not measured"


def test_the_page_shows_ours_beside_the_published(as_fmnist, tmp_path):
    rows = [*GOOD, *trials("dann-r", (4, 128), (0.87, 0.89), (0.36, 0.36))]
    page.write(of(rows), tmp_path)
    text = (tmp_path / "claims.md").read_text(encoding="utf-8")
    assert (
        "| vANN | FMNIST | D=1 S=32 | 2 | 80.00 ± 0.00 | 0.4000 ± 0.0000 | 89.29 / 0.4040 "
        "(ours -9.29 points) |"
    ) in text
    assert (
        "| vANN | D=1 S=32 | 2 | 30.00 ± 0.00 | 8.0000 ± 0.0000 | 28.50 / 313.0000 "
        "(ours +1.50 points) |"
    ) in text
    line = "| dANN-R | D=4 S=128 | 2 | 88.00 / 0.3600 | **reached** | 86.83 / .3650 published;"
    assert line in text
    assert "* yes: FMNIST: dANN-R D=1 S=32 (2) 0.3050, vANN D=1 S=32 (2) 0.4000" in text
    assert (tmp_path / "figure3.png").stat().st_size < 100_000
