"""One whole training: data set, model, epochs with checkpoints, one test at the end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from . import checkpoint, datasets, models
from .backends import NumpyBackend
from .datasets import Dataset
from .errors import InputError
from .network import Network
from .optimizers import Adam
from .training import Training, evaluate, fit

#: Epochs of the paper's protocol by data set, and what the embedded one needs to converge.
EPOCHS = {"digits": 100, "mnist": 15, "fmnist": 25, "kmnist": 25}
OTHER_EPOCHS = 25


@dataclass(frozen=True)
class Settings:
    """What determines a run's result; threads and, up to rounding, the backend do not.

    Attributes
    ----------
    dataset : str
        A name that `datasets.load` knows, or the path of an HDF5 file.
    dendrites, synapses : int
        Per soma, and per dendrite.
    epochs : int or None
        None: as in the paper for its data sets (`EPOCHS`), else `OTHER_EPOCHS`.
    """

    model: str = "dann-lrf"
    dataset: str = "digits"
    dendrites: int = 16
    somata: int = 64
    synapses: int = 16
    layers: int = 1
    epochs: int | None = None
    batch_size: int = 128
    learning_rate: float = 1e-3
    seed: int = 1

    def check(self) -> None:
        """Check what can be checked before anything is loaded.

        Raises
        ------
        InputError
            Where the model is unknown or a number is out of range.
        """
        models.check(self.model, self.dendrites, self.somata, self.synapses, self.layers)
        Adam(self.learning_rate)
        if self.epochs is not None and self.epochs < 1:
            raise InputError(f"epochs is {self.epochs}: give 1 or more")
        if self.batch_size < 1:
            raise InputError(f"batch size is {self.batch_size}: give 1 or more")
        if self.seed < 0:
            raise InputError(f"seed is {self.seed}: give 0 or more")


def run(
    settings: Settings,
    output: Path,
    *,
    backend: NumpyBackend,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Train, with a checkpoint after every epoch, and test once after the last.

    Parameters
    ----------
    settings : Settings
    output : Path
        The checkpoint; refused where it exists unless `resume` or `overwrite`.
    backend : NumpyBackend
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
    if output.exists() and not (resume or overwrite):
        raise InputError(f"'{output}' exists: give --resume, --overwrite or another --output")
    dataset = datasets.load(settings.dataset)
    epochs = settings.epochs or EPOCHS.get(dataset.name, OTHER_EPOCHS)
    about = {
        "settings": asdict(settings) | {"dataset": dataset.name},
        "source": settings.dataset,
        "fingerprint": dataset.fingerprint,
        "class_names": list(dataset.class_names),
    }
    if resume and output.exists():
        network, training, result = _resumed(output, about, epochs, backend)
        if result:
            say(f"'{output}' is finished: {epochs} epochs; give more --epochs to go on")
            return result
        say(f"going on from '{output}' after epoch {training.history.epochs}")
    else:
        network, training = _fresh(settings, dataset, backend)
        checkpoint.save(network, output, training=training, about=about)

    def keep(training: Training) -> None:
        checkpoint.save(network, output, training=training, about=about)

    history = fit(
        network,
        dataset.train_x,
        dataset.train_y,
        epochs=epochs,
        batch_size=settings.batch_size,
        seed=settings.seed,
        training=training,
        on_epoch=keep,
        progress=progress,
    )
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
        "training_loss": history.training_loss,
        "validation_loss": history.validation_loss,
        "validation_accuracy": history.validation_accuracy,
        "best_epoch": history.best_epoch,
        "train_seconds": sum(history.seconds),
        "seconds_per_epoch": median(history.seconds),
        "peak_memory_bytes": peak_memory(),
        "checkpoint": str(output),
    }
    checkpoint.save(network, output, training=training, about=about | {"result": result})
    return result


def fresh_output(settings: Settings, folder: Path = Path("runs")) -> Path:
    """Name a checkpoint that does not exist yet, and make its folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"the folder '{folder}' cannot be made ({error.strerror}): give --output"
        ) from error
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


def _fresh(settings: Settings, dataset: Dataset, backend: NumpyBackend) -> tuple[Network, Training]:
    network = models.build(
        settings.model,
        dataset.image_shape,
        dataset.classes,
        dendrites=settings.dendrites,
        somata=settings.somata,
        synapses=settings.synapses,
        layers=settings.layers,
        seed=settings.seed,
        backend=backend,
    )
    return network, Training.begin(network, settings.seed, Adam(settings.learning_rate))


def _resumed(
    output: Path, about: dict[str, Any], epochs: int, backend: NumpyBackend
) -> tuple[Network, Training, dict[str, Any] | None]:
    """Read the checkpoint of the same run, with its result if it has ended after `epochs`."""
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
    done = state.training.history.epochs
    if done > epochs:
        raise InputError(f"'{output}' has {done} epochs behind it: give --epochs {done} or more")
    result = state.about.get("result") if done == epochs else None
    return state.network, state.training, result
