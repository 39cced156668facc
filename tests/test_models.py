import numpy as np
import pytest

from sparsedend import InputError, models

SIZES = [((28, 28, 1), 10, 4, 128, 16), ((32, 32, 3), 47, 2, 32, 5)]


@pytest.mark.parametrize(("shape", "classes", "dendrites", "somata", "synapses"), SIZES)
@pytest.mark.parametrize("model", models.MODELS)
def test_parameters_are_those_of_the_paper(model, shape, classes, dendrites, somata, synapses):
    """Counts of existing parameters (Methods); receptive fields take each pixel in all channels."""
    stack = models.stacked(
        model,
        shape,
        classes,
        dendrites=dendrites,
        somata=somata,
        synapses=synapses,
        layers=1,
        seed=1,
    )
    inputs, total = int(np.prod(shape)), dendrites * somata
    per_dendrite = synapses * (shape[2] if model in ("dann-lrf", "dann-grf") else 1)
    classes_size = (somata + 1) * classes
    expected = {
        "vann": (inputs + 1) * total + (total + 1) * somata + classes_size,
    }.get(model, (per_dendrite + 1) * total + (dendrites + 1) * somata + classes_size)
    assert sum(layer.size for layer in stack) == expected
    dense = (inputs + 1) * total + (total + 1) * somata + classes_size
    assert sum(layer.dense_size for layer in stack) == dense


@pytest.mark.parametrize(("model", "size"), [("dann-r", 10_634), ("vann", 468_874)])
def test_published_counts(model, size):
    made = models.build(model, (28, 28, 1), 10, dendrites=4, somata=128, synapses=16)
    assert made.size == size


@pytest.mark.parametrize("model", models.MODELS)
def test_blocks_repeat_on_the_grid_of_somata(model):
    made = models.build(model, (8, 8, 1), 3, dendrites=2, somata=12, synapses=4, layers=3)
    per_block = (len(made.layers) - 1) // 3
    inputs = [layer.inputs for layer in made.layers[::per_block]]
    assert inputs == [64, 12, 12, 12]


def test_seeds():
    def parameters(seed):
        made = models.build("dann-r", (8, 8, 1), 3, seed=seed, somata=8)
        return made.layers[0].synapses.toarray()

    np.testing.assert_array_equal(parameters(1), parameters(1))
    assert not np.array_equal(parameters(1), parameters(2))


def test_sparse_initializer_is_larger_than_the_dense_one():
    spread = {
        name: models.build("dann-r", (28, 28, 1), 10, initializer=name)
        .layers[0]
        .synapses.data.std()
        for name in ("glorot", "sparse")
    }
    assert spread["sparse"] > 2 * spread["glorot"]


@pytest.mark.parametrize(
    ("model", "change", "message"),
    [
        ("dan-r", {}, "unknown model 'dan-r': did you mean 'dann-r'"),
        ("dann-r", {"dendrites": 0}, "dendrites is 0"),
        ("dann-r", {"somata": -3}, "somata is -3"),
        ("dann-lrf", {"synapses": 65}, "synapses is 65, but there are only 64 pixels"),
        ("dann-lrf", {"layers": 2, "somata": 8}, "synapses is 16, but there are only 8"),
        ("vann", {"layers": 0}, "layers is 0"),
        ("vann", {"classes": 1}, "classes is 1"),
        ("vann", {"initializer": "zeros"}, "unknown initializer 'zeros'"),
        ("vann", {"image_shape": (8, 8, 0)}, "image shape is"),
        ("vann", {"dtype": np.float16}, "dtype is float16"),
    ],
)
def test_refuses(model, change, message):
    arguments = {"image_shape": (8, 8, 1), "classes": 3} | change
    with pytest.raises(InputError, match=message):
        models.build(model, **arguments)
