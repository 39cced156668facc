"""Matplotlib is imported when something is drawn."""

import sys

import pytest

from sparsedend import InputError, style
from tests.conftest import child


def test_importing_the_package_imports_no_matplotlib():
    code = "import sparsedend, sys; sparsedend.plots.tree; print('matplotlib' in sys.modules)"
    assert child(code) == "False\n"


def test_the_extra_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(InputError, match=r"not installed: pip install 'sparsedend\[figures\]'"):
        style.blank(1, 1)
