"""Runs of sweeps that never were, for figures to be drawn of."""

from sparsedend.settings import Settings
from sparsedend.sweep import Results
from sparsedend.sweep.results import HISTORY, row_of

#: Sizes of the small sweep.
SIZES = [(1, 32), (1, 64), (2, 32), (2, 64)]
MODELS = ("dann-r", "dann-lrf", "dann-grf", "pdann", "vann")


def run(model, size, seed=1, accuracy=0.5, loss=1.0, error="", **more):
    """Row of a run by the paper's protocol, but for what is given; `size` is (D, S)."""
    dendrites, somata = size
    figures = {name: more.pop(name) for name in ("parameters", "best_epoch") if name in more}
    given = {"model": model, "dataset": "fmnist", "dendrites": dendrites, "somata": somata}
    settings = Settings(**(given | {"seed": seed} | more))
    settings = settings.resolved(settings.dataset)
    result = {
        "parameters": (100 if "vann" in model else 10) * dendrites * somata,
        "best_epoch": 10,
        **figures,
        "density": 0.5,
        "test_accuracy": accuracy,
        "test_loss": loss,
        "epochs": settings.epochs,
        "train_seconds": 1.0,
        "seconds_per_epoch": 0.1,
        "backend": "numba",
        "threads": 1,
        **{name: [1.0] * settings.epochs for name in HISTORY},
    }
    return row_of(settings, "f", None if error else result, error)


def trials(model, size, accuracies, losses, **more):
    """Rows of a size, one for each seed from 1."""
    given = zip(accuracies, losses, strict=True)
    return [run(model, size, seed, *each, **more) for seed, each in enumerate(given, start=1)]


def small(seeds=(1, 2), dataset="fmnist", models=MODELS, **more):
    """Sweep in which losses fall as networks grow, the vANN's last of all rising again."""
    return [
        run(
            *(model, size, seed),
            0.5 + 0.05 * place + 0.01 * seed + 0.02 * rank,
            1.0 - 0.1 * place - 0.01 * seed + (0.3 if model == "vann" and place == 3 else 0.0),
            **({"dataset": dataset} | more),
        )
        for rank, model in enumerate(models)
        for place, size in enumerate(SIZES)
        for seed in seeds
    ]


def panels(figure):
    """Axes of a figure by their names."""
    return {axis.get_label(): axis for axis in figure.axes}


def texts(axis):
    """All that is written in a panel."""
    return " ".join(text.get_text() for text in axis.texts)


def of(*rows):
    """Results of rows, and of lists of rows."""
    return Results([row for each in rows for row in (each if isinstance(each, list) else [each])])
