"""Whether the estimators' defaults are as good on tables as those of scikit-learn's networks.

Scores alone, by cross-validation: of the defaults, beside dense networks of no fewer parameters,
and of what else was tried instead of each.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from statistics import mean
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import machine
from .options import Options

#: How far below a dense network's a score may be.
MARGIN = 0.005
SEEDS = (0, 1, 2)
#: From so many rows on, one seed is scored; and nothing else is tried.
LARGE = 20_000
#: Of the largest table: a tenth of what it stands for.
ROWS = 50_000

#: What was tried, each instead of one default.
VARIATIONS: tuple[dict[str, Any], ...] = (
    {"dendrites": 1},
    {"dendrites": 4},
    {"dendrites": 8},
    {"synapses": 4},
    {"synapses": 8},
    {"model": "vann-r"},
    {"model": "pdann"},
    {"layers": 2},
    {"exact": False},
    {"initializer": "glorot"},
    {"learning_rate": 0.005},
    {"learning_rate": 0.02},
    {"schedule": "constant"},
    {"weight_decay": 0.0},
    {"weight_decay": 0.1},
    {"weight_decay": 1.0},
    {"batch_size": 32},
    {"batch_size": 128},
    {"max_iter": 25},
    {"max_iter": 100},
    {"early_stopping": True},
)


class Table(NamedTuple):
    """Rows to learn from; `classes` says that y is classes, otherwise it is values."""

    load: Callable[[], tuple[NDArray, NDArray]]
    classes: bool


def tables(rows: int) -> dict[str, Table]:
    """All tables, the largest with so many rows."""
    from sklearn import datasets as made

    def own(load: Callable) -> Callable:
        return partial(load, return_X_y=True)

    classes = partial(made.make_classification, random_state=1)
    values = partial(made.make_regression, 1000, noise=10, random_state=1)
    few = {"n_informative": 6, "n_redundant": 2, "n_classes": 3}
    many = {"n_informative": 20, "n_redundant": 20, "n_classes": 4}
    covers = {"n_informative": 20, "n_redundant": 10, "n_classes": 7, "n_clusters_per_class": 3}
    return {
        "breast cancer": Table(own(made.load_breast_cancer), True),
        "wine": Table(own(made.load_wine), True),
        "iris": Table(own(made.load_iris), True),
        "digits": Table(own(made.load_digits), True),
        "classes, few": Table(partial(classes, 2000, 10, **few), True),
        "classes, many": Table(partial(classes, 2000, 200, **many), True),
        "diabetes": Table(own(made.load_diabetes), False),
        "linnerud": Table(own(made.load_linnerud), False),
        "values, few": Table(partial(values, 10), False),
        "values, many": Table(partial(values, 100, n_informative=20), False),
        "friedman 1, few": Table(
            partial(made.make_friedman1, 1000, 10, noise=1.0, random_state=1), False
        ),
        "friedman 1, many": Table(
            partial(made.make_friedman1, 2000, 100, noise=1.0, random_state=1), False
        ),
        "friedman 2": Table(partial(made.make_friedman2, 1000, noise=50.0, random_state=1), False),
        "covertype-like": Table(partial(classes, rows, 54, flip_y=0.02, **covers), True),
    }


class Found(NamedTuple):
    """Mean score, and parameters of a network."""

    score: float
    parameters: int


def ours(table: Table, seed: int, **keywords: Any) -> Any:
    """An estimator of this package."""
    from sparsedend.sklearn import DendriticClassifier, DendriticRegressor

    kind = DendriticClassifier if table.classes else DendriticRegressor
    return kind(random_state=seed, **keywords)


def dense(table: Table, seed: int) -> Any:
    """scikit-learn's, by its defaults."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    return (MLPClassifier if table.classes else MLPRegressor)(random_state=seed)


def scaled(table: Table, seed: int) -> Any:
    """The same, to which values are given as ours has them."""
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.preprocessing import StandardScaler

    return TransformedTargetRegressor(dense(table, seed), transformer=StandardScaler())


