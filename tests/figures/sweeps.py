"""Results of sweeps that were never done, with what they would have kept."""

import numpy as np

from sparsedend.settings import Settings
from sparsedend.sweep import Kept, Results, kept
from sparsedend.sweep.results import row_of
from tests.sweep.test_results import RESULT

IMAGES, CLASSES = 180, 3
NODES = {"hidden 1": 12, "hidden 2": 6, "output": 3}
#: Accuracy by model: with D=4, the dANNs beat the vANN's best.
ACCURACY = {"dann-r": 0.8, "dann-lrf": 0.82, "dann-grf": 0.81, "vann": 0.79}
BOTH = "weights activations"


def row(model, seed, dendrites=4, parts=BOTH, **settings):
    """A run; with D=2 its accuracy is lower by 0.1."""
    accuracy = ACCURACY[model] - 0.1 * (dendrites == 2) + 0.001 * seed
    result = RESULT | {"test_accuracy": accuracy, "test_loss": 1 - accuracy, "kept": parts}
    settings = {"dataset": "fmnist", "epochs": 25, "somata": 8} | settings
    return row_of(Settings(model=model, seed=seed, dendrites=dendrites, **settings), "f", result)


def sweep_of(folder, rows):
    """Results of these runs, and what they say that was kept, in a folder that is made."""
    folder.mkdir(exist_ok=True)
    results = Results(rows, folder)
    for each in rows:
        if each["kept"]:
            settings = Results.settings_of(each)
            kept.write(made(settings, each["kept"].split()), kept.file_of(folder, settings))
    return results


def made(settings, parts):
    """Weights and activations that tell models apart: the second hidden layer separates classes."""
    rng = np.random.default_rng([settings.seed, sum(settings.model.encode())])
    labels = np.arange(IMAGES) % CLASSES
    weights, hits, activations = {}, {}, {}
    for number, (layer, nodes) in enumerate(NODES.items()):
        if "weights" in parts:
            weights[layer] = rng.normal(0, 0.1 + ACCURACY[settings.model], 400).astype(np.float32)
        if "activations" in parts:
            values = rng.normal(size=(IMAGES, nodes)) + 2 * number * np.eye(CLASSES, nodes)[labels]
            if layer != "output":
                values[:, -1] = -abs(values[:, -1])  # A node that is never active.
            activations[layer] = values.astype(np.float16)
            counts = [(values[labels == label] > 0).sum(axis=0) for label in range(CLASSES)]
            counts = np.array([*counts, IMAGES - np.sum(counts, axis=0)], np.int32)
            hits |= {layer: counts} if layer != "output" else {}
    names = tuple("abc")
    return Kept("f", names, np.full(CLASSES, IMAGES // CLASSES), labels, weights, hits, activations)


def words(figure):
    """All texts of a figure."""
    import matplotlib.text

    return [each.get_text() for each in figure.findobj(matplotlib.text.Text) if each.get_text()]
