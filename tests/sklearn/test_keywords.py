import doctest
import inspect
import re

import pytest

pytest.importorskip("sklearn", "1.6")

from sparsedend.sklearn import DendriticClassifier, DendriticRegressor, classifier, regressor

KINDS = [DendriticClassifier, DendriticRegressor]


@pytest.mark.parametrize("kind", KINDS)
def test_every_keyword_is_described_with_its_default(kind):
    text = kind.__doc__
    assert not re.search(r"{\w+}", text)
    for name, keyword in inspect.signature(kind).parameters.items():
        line = re.search(rf"^    {name} : (.*)$", text, re.M)
        assert line, name
        if keyword.default is None:
            assert "optional" in line[1] or line[1].endswith("default=None"), name
        else:
            said = (
                re.search("default=(.*)$", line[1])[1].replace('"', "'").replace("1e-4", "0.0001")
            )
            assert said == repr(keyword.default), name


def test_both_have_the_same_defaults():
    first, second = (inspect.signature(kind).parameters for kind in KINDS)
    assert {name: first[name].default for name in second} == {
        name: each.default for name, each in second.items()
    }
    assert first.keys() - second.keys() == {"class_weight"}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_fitted_is_described(kind):
    x, y = [[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1]
    made = kind(max_iter=1).fit(x, y)
    for name in [*vars(made), "coefs_", "intercepts_"]:
        if name.endswith("_") and not name.startswith("_"):
            assert re.search(rf"\b{name} : |, {name} : |{name}, ", kind.__doc__), name


@pytest.mark.parametrize("module", [classifier, regressor])
def test_the_examples_run(module):
    found = doctest.testmod(module)
    assert found.attempted >= 4
    assert found.failed == 0
