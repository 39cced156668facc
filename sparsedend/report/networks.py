"""The page on a checkpoint."""

from __future__ import annotations

from pathlib import Path

from .. import backends, checkpoint, run, style
from ..backends import Backend
from ..checkpoint import Checkpoint
from ..datasets import Dataset
from ..errors import InputError
from ..training import evaluate
from . import markup, sections
from .markup import Markup, element
from .subject import Subject

SECTIONS = {
    "Training": sections.curves,
    "Confusions": sections.confusion,
    "Most confused images": sections.most_confused,
    "Receptive fields": sections.receptive_fields,
    "Weights": sections.weights,
    "Nodes": sections.nodes,
    "Network": sections.network,
    "Configuration": sections.configuration,
}


def of_checkpoint(
    path: str | Path,
    dataset: str | Path | Dataset | None = None,
    *,
    backend: Backend | None = None,
) -> str:
    """A page on a network and its training, with all that can be shown, and why the rest cannot.

    Parameters
    ----------
    path : str or Path
        Of the checkpoint.
    dataset : Dataset, or what `datasets.load` takes, optional
        Of whose test images predictions are shown; what the network was trained on if not given,
        without which they are left out.
    backend : Backend, optional
        To compute with.

    Returns
    -------
    str
        HTML that refers to nothing outside of it; every name in it is escaped.

    Raises
    ------
    InputError
        Where the checkpoint or a data set that is given cannot be used, or Matplotlib is not
        installed.
    """
    path = Path(path)
    style.library()
    state = checkpoint.read(path, backend=backend or backends.create())
    subject = _subject(path, state, dataset)
    lead = _lead(subject)
    shown = {}
    for title, section in SECTIONS.items():
        try:
            shown[title] = section(subject)
        except InputError as error:
            shown[title] = element("p", f"Left out: {error}.", class_="missing")
    return markup.page(path.name, lead, shown)


def _subject(path: Path, state: Checkpoint, dataset: str | Path | Dataset | None) -> Subject:
    """What the page is about; with a reason instead of images where none are given or there."""
    if dataset is None and "settings" not in state.about:
        why = "the checkpoint does not say what it was trained on: name a data set"
        return Subject(path, state, why=why)
    try:
        given = (
            dataset if isinstance(dataset, Dataset) else run.images_of(path, state.about, dataset)
        )
        tested = evaluate(state.network, given.test_x, given.test_y)
    except InputError as error:
        if dataset is not None:
            raise
        why = f"what it was trained on cannot be used ({error}): name a data set"
        return Subject(path, state, why=why)
    return Subject(path, state, given, tested)


def _lead(subject: Subject) -> Markup:
    """What it is, and its main figures."""
    network, dataset, tested = subject.network, subject.given, subject.tested
    found = {"parameters": f"{network.size:,}", "of all to all": f"{network.density:.2%}"}
    said = f"{subject.model or 'A network'} of {network.inputs:,} inputs"
    if dataset is not None and tested is not None:
        said += f", tested with {len(dataset.test_x):,} images of {dataset.name}"
        if network.loss.judges:
            found["test accuracy"] = f"{tested.accuracy:.2%}"
        found["test loss"] = f"{tested.loss:.4f}"
    training = subject.state.training
    if training is not None and training.history.epochs:
        found["epochs"] = f"{training.history.epochs}"
        found["seconds of training"] = f"{sum(training.history.seconds):,.1f}"
    return Markup(element("p", f"{said}.") + markup.facts(found))
