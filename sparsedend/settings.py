"""Every setting of a run once: its default, words, range, choices and unit.

All that knows of settings derives from here: the options of the command line, the keys of a grid,
the columns of a sweep's results, the record in a checkpoint and what a resumed run compares, the
preset of the paper. Another setting is another field of `Settings`, and a line where it is used.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np

from .connectivity import INT32_MAX
from .errors import InputError, suggestion
from .initializers import INITIALIZERS
from .models import LAYERS, MODELS
from .numbers import real, whole
from .optimizers import SGD, Adam, AdamW, Optimizer
from .randomness import SEED_MAX
from .training.schedules import SCHEDULES

#: Epochs of the paper's protocol by data set.
PAPER_EPOCHS = {"mnist": 15, "fmnist": 25, "kmnist": 25, "emnist": 50, "cifar10": 50}
#: Where the paper says nothing: what the embedded data set needs to converge, and others.
OTHER_EPOCHS = {"digits": 100}
DEFAULT_EPOCHS = 25
#: At most, with early stopping (supplementary figures of the paper).
STOPPED_EPOCHS = 100

#: Momentum of gradient descent, which is Nesterov's.
MOMENTUM = 0.9


def _adam(settings: Settings) -> Optimizer:
    if not settings.weight_decay:
        return Adam(settings.learning_rate)
    return AdamW(settings.learning_rate, settings.weight_decay)


def _sgd(settings: Settings) -> Optimizer:
    if settings.weight_decay:
        raise InputError(
            f"weight decay is {settings.weight_decay:g}, and optimizer 'sgd' has none: choose "
            "'adam', or leave it out"
        )
    return SGD(settings.learning_rate, MOMENTUM, nesterov=True)


#: What makes the optimizer of a run, by the optimizer's name.
OPTIMIZERS: dict[str, Callable[[Settings], Optimizer]] = {"adam": _adam, "sgd": _sgd}


@dataclass(frozen=True)
class Setting:
    """What is known of one setting.

    Attributes
    ----------
    name : str
    kind : type
        Of its values: bool, int, float or str.
    optional : bool
        Whether None is a value too.
    default
    words : str
        What it means, in an English sentence.
    limits : mapping
        Range of a number, as `numbers.whole` and `numbers.real` take it; whole numbers are from 1
        to `INT32_MAX` where nothing else is said.
    choices : collection of str
        All texts that may be given; none where any may.
    unit : str
        What a number counts.
    none : str
        What None stands for.
    size : bool
        Whether the size of a network depends on it, so that `models.plan` takes it.
    paper
        Value in the preset of the paper; `MISSING` where that says nothing.
    """

    name: str
    kind: type
    optional: bool
    default: Any
    words: str
    limits: Mapping[str, Any]
    choices: Collection[str]
    unit: str
    none: str
    size: bool
    paper: Any

    @property
    def title(self) -> str:
        """Its name in a message."""
        return self.name.replace("_", " ")

    @property
    def option(self) -> str:
        """Its name on the command line."""
        return f"--{self.name.replace('_', '-')}"

    def checked(self, value: Any) -> Any:
        """Give the value as Python's own type, where it is one of this setting.

        Raises
        ------
        InputError
            Where it is of another kind, out of range or no choice.
        """
        if value is None and self.optional:
            return None
        if self.kind is int:
            return whole(self.title, value, **({"most": INT32_MAX} | dict(self.limits)))
        if self.kind is float:
            return real(self.title, value, **self.limits)
        if self.kind is bool:
            return self._truth(value)
        return self._text(value)

    def _truth(self, value: Any) -> bool:
        if not isinstance(value, bool | np.bool_):
            raise InputError(f"{self.title} is {value!r}: give true or false")
        return bool(value)

    def _text(self, value: Any) -> str:
        if not isinstance(value, str | os.PathLike):
            raise InputError(f"{self.title} is {value!r}: give a text")
        text = str(os.fspath(value))
        if "\0" in text or not _is_unicode(text):
            # No file of results could hold it.
            raise InputError(f"{self.title} is {text!r}: give a text of Unicode without NUL")
        if self.choices and text not in self.choices:
            hint = suggestion(text, self.choices)
            known = ", ".join(self.choices)
            raise InputError(f"unknown {self.title} '{text}': {hint}choose one of {known}")
        return text


def _is_unicode(text: str) -> bool:
    """Whether it has no byte of a path that is none of a character."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def setting(
    default: Any,
    words: str,
    *,
    choices: Collection[str] = (),
    unit: str = "",
    none: str = "",
    size: bool = False,
    paper: Any = MISSING,
    **limits: Any,
) -> Any:
    """Field of `Settings`; parameters are the attributes of `Setting`."""
    known = {"choices": choices, "unit": unit, "none": none, "size": size, "paper": paper}
    return field(default=default, metadata={"words": words, "limits": limits, **known})


