"""Activations do not depend on how they are cut into batches."""

import sys

import numpy as np
import pytest

import sparsedend as sd
from sparsedend import InputError, analysis
from tests.export.networks import named, samples


@pytest.fixture(scope="module")
def network():
    sizes = {"dendrites": 2, "somata": 8, "synapses": 5}
    return sd.models.build("dann-lrf", (8, 8, 1), 10, backend=sd.backends.create("numpy"), **sizes)


@pytest.fixture(scope="module")
def images(digits):
    return digits.test_x[:53]


def test_batches_are_parts_of_the_whole(network, images):
    batches = list(analysis.stream(network, images, batch_size=20))
    assert [len(batch["output"]) for batch in batches] == [20, 20, 13]
    for layer, nodes in {"hidden 1": 16, "hidden 2": 8, "output": 10}.items():
        whole = analysis.activations(network, images, layer)
        assert whole.shape == (53, nodes)
        assert whole.dtype == network.dtype
        parts = np.concatenate([batch[layer] for batch in batches])
        np.testing.assert_allclose(parts, whole, rtol=1e-6, atol=1e-7)


def test_one_batch_is_computed_when_it_is_wanted(network, images, monkeypatch):
    """What comes later is not even looked at."""
    wanted = []

    class Images:
        shape = images.shape

        def __getitem__(self, part):
            wanted.append(part)
            return images[part]

    monkeypatch.setattr(np, "shape", lambda given: given.shape)
    next(analysis.stream(network, Images(), batch_size=20))
    assert wanted == [slice(0, 20)]


def test_outputs_are_probabilities_where_there_are_classes(network, images):
    found = analysis.activations(network, images, "output")
    np.testing.assert_array_equal(found, sd.predict(network, images, probabilities=True))
    values = named("one output", "squares")
    x = samples(values, 4)
    outputs = analysis.activations(values, x, "output")
    np.testing.assert_allclose(outputs, sd.predict(values, x, raw=True), rtol=1e-5)
    labels = named("one layer", "sigmoid")
    x = samples(labels, 4).reshape(4, *labels.image_shape)
    likely = analysis.activations(labels, x, "output")
    np.testing.assert_allclose(likely, sd.predict(labels, x, probabilities=True), rtol=1e-5)


def test_hits_of_all_layers(network, images, digits):
    labels = digits.test_y[:53]
    found = analysis.layer_hits(network, images, labels, 10, batch_size=7)
    assert list(found) == ["hidden 1", "hidden 2"]
    for layer, hits in found.items():
        whole = analysis.activations(network, images, layer)
        np.testing.assert_array_equal(hits, analysis.hits(whole, labels, 10))
    assert found["hidden 1"][:10].any()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda network, images: analysis.activations(network, images, "hiden 2"),
            "unknown layer 'hiden 2': did you mean 'hidden 2'. choose one of hidden 1, hidden 2, o",
        ),
        (
            lambda network, images: analysis.activations(network, images[:0], "output"),
            "there are no samples",
        ),
        (
            lambda network, images: list(analysis.stream(network, images, batch_size=0)),
            "batch size is 0",
        ),
        (
            lambda network, images: list(analysis.stream(network, images[:, 1:])),
            r"images have shape \(53, 7, 8, 1\)",
        ),
        (
            lambda network, images: analysis.layer_hits(network, images, [1, 2], 10),
            r"labels are int64 of shape \(2,\), but there are 53 images: give one integer an image",
        ),
        (
            lambda network, images: list(analysis.stream(network, 5)),
            "the images are of type int and have no shape: give an array",
        ),
        (
            lambda network, images: analysis.activations(network, [[1.0], [1.0, 2.0]], "output"),
            "the images are of type list and have no",
        ),
        (
            lambda network, images: analysis.layer_hits(network, None, [1], 10),
            "the images are of type NoneType and have",
        ),
        (
            lambda network, images: analysis.layer_hits(network, images, [[1], [1, 2]], 10),
            "a list makes no array of numbers",
        ),
    ],
)
def test_refuses(network, images, call, message):
    with pytest.raises(InputError, match=message):
        call(network, images)


def test_places_are_counted_over_all_batches(network, images):
    labels = np.zeros(53, int)
    labels[45] = 77
    with pytest.raises(InputError, match="label 77 at 45 is out of range"):
        analysis.layer_hits(network, images, labels, 10, batch_size=20)
    broken = images.astype(np.float32)
    broken[45, 0, 0] = np.nan
    message = "counted from image 40, image 5 holds nan at value 0"
    with pytest.raises(InputError, match=message):
        list(analysis.stream(network, broken, batch_size=20))
    with pytest.raises(InputError, match=r"^image 45 holds nan"):
        analysis.activations(network, broken, "output")


def test_nodes_that_are_not_finite_are_told_with_their_batch(network, images, monkeypatch):
    def stream(*given, **more):
        for start in (0, 20):
            yield {
                "hidden 1": np.full((20, 2), np.nan if start else 1.0),
                "output": np.zeros((20, 10)),
            }

    monkeypatch.setattr(sys.modules["sparsedend.analysis.activations"], "stream", stream)
    message = "counted from image 20, node 0 has activation nan for image 0"
    with pytest.raises(InputError, match=message):
        analysis.layer_hits(network, images[:40], np.zeros(40, int), 10)
