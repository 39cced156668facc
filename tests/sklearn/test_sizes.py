import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("sklearn", "1.6")

from sparsedend import InputError, models
from sparsedend.sklearn import DendriticClassifier, sizes
from tests.sklearn.test_estimators import table


@pytest.mark.parametrize(
    ("features", "expected"),
    [(1, 1), (4, 4), (16, 16), (54, 16), (256, 16), (400, 20), (30_000, 173)],
)
def test_synapses(features, expected):
    assert sizes.synapses(features) == expected


@given(
    st.sampled_from(["dann-r", "vann-r", "pdann", "sann"]),
    st.integers(1, 300),
    st.integers(1, 12),
    st.integers(1, 8),
)
def test_somata_are_as_many_as_a_dense_network_has_parameters_for(
    model, features, outputs, dendrites
):
    given_ = {"dendrites": dendrites, "synapses": sizes.synapses(features)}
    found = sizes.somata(model, features, outputs, **given_)
    most = 100 * (features + 1) + 101 * (1 if outputs == 2 else outputs)

    def parameters(somata):
        planned = models.plan(model, features, outputs, somata=somata, **given_)
        return sum(each.parameters for each in planned)

    assert 1 <= found <= 512
    assert parameters(found) <= most or found == 1
    assert parameters(found + 1) > most or found == 512


def test_somata_of_images_and_of_several_blocks():
    shape = (8, 8, 3)
    given_ = {"dendrites": 2, "synapses": 9, "layers": 2}
    found = sizes.somata("dann-lrf", shape, 10, **given_)
    planned = models.plan("dann-lrf", shape, 10, somata=found, **given_)
    assert sum(each.parameters for each in planned) <= 193 * 100 + 101 * 10
    x, y = table(50, 6)
    with pytest.raises(InputError, match="layer 2, whose inputs are the somata of layer 1"):
        DendriticClassifier(layers=2, somata=3).fit(x, y > 0)


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
    assert made.coefs_[0].shape == (20, 2 * sizes.somata("dann-r", 20, 2, dendrites=2, synapses=16))
    assert made.coefs_[0].nnz == 16 * made.coefs_[0].shape[1]
    part = DendriticClassifier().partial_fit(x, y > 0, classes=[False, True])
    assert not hasattr(part.training_.optimizer, "weight_decay")
    own = DendriticClassifier(weight_decay=0.5).partial_fit(x, y > 0, classes=[False, True])
    assert own.training_.optimizer.weight_decay == 0.5
