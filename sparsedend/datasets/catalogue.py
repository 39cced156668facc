"""The data sets that have a name: where they come from and how to tell that they are whole."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from ..errors import InputError

PARTS = ("train-images", "train-labels", "test-images", "test-labels")
IDX_FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


@dataclass(frozen=True)
class Entry:
    """A data set that can be downloaded.

    Attributes
    ----------
    address : str
        To which the files' names are appended.
    md5 : dict
        Of the original files by name, in the order of `PARTS`.
    """

    address: str
    md5: dict[str, str]
    class_names: tuple[str, ...]
    licence: str
    source: str


def _idx(*md5: str) -> dict[str, str]:
    return dict(zip(IDX_FILES, md5, strict=True))


CATALOGUE = {
    "mnist": Entry(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        _idx(
            "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "d53e105ee54ea40749a09fcbcd1e9432",
            "9fb629c4189551a2d022fa330f9573f3",
            "ec29112dd5afa0611ce80d1b7f02629c",
        ),
        tuple("0123456789"),
        "commonly given as CC BY-SA 3.0",
        "Y. LeCun, C. Cortes, C. J. C. Burges, The MNIST database of handwritten digits",
    ),
    "fmnist": Entry(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        _idx(
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "25c81989df183df01b3e8a0aad5dffbe",
            "bef4ecab320f06d8554ea6380940ec79",
            "bb300cfdad3c16e7a12a480ee83cd310",
        ),
        (
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
        "MIT, (c) 2017 Zalando SE",
        "H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST, 2017, arXiv:1708.07747",
    ),
    "kmnist": Entry(
        "http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
        _idx(
            "bdb82020997e1d708af4cf47b453dcf7",
            "e144d726b3acfaa3e44228e80efcd344",
            "5c965bf0a639b31b8f53240b1b52f4d7",
            "7320c461ea6c1c855c0b718fb2a4b134",
        ),
        ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
        "CC BY-SA 4.0",
        "KMNIST Dataset (created by CODH), adapted from Kuzushiji Dataset, doi:10.20676/00000341",
    ),
}

#: Comes with the package.
EMBEDDED = "digits"


def names() -> tuple[str, ...]:
    """Names that `load` knows."""
    return (EMBEDDED, *CATALOGUE)


def entry(name: str) -> Entry:
    """Entry of a data set that can be downloaded.

    Raises
    ------
    InputError
        Where there is none of that name.
    """
    if name in CATALOGUE:
        return CATALOGUE[name]
    if name == EMBEDDED:
        raise InputError(f"'{name}' comes with sparsedend: there is nothing to fetch or convert")
    near = difflib.get_close_matches(name, names(), 1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    raise InputError(
        f"unknown data set '{name}': {hint}known are {', '.join(names())}; "
        "the path of an .h5 file works too"
    )
