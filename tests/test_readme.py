"""The Python lines of the README, and of the page for contributors, run as they stand."""

import re

import numpy as np

import sparsedend as sd
from tests.conftest import ROOT


def run(page):
    """Names that a page's Python lines define."""
    text = (ROOT / page).read_text(encoding="utf-8")
    names = {}
    for block in re.findall(r"code-block:: python\n\n((?:    .*\n|\n)+)", text):
        exec(re.sub("^    ", "", block, flags=re.M), names)
    return names


def test_the_readme(tmp_path, monkeypatch, capsys, digits):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    names = run("README.rst")
    assert np.mean(names["classes"] == digits.test_y) > 0.9
    assert capsys.readouterr().out.count("Evaluation(loss=") == 3
    together = sum(np.sum(part == digits.test_y[i::4]) for i, part in enumerate(names["parts"]))
    assert together == np.sum(names["classes"] == digits.test_y)
    likely = sd.predict(names["network"], digits.test_x, probabilities=True)
    np.testing.assert_allclose(names["probabilities"], likely, atol=1e-5)
    assert {"digits_net.c", "digits_net.zip"} < {path.name for path in tmp_path.iterdir()}


def test_parts_of_ones_own():
    losses = run("CONTRIBUTING.rst")["history"].validation_loss
    assert losses[-1] < 0.1 * losses[0]
