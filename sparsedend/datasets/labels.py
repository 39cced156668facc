"""Labels from outside: which classes there are, and which class every image is of."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

#: As many classes are named in a message.
SHOWN = 5
#: Characters of a label: arrays have room for the longest everywhere.
LONGEST = 1000


def integers(labels: NDArray, where: str) -> NDArray:
    """Labels as int64.

    Raises
    ------
    InputError
        Where they are no integers, as durations are none, or too large.
    """
    if labels.dtype.kind not in "iu":
        raise InputError(f"{where} has labels of {labels.dtype}: give integers")
    if labels.size and labels.max() > np.iinfo(np.int64).max:
        raise InputError(f"{where} has label {labels.max()}: number the classes from 0 on")
    return labels.astype(np.int64)


def numbered(*parts: NDArray) -> tuple[tuple[str, ...], list[NDArray]]:
    """Make a class of every label that occurs, in the order of numbers or of the alphabet.

    Parameters
    ----------
    *parts : (images,), integers, texts, or Python objects that are either
        Bytes are texts in UTF-8. Classes are the same in all parts.

    Returns
    -------
    class_names : tuple of str
        The labels as texts.
    numbers : list of (images,) int64 arrays
        For each part.

    Raises
    ------
    InputError
        Where a label is neither an integer of 0 or more nor a text, or some are the one and some
        the other.

    Examples
    --------
    >>> numbered(np.array(["bee", "ant", "bee"]))
    (('ant', 'bee'), [array([1, 0, 1])])
    """
    plain = [_plain(part) for part in parts]
    if len({part.dtype.kind for part in plain}) > 1:
        raise InputError("one part has labels that are integers, another texts: give one kind")
    found, numbers = np.unique(np.concatenate(plain), return_inverse=True)
    names = tuple(str(label) for label in found)
    if found.dtype.kind == "i" and found.size and found[-1] != found.size - 1:
        warnings.warn(
            f"the labels are not 0 … {found.size - 1} but {shown(names)}: they become the classes "
            f"0 … {found.size - 1} in that order, named by them",
            stacklevel=4,
        )
    cuts = np.cumsum([len(part) for part in plain])[:-1]
    return names, np.split(numbers.astype(np.int64), cuts)


def up_to_greatest(labels: NDArray) -> tuple[str, ...]:
    """Names of the classes 0 … the greatest label.

    Raises
    ------
    InputError
        Where the greatest label is not below the number of labels: then they are no class numbers.
    """
    highest = int(labels.max(initial=0))
    if highest >= max(labels.size, 1):
        raise InputError(f"{labels.size} labels go up to {highest}: number the classes from 0 on")
    return tuple(str(label) for label in range(highest + 1))


def shown(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def text(value: str | bytes, what: str) -> str:
    """Text that may be stored as bytes.

    Raises
    ------
    InputError
        Where the bytes are not UTF-8.
    """
    try:
        return value.decode() if isinstance(value, bytes) else str(value)
    except UnicodeDecodeError as error:
        raise InputError(f"{what} {value!r} is not UTF-8: store it as text") from error


def _plain(labels: NDArray) -> NDArray:
    """Labels as an array of int64 or of texts."""
    if labels.dtype.kind in "iu":
        numbers = integers(labels, "the array")
        if numbers.size and numbers.min() < 0:
            image = int(numbers.argmin())
            raise InputError(f"label {numbers[image]} of image {image} is below 0: count from 0")
        return numbers
    if labels.dtype.kind == "U":
        return labels
    if labels.dtype.kind not in "STO":
        raise InputError(f"labels are {labels.dtype}: give integers or texts")
    values = labels.tolist()
    longest = max((len(value) for value in values if isinstance(value, str | bytes)), default=0)
    if longest > LONGEST:
        raise InputError(f"a label has {longest:,} characters: give names of {LONGEST} at most")
    are_texts = [_is_text(value, image) for image, value in enumerate(values)]
    if all(are_texts):
        return np.array([text(v, f"label of image {i}:") for i, v in enumerate(values)], np.str_)
    if any(are_texts):
        image = are_texts.index(not are_texts[0])
        raise InputError(
            f"label {values[0]} of image 0 is {'a text' if are_texts[0] else 'an integer'}, label "
            f"{values[image]} of image {image} is not: give labels of one kind"
        )
    try:
        return _plain(np.array(values, np.int64))
    except OverflowError as error:
        raise InputError(f"labels go up to {max(values)}: number the classes from 0 on") from error


def _is_text(label: object, image: int) -> bool:
    """Whether a label is a text; else it is an integer."""
    if isinstance(label, str | bytes):
        return True
    if not isinstance(label, int | np.integer) or isinstance(label, bool | np.timedelta64):
        raise InputError(
            f"label {label} of image {image} is neither an integer nor a text: give one, or leave "
            "the image out"
        )
    return False
