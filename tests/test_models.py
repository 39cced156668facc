import numpy as np
import pytest

from sparsedend import InputError, connectivity, models
from sparsedend.initializers import glorot
from sparsedend.losses import MeanSquaredError, SigmoidCrossEntropy, SoftmaxCrossEntropy

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
    fan_in = made.layers[0].structures["synapses"].fan_in
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


def test_the_seed_draws_connections_and_weights():
    """Of all to all there are weights alone; connections are compared by themselves."""

    def drawn(model, seed):
        made = models.build(model, (8, 8, 1), 3, seed=seed, somata=8, dendrites=2)
        indices = [each.indices for layer in made.layers for each in layer.structures.values()]
        return np.concatenate([*indices, [0]]), made.parameters

    for model in ("vann", "dann-r", "dann-lrf"):
        connections, weights = drawn(model, 1)
        again, other = drawn(model, 1), drawn(model, 2)
        np.testing.assert_array_equal(connections, again[0])
        np.testing.assert_array_equal(weights, again[1])
        assert np.array_equal(connections, other[0]) == (model == "vann")
        assert not np.array_equal(weights, other[1])


def test_the_seeds_streams_are_independent():
    """Another model of as many weights starts from the same ones; connections have their own."""
    made, rng = {}, np.random.default_rng(np.random.SeedSequence(7, spawn_key=(1,)))
    for model in ("dann-r", "dann-lrf"):
        made[model] = models.build(model, (8, 8, 1), 3, seed=7, somata=8, dendrites=2, synapses=5)
    np.testing.assert_array_equal(*(each.parameters for each in made.values()))
    expected = connectivity.random(rng, 64, 16, 5)
    found = made["dann-r"].layers[0].structures["synapses"]
    np.testing.assert_array_equal(found.indices, expected.indices)
    weights = np.random.default_rng(np.random.SeedSequence(7, spawn_key=(2,)))
    np.testing.assert_array_equal(
        made["dann-r"].layers[0].parameters["synapses"], glorot(weights, found, np.float32)
    )


def test_numbers_of_numpys_are_taken():
    """They must not fail at the save after a training."""
    given = {"dendrites": np.int64(2), "somata": np.int32(4), "dropout": np.float32(0.25)}
    made = models.build("vann", (np.int64(8), 8, 1), np.int8(3), seed=np.uint8(1), **given)
    settings = [value for layer in made.layers for value in layer.settings.values()]
    assert {type(value) for value in settings} == {int, float}


def test_a_dendrosomatic_block_is_fused_where_it_can_be():
    def kinds(model, **options):
        made = models.build(model, (6, 6, 1), 3, dendrites=2, somata=9, synapses=4, **options)
        return [layer.kind for layer in made.layers]

    assert kinds("dann-grf") == ["dendritic", "dense"]
    assert kinds("dann-r", layers=2) == ["dendritic", "dendritic", "dense"]
    assert kinds("dann-r", dropout=0.5) == [
        *("sparse", "leaky-relu", "dropout") * 2,
        "dense",
    ]
    assert kinds("pdann") == ["dense", "leaky-relu", "sparse", "leaky-relu", "dense"]


def test_the_second_block_sees_the_somata_as_an_image():
    """Twelve somata are 3 × 4, so that a local field of 9 is the whole height of it."""
    made = models.build("dann-lrf", (6, 6, 2), 3, dendrites=2, somata=12, synapses=9, layers=2)
    first, second, _ = made.layers
    assert first.inputs == 72
    assert first.structures["synapses"].fan_in.tolist() == [18] * 24
    fields = second.structures["synapses"].indices.reshape(24, 9)
    columns = fields % 4
    assert (np.ptp(fields // 4, axis=1) == 2).all()
    assert (np.ptp(columns, axis=1) <= 3).all()
    assert second.inputs == 12


def test_a_table_of_features():
    made = models.build("dann-r", 30, 1, dendrites=2, somata=4, synapses=3)
    assert made.image_shape == (30,)
    assert made.outputs == 1
    twin = models.build("dann-r", features=30, outputs=1, dendrites=2, somata=4, synapses=3)
    np.testing.assert_array_equal(twin.parameters, made.parameters)
    assert isinstance(twin.loss, MeanSquaredError)
    several = models.build("dann-r", features=30, classes=5)
    assert several.outputs == 5
    assert isinstance(several.loss, SoftmaxCrossEntropy)
    own = models.build("dann-r", (6, 5, 1), classes=2, loss=SigmoidCrossEntropy())
    assert isinstance(own.loss, SigmoidCrossEntropy)


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
        ("vann", {"outputs": 0}, "outputs is 0: give a whole number of 1 or more"),
        ("vann", {"outputs": 2.0}, "outputs is 2.0"),
        (
            "vann",
            {"dropout": 1},
            "dropout is 1: give a finite number from 0 up to, not including, 1",
        ),
        ("vann", {"dropout": -0.1}, "dropout is -0.1"),
        ("vann", {"seed": -1}, "seed is -1: give a whole number from 0 to"),
        ("vann", {"seed": None}, "seed is None"),
        ("vann", {"somata": 2.5}, "somata is 2.5: give a whole number"),
        ("vann", {"somata": True}, "somata is True"),
        ("dann-r", {"somata": 2**20, "dendrites": 2**12}, "dendrites × somata is 4294967296: give"),
        ("dann-lrf", {"image_shape": 64}, "receptive fields are asked for on 64 features: give an"),
        ("dann-grf", {"image_shape": 64}, "receptive fields are asked for on 64 features"),
        ("dann-grf", {"dendrites": 65}, "dendrites is 65, but there are only 64 pixels to centre"),
        ("vann", {"initializer": "zeros"}, "unknown initializer 'zeros'"),
        ("vann", {"image_shape": (8, 8, 0)}, "channels of image shape .* is 0"),
        ("vann", {"image_shape": (8, 8)}, "image shape is"),
        ("vann", {"dtype": np.float16}, "dtype is float16"),
        ("vann", {"dtype": "float33"}, "dtype is float33: choose float32 or float64"),
        ("vann", {"dtype": None}, "dtype is None"),
        ("vann", {"image_shape": [[1], [2, 3]]}, "image shape .* is .*: give a whole number"),
        ("vann", {"image_shape": "8x8"}, "features of image shape 8x8 is '8x8'"),
        ("vann", {"features": 64}, "both image_shape and features are given: give one of them"),
        ("vann", {"classes": 3}, "both outputs and classes are given"),
        ("vann", {"image_shape": None}, "neither of image_shape and features are given"),
        ("vann", {"outputs": None}, "neither of outputs and classes are given"),
        ("vann", {"outputs": None, "classes": 1}, "classes is 1: give a whole number of 2 or more"),
        ("vann", {"image_shape": None, "features": (8, 8, 1)}, r"features is \(8, 8, 1\): give"),
        ("vann", {"image_shape": None, "features": 0}, "features is 0: give a whole number"),
    ],
)
def test_refuses(model, change, message):
    arguments = {"image_shape": (8, 8, 1), "outputs": 3} | change
    with pytest.raises(InputError, match=message):
        models.build(model, **arguments)
