import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("sklearn", "1.6")

from sparsedend import InputError, models
from sparsedend.sklearn import DendriticClassifier, DendriticRegressor, sizes
from tests.sklearn.test_estimators import table

GIVEN = {"classes": True, "dendrites": 2, "somata": "auto", "synapses": "auto", "layers": 1}


def parameters(model, shape, outputs, found):
    return sum(each.parameters for each in models.plan(model, shape, outputs, **found))


@pytest.mark.parametrize(
    ("shape", "expected"),
    [(1, 1), (4, 4), (16, 16), (54, 16), (256, 16), (400, 20), (30_000, 173), ((3, 4, 3), 12)],
)
def test_synapses(shape, expected):
    assert sizes.chosen("dann-r", shape, 3, **GIVEN)["synapses"] == expected
    assert sizes.chosen("dann-r", shape, 3, **GIVEN | {"somata": 7})["synapses"] == expected


@given(
    st.sampled_from(["dann-r", "vann-r", "pdann", "sann"]),
    st.integers(1, 300),
    st.integers(1, 12),
    st.booleans(),
    st.integers(1, 8),
    st.integers(1, 3),
)
def test_somata_are_as_many_as_a_dense_network_has_parameters_for(
    model, features, outputs, classes, dendrites, layers
):
    given_ = GIVEN | {"classes": classes, "dendrites": dendrites, "layers": layers}
    found = sizes.chosen(model, features, outputs, **given_)
    most = 100 * (features + 1) + 101 * (1 if classes and outputs == 2 else outputs)
    assert 1 <= found["somata"] <= 512
    assert layers == 1 or found["synapses"] <= found["somata"]
    assert parameters(model, features, outputs, found) <= most or found["somata"] == 1
    more = found | {"somata": found["somata"] + 1}
    assert parameters(model, features, outputs, more) > most or found["somata"] == 512


def taken(given):
    """What `models.build` is given of it."""
    return {name: value for name, value in given.items() if name != "classes"}


def test_two_values_and_two_labels_are_two_outputs():
    """Of 16 features, 100 dense units have 1,801 parameters with one output, 1,902 with two."""
    x, y = table(60, 16)
    one = DendriticClassifier(max_iter=1).fit(x, y > 0).network_
    assert one.size <= 1801
    values = DendriticRegressor(max_iter=1).fit(x, np.c_[y, y]).network_
    labels = DendriticClassifier(max_iter=1).fit(x, np.c_[y > 0, y > 1] * 1).network_
    assert 1801 < values.size == labels.size <= 1902


def test_what_is_given_is_taken():
    own = GIVEN | {"somata": 9, "synapses": 3}
    assert sizes.chosen("dann-r", 20, 3, **own) == taken(own)
    own = GIVEN | {"layers": 2, "somata": 5}
    assert sizes.chosen("dann-r", 20, 3, **own) == taken(own) | {"synapses": 5}
    images = GIVEN | {"synapses": 9, "layers": 2}
    found = sizes.chosen("dann-lrf", (8, 8, 3), 10, **images)
    assert found["synapses"] == 9
    assert parameters("dann-lrf", (8, 8, 3), 10, found) <= 193 * 100 + 101 * 10


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"somata": "many"}, "somata is 'many': give a whole number"),
        ({"somata": 0}, "somata is 0"),
        ({"dendrites": 1.5}, "dendrites is 1.5"),
        ({"layers": 0}, "layers is 0"),
        ({"layers": "2"}, "layers is '2'"),
        ({"synapses": "few"}, "synapses is 'few'"),
        ({"layers": 2, "somata": 3, "synapses": 6}, "layer 2, whose inputs are the somata of"),
    ],
)
def test_sizes_that_cannot_be(keywords, message):
    x, y = table(50, 6)
    with pytest.raises(InputError, match=message):
        DendriticClassifier(**keywords).fit(x, y > 0)


@pytest.mark.parametrize(
    ("samples", "batch_size", "epochs", "expected"),
    [(1, 64, 1, 1.0), (64, 64, 100, 0.8), (65, 64, 50, 0.8), (64_000, 64, 25, 8 / 25_000**0.5)],
)
def test_weight_decay(samples, batch_size, epochs, expected):
    assert sizes.weight_decay(samples, batch_size, epochs) == pytest.approx(expected)


def test_what_is_automatic_is_used():
    x, y = table(200, 20)
    made = DendriticClassifier(max_iter=4, random_state=1).fit(x, y > 0)
    assert made.training_.optimizer.weight_decay == 1.0
    assert DendriticClassifier(max_iter=100).fit(x, y > 0).training_.optimizer.weight_decay == 0.4
    half = DendriticClassifier(max_iter=100, early_stopping=True, validation_fraction=0.5)
    assert half.fit(x, y > 0).training_.optimizer.weight_decay == pytest.approx(8 / 200**0.5)
    somata = sizes.chosen("dann-r", 20, 2, **GIVEN)["somata"]
    assert made.coefs_[0].shape == (20, 2 * somata)
    assert made.coefs_[0].nnz == 16 * 2 * somata
    part = DendriticClassifier().partial_fit(x, y > 0, classes=[False, True])
    assert not hasattr(part.training_.optimizer, "weight_decay")
    own = DendriticClassifier(weight_decay=0.5).partial_fit(x, y > 0, classes=[False, True])
    assert own.training_.optimizer.weight_decay == 0.5
