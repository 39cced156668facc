"""Data sets of every format so far are read (tests/files)."""

import numpy as np

from sparsedend import datasets
from tests.conftest import ROOT


def test_the_first_format():
    """As the code of then wrote it, with its sums and its fingerprint."""
    found = datasets.load(ROOT / "tests" / "files" / "dataset-1.h5")
    assert (found.name, found.class_names) == ("tiny", ("ant", "bee", "cat"))
    assert (found.licence, found.source, found.sha256) == ("CC0", "made by hand", {"x": "00"})
    assert found.train_x.shape == (6, 3, 4, 1)
    assert found.train_x.dtype == np.uint8
    assert (found.train_x.sum(), found.test_x.sum()) == (9327, 5339)
    assert found.train_y.tolist() == [0, 1, 2, 0, 1, 2]
    assert found.test_y.tolist() == [0, 1, 2]
    assert found.fingerprint == "a350b74b71517dff0079ccac86fd8448f7bf25050d5c637ca5003330fece538e"