def score(table: Table, make: Callable[[Table, int], Any], seeds: Iterable[int] = SEEDS) -> Found:
    """Accuracy, or R² of values, by 5-fold cross-validation with features scaled in each fold."""
    from sklearn.model_selection import KFold, StratifiedKFold, cross_validate
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, y = table.load()
    kind = StratifiedKFold if table.classes else KFold
    scores, parameters = [], set()
    for seed in seeds if len(x) < LARGE else SEEDS[:1]:
        model = make_pipeline(StandardScaler(), make(table, seed))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # A dense network says that it has not converged.
            found = cross_validate(
                *(model, x, y),
                cv=kind(5, shuffle=True, random_state=seed),
                return_estimator=True,
                error_score="raise",
            )
        scores += found["test_score"].tolist()
        parameters |= {size(each[-1]) for each in found["estimator"]}
    return Found(mean(scores), max(parameters))


def size(estimator: Any) -> int:
    """Parameters of a fitted network that exist."""
    network = getattr(estimator, "regressor_", estimator)
    return sum(each.size for each in (*network.coefs_, *network.intercepts_))


def measure(options: Options) -> None:
    """Score the defaults and what else was tried, and write the page."""
    chosen = tables(ROWS // 10 if options.quick else ROWS)
    lines, worst = [], 1.0
    for name, table in chosen.items():
        x, y = table.load()
        own = score(table, ours)
        rival = score(table, dense)
        other = "" if table.classes else f"{score(table, scaled).score:.3f}"
        gap = own.score - rival.score
        worst = min(worst, gap)
        what = f"{len(np.unique(y))} classes" if table.classes else f"{y.size // len(y)} values"
        numbers = f"{own.parameters:,} / {rival.parameters:,}"
        scores = [f"{own.score:.3f}", f"{rival.score:.3f}", f"{gap:+.3f}", other]
        lines.append([name, f"{len(x):,} × {x.shape[1]}", what, numbers, *scores])
        print(" ".join(lines[-1]), flush=True)
    small = {name: each for name, each in chosen.items() if len(each.load()[0]) < LARGE}
    before = {name: score(each, ours, SEEDS[:1]).score for name, each in small.items()}
    tried = [
        [_words(each), *_gaps(each, small, before)]
        for each in (VARIATIONS[:2] if options.quick else VARIATIONS)
    ]
    header = ["table", "rows × features", "y", "parameters", "ours", "MLP", "", "MLP, y scaled"]
    machine.keep(
        options.output,
        "estimators",
        "# Estimators on tables",
        "DendriticClassifier and DendriticRegressor beside MLPClassifier and MLPRegressor, all by "
        "their defaults. Accuracy, or R² of values: means of 5-fold cross-validation by three "
        f"seeds (one from {LARGE:,} rows on), features scaled in each fold. Ours "
        "scales y itself; MLP with y scaled is shown too. The defaults were chosen on these very "
        "tables and seeds, so that the smallest differences say nothing.",
        machine.table(header, lines),
        f"The lowest difference is {worst:+.3f} (goal -{MARGIN}): "
        f"{'reached' if worst >= -MARGIN else '**MISSED**'}.",
        "What else was tried, each instead of one default: differences in score, in thousandths, "
        "by one seed.",
        machine.table(["instead", *small], tried),
        machine.lines(machine.facts()),
    )


def _words(keywords: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in keywords.items())


def _gaps(
    keywords: Mapping[str, Any], chosen: Mapping[str, Table], before: Mapping[str, float]
) -> list[str]:
    """How much better it is than the defaults on each table."""
    found = []
    for name, table in chosen.items():
        given = dict(keywords)
        if isinstance(given.get("synapses"), int):
            given["synapses"] = min(given["synapses"], table.load()[0].shape[1])
        gap = score(table, partial(ours, **given), SEEDS[:1]).score - before[name]
        found.append(f"{1000 * gap:+.0f}")
    print(_words(keywords), *found, flush=True)
    return found
