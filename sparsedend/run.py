"""One whole training: data set, model, epochs with checkpoints, one test at the end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from . import checkpoint, datasets, initializers, models
from .backends import Backend
from .connectivity import INT32_MAX
from .datasets import Dataset
from .errors import InputError
from .files import make_folder
from .history import Training
from .network import Network
from .optimizers import Adam
from .randomness import stream
from .schedules import schedule
from .splits import split_by_class
from .training import evaluate, fit

#: Epochs of the paper's protocol by data set.
PAPER_EPOCHS = {"mnist": 15, "fmnist": 25, "kmnist": 25, "emnist": 50, "cifar10": 50}
#: Where the paper says nothing: what the embedded data set needs to converge, and others.
OTHER_EPOCHS = {"digits": 100}
DEFAULT_EPOCHS = 25
#: At most, with early stopping (supplementary figures of the paper).
STOPPED_EPOCHS = 100
#: The rest of the paper's protocol (Methods), whatever the defaults below become.
PAPER: dict[str, Any] = {
    "synapses": 16,
    "exact": False,
    "initializer": "glorot",
    "batch_size": 128,
    "learning_rate": 1e-3,
    "schedule": "constant",
    "weight_decay": 0.0,
}


@dataclass(frozen=True)
class Settings:
    """What determines a run's result; threads and, up to rounding, the backend do not.

    Attributes
    ----------
    dataset : str
        A name that `datasets.load` knows, or the path of an HDF5 file.
    dendrites, synapses : int
        Per soma, and per dendrite.
    exact, dropout, initializer
        As in `models.build`.
    epochs : int or None
        None: as in the paper for its data sets, twice as many with `sequential`, `STOPPED_EPOCHS`
        with `patience`.
    schedule, weight_decay, patience, sequential
        As in `fit` and `Adam`.
    noise : float
        Standard deviation of the Gaussian noise on all images (`datasets.noisy`).
    """

    model: str = "dann-lrf"
    dataset: str = "digits"
    dendrites: int = 16
    somata: int = 64
    synapses: int = 16
    layers: int = 1
    exact: bool = False
    dropout: float = 0.0
    initializer: str = "glorot"
    epochs: int | None = None
    batch_size: int = 128
    learning_rate: float = 1e-3
    schedule: str = "constant"
    weight_decay: float = 0.0
    patience: int | None = None
    sequential: bool = False
    noise: float = 0.0
    seed: int = 1

    def check(self) -> None:
        """Check what can be checked before anything is loaded.

        Raises
        ------
        InputError
            Where a name is unknown or a number is out of range.
        """
        models.check(self.model, self.dendrites, self.somata, self.synapses, self.layers)
        Adam(self.learning_rate, weight_decay=self.weight_decay)
        schedule(self.schedule)
        initializers.named(self.initializer)
        for name in ("epochs", "batch_size", "patience"):
            value = getattr(self, name)
            if value is not None and not 1 <= value <= INT32_MAX:
                words = name.replace("_", " ")
                raise InputError(f"{words} is {value}: give a number from 1 to {INT32_MAX}")
        if not 0 <= self.seed < 2**63:
            raise InputError(f"seed is {self.seed}: give a number from 0 to 2**63 - 1")
        if not 0 <= self.dropout < 1:
            raise InputError(
                f"dropout is {self.dropout}: give a rate from 0 up to, not including, 1"
            )
        if not 0 <= self.noise < float("inf"):
            raise InputError(
                f"noise is {self.noise}: give a finite standard deviation of 0 or more"
            )

    def epochs_on(self, dataset: str) -> int:
        """Epochs in all on the data set of that name."""
        if self.epochs is not None:
            return self.epochs
        if self.patience is not None:
            return STOPPED_EPOCHS
        known = PAPER_EPOCHS | OTHER_EPOCHS
        return known.get(dataset, DEFAULT_EPOCHS) * (2 if self.sequential else 1)

    def check_on(self, dataset: Dataset) -> None:
        """Check what depends on the data set, before anything is built or written.

        Raises
        ------
        InputError
            Where the network or the batches do not fit the images.
        """
        self.plan(dataset)
        if self.sequential:
            split_by_class(dataset.train_y, self.batch_size, self.seed)

    def plan(self, dataset: Dataset) -> list[models.Matrix]:
        """Matrices of the network on that data set, without building it."""
        return models.plan(self.model, dataset.image_shape, dataset.classes, **self.sizes)

    @property
    def sizes(self) -> dict[str, Any]:
        """What `models.plan` and `models.build` need to know of the network's size."""
        names = ("dendrites", "somata", "synapses", "layers", "exact")
        return {name: getattr(self, name) for name in names}


def chosen(given: Mapping[str, Any], preset: str | None = None) -> Settings:
    """Settings from those given and, for all others, a preset's or the defaults.

    Raises
    ------
    InputError
        Where the preset is unknown or says nothing about the data set.
    """
    if preset is None:
        return Settings(**given)
    if preset != "paper":
        raise InputError(f"unknown preset '{preset}': choose paper")
    settings = Settings(**(PAPER | dict(given)))
    if settings.dataset not in PAPER_EPOCHS:
        raise InputError(
            f"preset 'paper' knows no data set '{settings.dataset}': "
            f"choose one of {', '.join(PAPER_EPOCHS)}"
        )
    return replace(settings, epochs=settings.epochs_on(settings.dataset))


def seen(settings: Settings, dataset: Dataset) -> Dataset:
    """Images and labels as a run sees them: with its noise."""
    return datasets.noisy(dataset, settings.noise, stream(settings.seed, "noise"))


