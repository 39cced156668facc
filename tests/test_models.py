import numpy as np
import pytest

from sparsedend import InputError, models

SHAPES = [((28, 28, 1), 10), ((32, 32, 3), 10), ((28, 28, 1), 47), ((32, 32, 3), 47)]


@pytest.mark.parametrize(("shape", "classes"), SHAPES)
@pytest.mark.parametrize(("dendrites", "somata", "synapses"), [(4, 128, 16), (2, 32, 5)])
@pytest.mark.parametrize("model", models.MODELS)
def test_parameters_are_those_of_the_paper(model, shape, classes, dendrites, somata, synapses):
    """Counts of existing parameters (Methods); receptive fields take each pixel in all channels."""
    d, s, n, c = dendrites, somata, int(np.prod(shape)), classes
    k = synapses * (shape[2] if model.endswith("rf") else 1)
    inputs = (n + 1) * d * s if model in ("vann", "pdann", "psann") else (k + 1) * d * s
    cables = (d * s + 1) * s if model.startswith("vann") else (d + 1) * s
    sizes = {"dendrites": d, "somata": s, "synapses": synapses}
    matrices = models.plan(model, shape, classes, **sizes)
    assert sum(matrix.parameters for matrix in matrices) == inputs + cables + (s + 1) * c
    dense = (n + 1) * d * s + (d * s + 1) * s + (s + 1) * c
    assert sum(matrix.dense_parameters for matrix in matrices) == dense


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("dropout", [0.0, 0.2])
@pytest.mark.parametrize("model", models.MODELS)
def test_what_is_built_is_what_was_planned(model, dropout, layers):
    sizes = {"dendrites": 3, "somata": 12, "synapses": 5, "layers": layers}
    matrices = models.plan(model, (6, 7, 2), 4, **sizes)
    made = models.build(model, (6, 7, 2), 4, dropout=dropout, **sizes)
    assert made.size == sum(matrix.parameters for matrix in matrices)
    assert made.density == made.size / sum(matrix.dense_parameters for matrix in matrices)
    kept = [s for layer in made.layers for s in layer.structures.values()]
    planned = [matrix for matrix in matrices if matrix.draw]
    assert [(s.shape, s.nnz) for s in kept] == [
        ((matrix.outputs, matrix.inputs), matrix.nnz) for matrix in planned
    ]
    dropping = [layer for layer in made.layers if layer.kind == "dropout"]
    assert len(dropping) == (2 * layers if dropout else 0)


@pytest.mark.parametrize("model", ["vann", "pdann", "psann", "vann-lrf"])
def test_all_to_all_parts_are_dense(model):
    made = models.build(model, (6, 6, 1), 3, dendrites=2, somata=4, synapses=9)
    matrices = models.plan(model, (6, 6, 1), 3, dendrites=2, somata=4, synapses=9)
    assert [layer.kind for layer in made.layers if layer.size] == [
        "sparse" if matrix.draw else "dense" for matrix in matrices
    ]


def test_every_soma_has_its_dendrites_around_its_centre():
    """Global receptive fields with more than 9 dendrites: 16 distinct centres within two rings.

    With nine synapses, a dendrite's pixels are the 3 × 3 around its centre, away from the border.
    """
    made = models.build("dann-grf", (28, 28, 1), 10, dendrites=16, somata=256, synapses=9)
    pixels = made.layers[0].synapses.indices.reshape(256, 16, 9)
    rows, columns = pixels // 28, pixels % 28
    inside = (np.ptp(rows, axis=2) == 2).all(axis=1) & (np.ptp(columns, axis=2) == 2).all(axis=1)
    assert inside.sum() > 100
    centres = np.stack([rows.mean(axis=2), columns.mean(axis=2)], axis=2)[inside]
    for soma in centres:
        assert len(np.unique(soma, axis=0)) == 16
        assert (np.ptp(soma, axis=0) <= 4).all()


@pytest.mark.parametrize("exact", [False, True])
def test_random_synapses_on_average_or_exactly(exact):
    made = models.build("dann-r", (28, 28, 1), 10, dendrites=4, somata=128, exact=exact)
    fan_in = made.layers[0].structure.synapses.fan_in
    assert fan_in.mean() == 16
    assert (fan_in.std() == 0) == exact


def test_random_cables_may_leave_a_soma_without():
    made = models.build("sann", (8, 8, 1), 3, dendrites=1, somata=64, synapses=4)
    cables = made.layers[2].structures["weights"]
    assert cables.nnz == 64
    assert cables.fan_in.min() == 0


@pytest.mark.parametrize(("model", "size"), [("dann-r", 10_634), ("vann", 468_874)])
def test_published_counts(model, size):
    made = models.build(model, (28, 28, 1), 10, dendrites=4, somata=128, synapses=16)
    assert made.size == size


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
