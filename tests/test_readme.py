"""The README's Python lines run as they stand."""

import re

import numpy as np

from tests.conftest import ROOT


def test_the_python_lines(tmp_path, monkeypatch, capsys, digits):
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "README.rst").read_text(encoding="utf-8")
    block = re.search(r"code-block:: python\n\n((?:    .*\n|\n)+)", text).group(1)
    names = {}
    exec(re.sub("^    ", "", block, flags=re.M), names)
    assert np.mean(names["classes"] == digits.test_y) > 0.9
    assert "Evaluation(loss=" in capsys.readouterr().out