@dataclass(frozen=True)
class Settings:
    """What determines a run's result; threads and, up to rounding, the backend do not.

    What each field means, and what it may be, stands beside it. Settings that exist can be used:
    numbers of NumPy become Python's, and everything that needs no data set is checked.

    Raises
    ------
    InputError
        Where a value is of another kind, out of range or unknown.
    """

    model: str = setting("dann-lrf", "Name of a model.", choices=MODELS)
    dataset: str = setting("digits", "Name of a data set, or the path of an HDF5 file.")
    dendrites: int = setting(16, "Number of dendrites of each soma.", size=True)
    somata: int = setting(64, "Number of somata in each layer.", size=True)
    synapses: int = setting(16, "Number of synapses of each dendrite.", size=True, paper=16)
    layers: int = setting(1, "Number of dendrosomatic layers.", size=True, most=LAYERS)
    exact: bool = setting(
        False,
        "Give every dendrite exactly its number of random synapses, instead of on average.",
        size=True,
        paper=False,
    )
    dropout: float = setting(
        0.0, "Rate at which activations of hidden layers are dropped.", least=0, below=1
    )
    initializer: str = setting(
        "glorot", "Rule by which initial weights are drawn.", choices=INITIALIZERS, paper="glorot"
    )
    epochs: int | None = setting(
        None,
        "Number of epochs in all, with those before a resumption.",
        unit="epochs",
        none="as in the paper",
    )
    batch_size: int = setting(128, "Number of images in a step.", unit="images", paper=128)
    optimizer: str = setting(
        "adam", "Rule by which a step changes the weights.", choices=OPTIMIZERS, paper="adam"
    )
    learning_rate: float = setting(
        1e-3, "Learning rate, before the schedule's factor.", paper=1e-3, least=0, above=True
    )
    schedule: str = setting(
        "constant",
        "Rule by which the learning rate changes from epoch to epoch.",
        choices=SCHEDULES,
        paper="constant",
    )
    weight_decay: float = setting(
        0.0,
        "Share of every weight that a step takes off it, before the factor of the learning rate.",
        paper=0.0,
        least=0,
    )
    patience: int | None = setting(
        None,
        "Number of epochs without a lower validation loss after which training stops early.",
        unit="epochs",
        none="no early stopping",
    )
    sequential: bool = setting(False, "Train on one class after the other, without shuffling.")
    noise: float = setting(
        0.0,
        "Standard deviation of the Gaussian noise on all images, whose values are 0 to 1.",
        least=0,
    )
    seed: int = setting(1, "Seed of everything that is random.", least=0, most=SEED_MAX)

    def __post_init__(self) -> None:
        for name, known in SETTINGS.items():
            object.__setattr__(self, name, known.checked(getattr(self, name)))
        self.new_optimizer()

    @classmethod
    def from_record(
        cls, record: Mapping[str, Any], written_by: str | None, *, tolerant: bool = False
    ) -> Settings:
        """Settings of a record in a file, which another version may have written.

        A setting that did not exist then has its default.

        Parameters
        ----------
        record : mapping
            As `dataclasses.asdict` made it.
        written_by : str, optional
            Version that wrote it, where it says so.
        tolerant : bool
            Warn of settings that are unknown here, instead of refusing them.

        Raises
        ------
        InputError
            Where a setting is unknown, or has a value that it cannot have.
        """
        if not isinstance(record, Mapping):
            raise InputError(f"the settings are {record!r}: use another copy of the file")
        unknown = [name for name in record if name not in SETTINGS]
        tell_unknown(unknown, written_by, tolerant=tolerant)
        return cls(**{name: value for name, value in record.items() if name in SETTINGS})

    def new_optimizer(self) -> Optimizer:
        """Make the optimizer of a run.

        Raises
        ------
        InputError
            Where the numbers do not go together.
        """
        return OPTIMIZERS[self.optimizer](self)

    def epochs_on(self, dataset: str) -> int:
        """Epochs in all on the data set of that name.

        As in the paper where they are not given; `STOPPED_EPOCHS` at most with `patience`, and
        twice as many as otherwise with `sequential`.
        """
        if self.epochs is not None:
            return self.epochs
        if self.patience is not None:
            return STOPPED_EPOCHS
        known = PAPER_EPOCHS | OTHER_EPOCHS
        return known.get(dataset, DEFAULT_EPOCHS) * (2 if self.sequential else 1)

    def resolved(self, dataset: str) -> Settings:
        """The same, with the name of the data set and the number of epochs on it."""
        return replace(self, dataset=dataset, epochs=self.epochs_on(dataset))

    @property
    def sizes(self) -> dict[str, Any]:
        """What `models.plan` and `models.build` need to know of the network's size."""
        return {name: getattr(self, name) for name, known in SETTINGS.items() if known.size}

    @property
    def changed(self) -> dict[str, Any]:
        """Those that differ from the defaults, which names a run also when settings are added."""
        found = asdict(self)
        return {name: found[name] for name in found if found[name] != SETTINGS[name].default}

    @property
    def short_name(self) -> str:
        """What names a file of a run, except for the ending."""
        # File systems take no names without end.
        dataset = Path(self.dataset).stem[:40]
        return f"{self.model}-{dataset}-{self.dendrites}x{self.somata}-s{self.seed}"