def run(
    settings: Settings,
    output: Path | None,
    *,
    backend: Backend,
    dataset: Dataset | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Train, with a checkpoint after every epoch, and test once after the last.

    Parameters
    ----------
    settings : Settings
    output : Path or None
        The checkpoint; refused where it exists unless `resume` or `overwrite`. None: keep none.
    backend : Backend
    dataset : Dataset, optional
        What the run sees, where the caller has it already (`seen`).
    resume : bool
        Go on from `output` where it exists.
    overwrite : bool
        Replace `output` where it exists.
    progress : bool, optional
        Show a progress bar; by default where standard error is a terminal.
    say : callable
        Called with a line on where the run stands.

    Returns
    -------
    dict
        JSON-able facts, the settings among them.

    Raises
    ------
    InputError
        Where settings, data or output cannot be used.
    """
    settings.check()
    exists = output is not None and output.exists()
    if exists and not (resume or overwrite):
        raise InputError(f"'{output}' exists: give --resume, --overwrite or another --output")
    dataset = dataset or seen(settings, datasets.load(settings.dataset))
    settings.check_on(dataset)
    epochs = settings.epochs_on(dataset.name)
    about = {
        "settings": asdict(settings) | {"dataset": dataset.name, "epochs": epochs},
        "source": settings.dataset,
        "fingerprint": dataset.fingerprint,
        "class_names": list(dataset.class_names),
    }
    if output is not None and exists and resume:
        network, training, result = _resumed(output, about, backend)
        if result:
            more = "give more --epochs to go on"
            if settings.patience is not None:
                more = "after early stopping it cannot go on"
            say(f"'{output}' is finished: {result['epochs']} epochs; {more}")
            return result
        say(f"going on from '{output}' after epoch {training.history.epochs}")
    else:
        network, training = _fresh(settings, dataset, backend)

    def keep(training: Training, **more: Any) -> None:
        if output is not None:
            checkpoint.save(network, output, training=training, about=about | more)

    if training.history.epochs == 0:
        keep(training)
    try:
        history = fit(
            network,
            dataset.train_x,
            dataset.train_y,
            epochs=epochs,
            batch_size=settings.batch_size,
            seed=settings.seed,
            schedule=schedule(settings.schedule),
            patience=settings.patience,
            sequential=settings.sequential,
            training=training,
            on_epoch=keep,
            progress=progress,
        )
    except InputError:
        if output is not None and training.history.epochs == 0:
            output.unlink(missing_ok=True)  # Nothing has been learnt that could be lost.
        raise
    tested = evaluate(network, dataset.test_x, dataset.test_y, batch_size=settings.batch_size)
    result = {
        **asdict(settings),
        "dataset": dataset.name,
        "epochs": history.epochs,
        "backend": backend.name,
        "threads": backend.threads,
        "parameters": network.size,
        "density": network.density,
        "test_accuracy": tested.accuracy,
        "test_loss": tested.loss,
        **vars(history),
        "best_epoch": history.best_epoch,
        "train_seconds": sum(history.seconds),
        "seconds_per_epoch": median(history.seconds),
        "peak_memory_bytes": peak_memory(),
        "checkpoint": str(output) if output else None,
    }
    keep(training, result=result)
    return result


def fresh_output(settings: Settings, folder: Path = Path("runs")) -> Path:
    """Name a checkpoint that does not exist yet, and make its folder."""
    make_folder(folder, "give --output")
    dataset = Path(settings.dataset).stem
    stem = f"{settings.model}-{dataset}-{settings.dendrites}x{settings.somata}-s{settings.seed}"
    number = 1
    while (path := folder / f"{stem}-{number}.h5").exists():
        number += 1
    return path


def peak_memory() -> int | None:
    """Maximum resident set of this process in bytes; None where the system does not tell."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _fresh(settings: Settings, dataset: Dataset, backend: Backend) -> tuple[Network, Training]:
    network = models.build(
        settings.model,
        dataset.image_shape,
        dataset.classes,
        **settings.sizes,
        dropout=settings.dropout,
        initializer=settings.initializer,
        seed=settings.seed,
        backend=backend,
    )
    adam = Adam(settings.learning_rate, weight_decay=settings.weight_decay)
    return network, Training.begin(network, settings.seed, adam)


def _resumed(
    output: Path, about: dict[str, Any], backend: Backend
) -> tuple[Network, Training, dict[str, Any] | None]:
    """Read the checkpoint of the same run, with its result if it has ended."""
    state = checkpoint.read(output, backend=backend)
    before = state.about.get("settings")
    if before is None or state.training is None:
        raise InputError(f"'{output}' holds a network but no training: give another --output")
    wanted = about["settings"]
    differing = [
        f"{name} {before.get(name)} there, {value} here"
        for name, value in wanted.items()
        if name != "epochs" and before.get(name) != value
    ]
    if state.about.get("fingerprint") != about["fingerprint"]:
        differing.append("other images or labels")
    if differing:
        raise InputError(
            f"'{output}' is another run's ({'; '.join(differing)}): give its settings or another "
            "--output"
        )
    epochs, planned = wanted["epochs"], before["epochs"]
    done = state.training.history.epochs
    if done > epochs:
        raise InputError(f"'{output}' has {done} epochs behind it: give --epochs {done} or more")
    result = state.about.get("result")
    if epochs != planned and wanted["schedule"] != "constant":
        raise InputError(
            f"'{output}' follows a {wanted['schedule']} schedule over {planned} epochs, not "
            f"{epochs}: give --epochs {planned}"
        )
    if epochs > planned and wanted["patience"] is None:
        result = None
    return state.network, state.training, result
