"""One whole training: data set, model, epochs with checkpoints, one test at the end."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from . import checkpoint, datasets, models
from .backends import Backend
from .datasets import Dataset
from .errors import InputError
from .files import check_free, exists, make_folder, remove_leftovers, target_of
from .locks import locked
from .network import Network
from .randomness import stream
from .session import Evaluation
from .settings import SETTINGS, Settings
from .training import (
    Callback,
    EarlyStopping,
    Fitting,
    History,
    ProgressBar,
    Training,
    evaluate,
    fit,
)
from .training.schedules import named
from .training.splits import split_by_class
from .version import __version__

#: In any training, of a parameter: float32 for it and its gradient.
LEAST_BYTES = 8
#: Numbers that every result has, besides its settings and its curves.
FIGURES = (
    *("parameters", "density", "test_accuracy", "test_loss", "epochs", "best_epoch"),
    *("train_seconds", "seconds_per_epoch"),
)


def run(
    settings: Settings,
    output: str | Path | None,
    *,
    backend: Backend,
    dataset: Dataset | None = None,
    resume: bool = False,
    overwrite: bool = False,
    no_lock: bool = False,
    progress: bool | None = None,
    say: Callable[[str], None] = lambda line: None,
    trained: Callable[[Network, Dataset], None] = lambda network, dataset: None,
) -> dict[str, Any]:
    """Train, with a checkpoint after every epoch, and test once after the last.

    No other run may write the same checkpoint meanwhile.

    Parameters
    ----------
    settings : Settings
    output : str or Path, optional
        The checkpoint; refused where it exists unless `resume` or `overwrite`. None: keep none.
    backend : Backend
    dataset : Dataset, optional
        What the run sees, where the caller has it already (`seen`).
    resume : bool
        Go on from `output` where it exists.
    overwrite : bool
        Replace `output` where it exists, as soon as an epoch has ended.
    no_lock : bool
        Do not keep other runs from writing `output`, where its file system has no locks.
    progress : bool, optional
        Show a progress bar; by default where standard error is a terminal.
    say : callable
        Called with a line on where the run stands.
    trained : callable
        Called once, at the end, with the trained network and the data set as the run saw it.

    Returns
    -------
    dict
        JSON-able facts, the settings among them.

    Raises
    ------
    InputError
        Where data or output cannot be used, or another run is writing the output.
    """
    arguments = settings, backend, dataset, resume, progress, say, trained
    if output is None:
        return _run(None, *arguments)
    path = Path(output)
    check_output(path, resume=resume, overwrite=overwrite)
    with locked(path, lock=not no_lock):
        # Another run may have ended since.
        check_output(path, resume=resume, overwrite=overwrite)
        remove_leftovers(path)
        return _run(path, *arguments)


def check_output(output: Path | None, *, resume: bool, overwrite: bool) -> None:
    """Refuse to write a file where something would be lost.

    Raises
    ------
    InputError
        Where it exists, and neither `resume` nor `overwrite` is given, or where both are; where it
        is no file.
    """
    if resume and overwrite:
        raise InputError("`resume` and `overwrite` are both given: choose one")
    if output is not None:
        advice = "give `resume=True`, `overwrite=True` or another `output`"
        check_free(output, overwrite=resume or overwrite, advice=advice)


def seen(settings: Settings, dataset: Dataset) -> Dataset:
    """Images and labels as a run sees them: with its noise."""
    return datasets.noisy(dataset, settings.noise, stream(settings.seed, "noise"))


def plan(settings: Settings, dataset: Dataset) -> list[models.Matrix]:
    """Matrices of the network on that data set, before anything is built or written.

    Raises
    ------
    InputError
        Where the network or the batches do not fit the images, or the memory not the network.
    """
    if settings.sequential:
        split_by_class(dataset.train_y, settings.batch_size, settings.seed)
    matrices = models.plan(settings.model, dataset.image_shape, dataset.classes, **settings.sizes)
    parameters = sum(matrix.parameters for matrix in matrices)
    needed, memory = LEAST_BYTES * parameters, _memory()
    if memory is not None and needed > memory:
        raise InputError(
            f"the network has {parameters:,} parameters, which with their gradients take "
            f"{needed / 1e9:,.0f} GB, and this machine has {memory / 1e9:,.0f} GB: choose a "
            "smaller one"
        )
    return matrices


def settings_of(path: str | Path, about: Mapping[str, Any], *, tolerant: bool = False) -> Settings:
    """Settings that a checkpoint was written with, by what it says of its run.

    Raises
    ------
    InputError
        As `Settings.from_record`, with the path.
    """
    try:
        return Settings.from_record(about["settings"], about.get("written_by"), tolerant=tolerant)
    except InputError as error:
        raise InputError(f"'{path}': {error}") from error


def model_of(path: str | Path, about: Mapping[str, Any]) -> str:
    """Name of the model that a checkpoint holds; empty where it does not say. Raises as above."""
    return settings_of(path, about, tolerant=True).model if "settings" in about else ""


def images_of(
    path: str | Path, about: Mapping[str, Any], dataset: str | Path | None = None
) -> Dataset:
    """Images that a checkpoint's network was trained and tested on, or another data set.

    Parameters
    ----------
    path : str or Path
        Of the checkpoint, for messages.
    about : mapping
        What it says of its run.
    dataset : str or Path, optional
        As `datasets.load` takes it; what the run saw if not given.

    Raises
    ------
    InputError
        Where the checkpoint does not say what that was, or there is no such data set.
    """
    if dataset is not None:
        return datasets.load(dataset)
    if "settings" not in about:
        raise InputError(f"'{path}' does not say what it was trained on: give `dataset`")
    settings = settings_of(path, about, tolerant=True)
    return seen(settings, datasets.load(str(about.get("source", settings.dataset))))


def fresh_output(settings: Settings, folder: Path = Path("runs")) -> Path:
    """Name a checkpoint that does not exist yet, and make its folder."""
    make_folder(folder, "give an `output`")
    number = 1
    while exists(path := folder / f"{settings.short_name}-{number}.h5"):
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


def _run(
    path: Path | None,
    settings: Settings,
    backend: Backend,
    dataset: Dataset | None,
    resume: bool,
    progress: bool | None,
    say: Callable[[str], None],
    trained: Callable[[Network, Dataset], None],
) -> dict[str, Any]:
    """As `run`, with the output for itself."""
    dataset = dataset or seen(settings, datasets.load(settings.dataset))
    plan(settings, dataset)
    wanted = settings.resolved(dataset.name)
    about = {
        "settings": asdict(wanted),
        "written_by": __version__,
        "source": settings.dataset,
        "fingerprint": dataset.fingerprint,
        "class_names": list(dataset.class_names),
    }
    if path is not None and resume and exists(path):
        network, training, result = _resumed(path, wanted, dataset.fingerprint, backend)
        if result:
            say(f"'{path}' is finished: {result['epochs']} epochs; {_more(settings)}")
            trained(network, dataset)
            return result
        say(f"going on from '{path}' after epoch {training.history.epochs}")
    else:
        network, training = _fresh(settings, dataset, backend)

    def keep(**more: Any) -> None:
        if path is not None:
            checkpoint.save(network, path, training=training, about=about | more)

    def keep_epoch(fitting: Fitting) -> None:
        keep()

    callbacks: list[Callback | Callable] = [ProgressBar(progress)]
    if settings.patience is not None:
        callbacks.append(EarlyStopping(settings.patience))
    callbacks.append(keep_epoch)
    # What is replaced stays until an epoch has ended.
    begun = path if path is not None and not exists(path) else None
    if begun:
        keep()
    try:
        history = fit(
            network,
            dataset.train_x,
            dataset.train_y,
            epochs=wanted.epochs_on(dataset.name),
            callbacks=callbacks,
            training=training,
        )
    except InputError:
        if begun and training.history.epochs == 0:
            target_of(begun).unlink(missing_ok=True)  # Nothing has been learnt that could be lost.
        raise
    tested = evaluate(network, dataset.test_x, dataset.test_y, batch_size=settings.batch_size)
    result = {
        **asdict(wanted),
        **_figures(network, history, tested),
        "backend": backend.name,
        "threads": backend.threads,
        "peak_memory_bytes": peak_memory(),
        "checkpoint": str(path) if path else None,
    }
    keep(result=result)
    trained(network, dataset)
    return result


def _memory() -> int | None:
    """Bytes of this machine's memory; None where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _figures(network: Network, history: History, tested: Evaluation) -> dict[str, Any]:
    """What came out of a training."""
    return {
        "parameters": network.size,
        "density": network.density,
        "test_accuracy": tested.accuracy,
        "test_loss": tested.loss,
        **vars(history),
        "epochs": history.epochs,
        "best_epoch": history.best_epoch,
        "train_seconds": sum(history.seconds),
        "seconds_per_epoch": median(history.seconds),
    }


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
    training = Training(
        settings.new_optimizer(),
        batch_size=settings.batch_size,
        schedule=settings.schedule,
        sequential=settings.sequential,
        seed=settings.seed,
    )
    return network, training


