"""What Chavlis & Poirazi (2025) publish: accuracy in %, loss in nats, mean and deviation."""

from __future__ import annotations

from typing import NamedTuple

#: Table 1: the best size of 35 by test accuracy, five trials.
_DATASETS = ("mnist", "fmnist", "kmnist", "emnist", "cifar10")
_ACCURACY = """
dann-r     98.090 .058    89.612 .087    91.076 .081     82.745 .257     52.458 .435
dann-lrf   98.466 .106    90.256 .224    91.928 .064     83.166 .089     56.966 .980
dann-grf   98.576 .081    90.182 .216    90.046 .292     83.779 .206     56.998 .488
pdann      98.466 .086    90.184 .220    90.610 .693     84.121 .188     60.120 .391
vann       98.034 .274    89.288 .365    91.552 .663     83.381 .268     49.082 1.209
"""
_LOSS = """
dann-r     .0644 .0013    .3245 .0028    .5068 .0045    1.0591 .0225    1.4612 .0172
dann-lrf   .0483 .0018    .2975 .0042    .4374 .0037     .6105 .0048    1.2684 .0230
dann-grf   .0471 .0022    .2947 .0052    .5757 .0335     .5605 .0077    1.3398 .0217
pdann      .0503 .0023    .2935 .0043    .4789 .0378     .5390 .0060    1.2811 .0247
vann       .0967 .0116    .4040 .0066    .8246 .0791    2.0860 .0476    2.0455 .1375
"""


class Published(NamedTuple):
    """Means and standard deviations."""

    accuracy: float
    accuracy_sd: float
    loss: float
    loss_sd: float


def _pairs(text: str) -> dict[tuple[str, str], tuple[float, float]]:
    """Mean and deviation by model and data set."""
    found = {}
    for line in text.strip().splitlines():
        model, *numbers = line.split()
        values = list(map(float, numbers))
        for place, dataset in enumerate(_DATASETS):
            found[model, dataset] = (values[2 * place], values[2 * place + 1])
    return found


#: By model and data set.
TABLE1 = {
    key: Published(*accuracy, *_pairs(_LOSS)[key]) for key, accuracy in _pairs(_ACCURACY).items()
}
#: Table 2, by model: sequential learning of Fashion-MNIST.
TABLE2 = {
    "dann-r": Published(56.8, 1.7, 3.39, 0.31),
    "dann-lrf": Published(59.7, 1.5, 1.65, 0.18),
    "dann-grf": Published(59.3, 1.3, 1.80, 0.15),
    "vann": Published(28.5, 9.5, 313.0, 241.0),
}
#: Single sizes on Fashion-MNIST, accuracy % / loss: from the published files of results, or from
#: the authors' newest code, which we ran.
SIZES = {
    ("dann-r", 4, 128): "86.83 / .3650 published; 87.13 / .3614 authors' code, 3 trials",
    ("vann", 4, 128): "89.11 / .4012 published; 89.61 / .3724 authors' code, 1 trial",
    ("dann-lrf", 16, 256): "90.00 / .2924 authors' code, 1 trial",
    ("dann-r", 16, 256): "89.17 / .3091 authors' code, 1 trial",
    ("dann-grf", 8, 256): "88.98 / .3123 authors' code, 1 trial",
}