def _described() -> dict[str, Setting]:
    hints = get_type_hints(Settings)
    found = {}
    for each in fields(Settings):
        kind, *more = get_args(hints[each.name]) or (hints[each.name],)
        optional = type(None) in more
        found[each.name] = Setting(each.name, kind, optional, each.default, **each.metadata)
    return found


#: What is known of each setting, by its name, in the order in which they are shown.
SETTINGS = _described()

#: Settings that a preset determines, by its name.
PRESETS = {
    "paper": {name: each.paper for name, each in SETTINGS.items() if each.paper is not MISSING}
}


def chosen(given: Mapping[str, Any], preset: str | None = None) -> Settings:
    """Settings from those given and, for all others, a preset's or the defaults.

    Raises
    ------
    InputError
        Where a value cannot be used, the preset is unknown or says nothing about the data set.
    """
    if preset is None:
        return Settings(**given)
    if not isinstance(preset, str) or preset not in PRESETS:
        raise InputError(f"unknown preset '{preset}': choose one of {', '.join(PRESETS)}")
    settings = Settings(**(PRESETS[preset] | dict(given)))
    if settings.dataset not in PAPER_EPOCHS:
        raise InputError(
            f"preset '{preset}' knows no data set '{settings.dataset}': "
            f"choose one of {', '.join(PAPER_EPOCHS)}"
        )
    return settings.resolved(settings.dataset)


def tell_unknown(names: Collection[str], written_by: str | None, *, tolerant: bool) -> None:
    """Name settings or figures of a file that this version does not know, and the one that does.

    Raises
    ------
    InputError
        Where there are any, unless `tolerant`: then it is a warning.
    """
    if not names:
        return
    listed = ", ".join(f"'{name}'" for name in names)
    writer = f"version {written_by}" if written_by else "another version"
    they, are = ("it", "is") if len(names) == 1 else ("they", "are")
    known = f"but not to {writer} of sparsedend, which wrote the file"
    message = f"{listed} {are} unknown here, {known}"
    if not tolerant:
        raise InputError(f"{message}: use that version or a later one")
    warnings.warn(f"{message}; {they} {are} left out", stacklevel=3)