def _resumed(
    path: Path, wanted: Settings, fingerprint: str, backend: Backend
) -> tuple[Network, Training, dict[str, Any] | None]:
    """Read the checkpoint of the same run, with its result if it has ended."""
    state = checkpoint.read(path, backend=backend)
    about = state.about
    if "settings" not in about or state.training is None:
        raise InputError(f"'{path}' holds a network but no training: give another `output`")
    before = settings_of(path, about)
    _check_same_run(path, wanted, before, same_images=about.get("fingerprint") == fingerprint)
    done = state.training.history.epochs
    # The first version kept no number of epochs that was not given.
    epochs, planned = (each.epochs_on(wanted.dataset) for each in (wanted, before))
    if done > epochs:
        raise InputError(f"'{path}' has {done} epochs behind it: give `epochs={done}` or more")
    if epochs != planned and wanted.schedule != "constant":
        raise InputError(
            f"'{path}' follows a {wanted.schedule} schedule over {planned} epochs, not {epochs}: "
            f"give `epochs={planned}`"
        )
    _take_up(state.training, wanted, planned)
    ended = epochs <= planned or wanted.patience is not None
    result = about.get("result") if ended else None
    if result is not None and not _is_whole(result):
        raise InputError(f"'{path}' has no whole result: use another copy, or train again")
    return state.network, state.training, result


