import numpy as np
import pytest

pytest.importorskip("sklearn", "1.6")

from bench import estimators
from bench.options import Options
from sparsedend.sklearn import DendriticClassifier


def tiny(rows):
    """Two tables that can be learned, the second as large as is asked for."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((60, 3))
    more = rng.standard_normal((rows, 3))
    return {
        "values": estimators.Table(lambda: (x, x[:, 0] + 5), False),
        "classes": estimators.Table(lambda: (more, (more[:, 0] > 0) * 1), True),
    }


@pytest.mark.filterwarnings("ignore")
def test_the_page(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(estimators, "tables", lambda rows: tiny(100))
    monkeypatch.setattr(estimators, "SEEDS", (0,))
    estimators.measure(Options(tmp_path, quick=True))
    page = (tmp_path / "estimators.md").read_text()
    assert "| values | 60 × 3 | 1 values | 4" in page
    assert "| classes | 100 × 3 | 2 classes | 4" in page
    assert "| dendrites=1 | " in page
    assert "(goal -0.005)" in page


def test_of_a_large_table_one_seed_is_scored(monkeypatch):
    monkeypatch.setattr(estimators, "LARGE", 100)
    seeds = []
    table = tiny(100)["classes"]

    def make(table, seed):
        seeds.append(seed)
        return DendriticClassifier(somata=4, max_iter=2, random_state=seed)

    found = estimators.score(table, make)
    assert seeds == [0]
    assert found.parameters == 4 * (2 * 4 + 3) + 2 * 5
    assert 0 <= found.score <= 1
    estimators.score(tiny(99)["classes"], make)
    assert seeds == [0, *estimators.SEEDS]


@pytest.mark.filterwarnings("ignore")
def test_the_defaults_have_no_more_parameters_than_a_dense_network():
    for name, table in estimators.tables(200).items():
        x, y = table.load()
        x, y = x[:200], y[:200]
        fitted = [
            make.set_params(max_iter=1).fit(x, y)
            for make in (estimators.ours(table, 0), estimators.dense(table, 0))
        ]
        assert estimators.size(fitted[0]) <= estimators.size(fitted[1]), name
