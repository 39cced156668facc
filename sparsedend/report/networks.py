"""The page on a checkpoint."""

from __future__ import annotations

from pathlib import Path

from .. import backends, checkpoint, run, style
from ..backends import Backend
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
        Of whose test images predictions are shown; what the network was trained on if not given.
    backend : Backend, optional
        To compute with.

    Returns
    -------
    str
        HTML that refers to nothing outside of it; every name in it is escaped.

    Raises
    ------
    InputError
        Where the checkpoint or the data set cannot be used, or Matplotlib is not installed.
    """
    path = Path(path)
    style.library()
    state = checkpoint.read(path, backend=backend or backends.create())
    if isinstance(dataset, Dataset):
        given: Dataset | None = dataset
    elif dataset is not None or "settings" in state.about:
        given = run.images_of(path, state.about, dataset)
    else:
        given = None
    subject = Subject(path, state, given)
    lead = _lead(subject)
    shown = {}
    for title, section in SECTIONS.items():
        try:
            shown[title] = section(subject)
        except InputError as error:
            shown[title] = element("p", f"Left out: {error}.", class_="missing")
    return markup.page(path.name, lead, shown)


def _lead(subject: Subject) -> Markup:
    """What it is, and its main figures."""
    network, dataset = subject.network, subject.given
    found = {"parameters": f"{network.size:,}", "of all to all": f"{network.density:.2%}"}
    said = f"{subject.model or 'A network'} of {network.inputs:,} inputs"
    if dataset is not None:
        said += f", tested with {len(dataset.test_x):,} images of {dataset.name}"
        tested = evaluate(network, dataset.test_x, dataset.test_y)
        if network.loss.judges:
            found["test accuracy"] = f"{tested.accuracy:.2%}"
        found["test loss"] = f"{tested.loss:.4f}"
    training = subject.state.training
    if training is not None and training.history.epochs:
        found["epochs"] = f"{training.history.epochs}"
        found["seconds of training"] = f"{sum(training.history.seconds):,.1f}"
    return Markup(element("p", f"{said}.") + markup.facts(found))