def _is_whole(result: Any) -> bool:
    """Whether a result from a file has the figures of every run."""
    if not isinstance(result, Mapping) or not all(name in result for name in FIGURES):
        return False
    figures = [result[name] for name in FIGURES]
    for name in vars(History()):
        curve = result.get(name)
        figures += curve if isinstance(curve, list) else [None]
    return all(isinstance(figure, int | float) for figure in figures)


def _take_up(training: Training, settings: Settings, planned: int) -> None:
    """Give a training what the first formats of checkpoints left to the settings."""
    training.batch_size = settings.batch_size
    training.schedule = named(settings.schedule)
    training.sequential = settings.sequential
    training.seed = settings.seed
    training.planned = training.planned or planned


def _check_same_run(path: Path, wanted: Settings, before: Settings, *, same_images: bool) -> None:
    """Refuse a checkpoint of other settings, but for the number of epochs, or of other images."""
    differing = [
        f"{known.title} {getattr(before, name)} there, {getattr(wanted, name)} here"
        for name, known in SETTINGS.items()
        if name != "epochs" and getattr(before, name) != getattr(wanted, name)
    ]
    if not differing and not same_images:
        differing.append("other images or labels")
    if differing:
        raise InputError(
            f"'{path}' is another run's ({'; '.join(differing)}): give its settings or another "
            "`output`"
        )


def _more(settings: Settings) -> str:
    """What becomes of a finished run when more epochs are wanted."""
    if settings.patience is None:
        return "give more `epochs` to go on"
    return "after early stopping it cannot go on"
