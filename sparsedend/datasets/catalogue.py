"""The data sets that have a name: where they come from and how to tell that they are whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import InputError, suggestion

IDX_FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
BYMERGE = "emnist-bymerge-test-first40000"


@dataclass(frozen=True)
class Entry:
    """A data set whose original files are known.

    Attributes
    ----------
    layout : str
        How the files are read: a name in `originals.LAYOUTS`.
    address : str or None
        To which the files' names are appended; None where they cannot be downloaded.
    md5 : dict
        Checksums of the original files by name, in the order in which their layout is read.
    """

    layout: str
    address: str | None
    md5: dict[str, str]
    class_names: tuple[str, ...]
    licence: str
    source: str


#: Digits, capitals, and the lower-case letters that do not look like their capitals.
EMNIST_CLASSES = tuple("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt")


def _idx(*md5: str) -> dict[str, str]:
    return dict(zip(IDX_FILES, md5, strict=True))


CATALOGUE = {
    "mnist": Entry(
        "idx",
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
        "idx",
        "https://fashion-mnist.s3.eu-central-1.amazonaws.com/",
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
        "idx",
        "https://codh.rois.ac.jp/kmnist/dataset/kmnist/",
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
    "emnist": Entry(
        "emnist-balanced",
        "https://biometrics.nist.gov/cs_links/EMNIST/",
        {"gzip.zip": "58c8d27c78d21e728a6bc7b3cc06412e"},
        EMNIST_CLASSES,
        "none stated",
        "G. Cohen, S. Afshar, J. Tapson, A. van Schaik, EMNIST, 2017, arXiv:1702.05373; balanced",
    ),
    "emnist-bymerge-40k": Entry(
        "emnist-bymerge-40k",
        None,
        {
            f"{BYMERGE}-images-idx3-ubyte.gz": "25b5baa4a19274ce7ca968ba258f9f11",
            f"{BYMERGE}-labels-idx1-ubyte.gz": "d0432e953feef139a128268cb93ebc13",
        },
        EMNIST_CLASSES,
        "none stated",
        "G. Cohen, S. Afshar, J. Tapson, A. van Schaik, EMNIST, 2017, arXiv:1702.05373; the first "
        "40,000 test images of ByMerge, the last 10,000 of which are the test set here",
    ),
    "cifar10": Entry(
        "cifar10",
        "https://www.cs.toronto.edu/~kriz/",
        {"cifar-10-python.tar.gz": "c58f30108f718f92721af3b95e74349a"},
        (
            "airplane",
            "automobile",
            "bird",
            "cat",
            "deer",
            "dog",
            "frog",
            "horse",
            "ship",
            "truck",
        ),
        "none stated; the authors ask to cite the report",
        "A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009",
    ),
}

#: Comes with the package.
EMBEDDED = "digits"


def names() -> tuple[str, ...]:
    """Names that `load` knows."""
    return (EMBEDDED, *CATALOGUE)


def entry(name: str, others: Sequence[str] = ()) -> Entry:
    """Entry of a data set whose original files are known.

    `others` are names that exist too, for the hint where this one does not.

    Raises
    ------
    InputError
        Where there is none of that name.
    """
    if name in CATALOGUE:
        return CATALOGUE[name]
    if name == EMBEDDED:
        raise InputError(f"'{name}' comes with sparsedend: there is nothing to fetch or convert")
    known = tuple(dict.fromkeys((*names(), *others)))
    hint = suggestion(name, known)
    raise InputError(
        f"unknown data set '{name}': {hint}known are {', '.join(known)}; "
        "the path of an .h5 file works too"
    )
