import numpy as np
import pytest
from scipy import sparse

import sparsedend as sd
from sparsedend import InputError, Network, Session, Training, layers, models, predict
from sparsedend.initializers import glorot
from tests.conftest import uneven


def small(**options):
    given = {"dendrites": 2, "somata": 4, "synapses": 5} | options
    return models.build("dann-lrf", (8, 8, 1), 3, **given)


def test_csr_views_share_memory_with_the_parameters():
    made = small()
    layer = made.layers[0]
    for matrix in (layer.synapses, layer.cables):
        assert np.shares_memory(matrix.data, made.parameters)
    layer.synapses.data[:] = 7
    assert (made.parameters[: layer.synapses.nnz] == 7).all()
    assert layer.synapses.shape == (8, 64)
    assert layer.cables.shape == (4, 8)


def test_the_ledger_names_every_parameter_once():
    made = small()
    assert list(made.ledger) == [
        *((0, name) for name in ("synapses", "dendrite_bias", "cables", "soma_bias")),
        *((1, name) for name in ("weights", "bias")),
    ]
    stop = 0
    for (number, name), part in made.ledger.items():
        assert part.start == stop
        stop = part.stop
        values = made.layers[number].parameters[name]
        assert np.shares_memory(made.parameters[part], values)
        np.testing.assert_array_equal(made.parameters[part], values.ravel())
    assert stop == made.size == made.parameters.size


def test_parameters_are_copied_in():
    made, other = small(seed=1), small(seed=2)
    x = np.random.default_rng(0).random((5, 64))
    vector, expected = made.parameters, other.parameters.copy()
    made.parameters = other.parameters
    other.parameters[:] = 0
    assert made.parameters is vector
    np.testing.assert_array_equal(vector, expected)
    np.testing.assert_array_equal(made.layers[1].parameters["bias"], expected[-3:])
    made.parameters = (expected * 2).astype(np.float64).tolist()
    made.parameters *= 2
    assert made.parameters is vector
    np.testing.assert_array_equal(vector, expected * 4)
    # It is these that the network computes with.
    trained, outputs = Training(), predict(made, x, raw=True)
    Session(made, x, [0] * 5).train_step(trained, [0, 1])
    assert not np.array_equal(predict(made, x, raw=True), outputs)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p[:-1], r"parameters are float32 of shape \(74,\): give .* of shape \(75,\)"),
        (lambda p: p[None], r"of shape \(1, 75\)"),
        (lambda p: p.astype(int), "parameters are int64"),
        (lambda p: 0.0, r"parameters are float64 of shape \(\)"),
    ],
)
def test_parameters_that_are_refused(change, message):
    made = small()
    before = made.parameters.copy()
    with pytest.raises(InputError, match=message):
        made.parameters = change(before)
    np.testing.assert_array_equal(made.parameters, before)


def test_a_layers_parameters_cannot_be_replaced():
    """Kernels would not know the size of another array."""
    for layer in small().layers:
        for name in layer.shapes:
            with pytest.raises(TypeError, match="does not support item assignment"):
                layer.parameters[name] = np.zeros(1)


def test_layers_must_fit():
    stack = [layers.Dense(12, 5), layers.Dense(6, 2)]
    with pytest.raises(InputError, match=r"layer 2 \(dense\) takes 6 inputs, but there are 5"):
        Network(stack, (3, 4, 1))
    with pytest.raises(InputError, match=r"layer 1 \(dense\) takes 12 inputs, but there are 13"):
        Network(stack, 13)


def test_a_layer_belongs_to_one_network():
    layer, other = layers.Tanh(3), layers.Tanh(3)
    with pytest.raises(InputError, match=r"layer 2 \(tanh\) is part of a network already"):
        Network([layer, layer], 3)
    made = Network([layer, other], 3)
    for stack in ([layers.Tanh(3), other], made.layers):
        with pytest.raises(InputError, match="is part of a network already, whose parameters"):
            Network(stack, 3)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((3, 4), r"image shape is \(3, 4\): give height, width and channels, or the number"),
        ((3, 4, 0), "channels of image shape .* is 0: give a whole number of 1 or more"),
        ((3, 4.5, 1), "width of image shape .* is 4.5"),
        (0, "features of image shape 0 is 0"),
        ((), "image shape is"),
        ("12", "features of image shape 12 is '12'"),
        (None, "features of image shape None is None"),
    ],
)
def test_shapes_that_are_refused(shape, message):
    with pytest.raises(InputError, match=message):
        Network([layers.Dense(12, 5)], shape)


def test_shapes_become_pythons_numbers():
    for shape in (np.array([3, 4, 1]), (np.int8(3), 4, 1), [3, 4, 1]):
        found = Network([layers.Dense(12, 5)], shape).image_shape
        assert found == (3, 4, 1)
        assert {type(size) for size in found} == {int}
    assert Network([layers.Dense(12, 5)], np.int64(12)).image_shape == (12,)


@pytest.mark.parametrize("dtype", [np.float16, int, complex])
def test_dtypes_that_are_refused(dtype):
    with pytest.raises(InputError, match="choose float32 or float64"):
        Network([layers.Dense(12, 5)], 12, dtype=dtype)


def test_a_network_needs_layers():
    with pytest.raises(InputError, match="the network has no layers"):
        Network([], (3, 4, 1))


@pytest.mark.parametrize("size", [0, -1, 2.5, "3", None, True])
def test_sizes_of_layers_are_whole_numbers(size):
    with pytest.raises(InputError, match=r"outputs of a dense layer is .*: give a whole number"):
        layers.Dense(3, size)
    with pytest.raises(InputError, match="inputs of a relu layer is"):
        layers.ReLU(size)


@pytest.mark.parametrize("rate", [0, 1, -0.1, 1.5, np.nan, "0.5", None])
def test_rates_of_dropout_are_between_0_and_1(rate):
    with pytest.raises(InputError, match=r"dropout is .*: give a finite number above 0 up to, not"):
        layers.Dropout(3, rate)


def test_moving_keeps_the_parameters():
    made = small(backend=sd.backends.create("numba"))
    before = made.parameters.copy()
    x = np.random.default_rng(0).random((5, 64))
    expected = predict(made, x, raw=True)
    assert made.to("numpy") is made
    assert made.backend.name == "numpy"
    np.testing.assert_array_equal(made.parameters, before)
    np.testing.assert_allclose(predict(made, x, raw=True), expected, rtol=1e-5, atol=1e-6)
    made.to(sd.backends.create("numba", 1))
    np.testing.assert_array_equal(predict(made, x, raw=True), expected)
    with pytest.raises(InputError, match="unknown backend 'tpu'"):
        made.to("tpu")


def test_initialize_draws_weights_and_no_biases():
    made = small()
    made.parameters[:] = 9
    made.initialize(np.random.default_rng(3), glorot)
    rng = np.random.default_rng(3)
    dendritic, dense = made.layers
    for (number, name), part in made.ledger.items():
        if name.endswith("bias"):
            assert not made.parameters[part].any()
            continue
        layer = made.layers[number]
        of = layer.structures.get(name, (3, 4))
        np.testing.assert_array_equal(made.parameters[part], glorot(rng, of, np.float32))
    assert dendritic.parameters["synapses"].any()
    assert dense.parameters["weights"].shape == (3, 4)


def test_figures():
    made = small()
    assert made.inputs == 64
    assert made.outputs == 3
    assert made.size == 8 * 6 + 4 * 3 + 3 * 5
    dense = 65 * 8 + 9 * 4 + 5 * 3
    assert made.density == made.size / dense


def test_repr_is_a_table():
    made = small(backend=sd.backends.create("numpy"))
    assert repr(made).splitlines() == [
        "Network of 8 × 8 × 1 inputs and 3 outputs, SoftmaxCrossEntropy(), float32, backend numpy",
        "  layer                  inputs -> outputs   connections    parameters  rules",
        "  0 dendritic                      64 -> 4            48            60  local, tree",
        "  1 dense                           4 -> 3            12            15",
        "  75 parameters, 13.13% of all to all",
    ]
    many = Network([layers.Sparse(uneven(np.random.default_rng(0), 1000, 12))], 12)
    assert "0 sparse" in repr(many)
    assert "12 -> 1,000" in repr(many)
    assert "given" in repr(many)


def test_repr_of_layers():
    assert repr(layers.Dense(3, 2)) == "<Dense 3 -> 2, inputs=3, outputs=2>"
    assert repr(layers.Dropout(1000, 0.5)) == ("<Dropout 1,000 -> 1,000, features=1000, rate=0.5>")
    sparse = layers.Sparse(sd.connectivity.tree(2, 3))
    assert repr(sparse) == "<Sparse 6 -> 2, weights=<Structure 2 × 6, 6 connections, tree>>"
    assert repr(sd.backends.create("numpy", 1)) == "NumpyBackend(threads=1)"


def test_nothing_dense_is_made_for_a_sparse_layer():
    """200,000 dendrites on 3,072 inputs: the dense matrix would take 2.5 GB."""
    import tracemalloc

    tracemalloc.start()
    made = models.build("dann-lrf", (32, 32, 3), 10, dendrites=16, somata=12_500, synapses=5)
    Session(made, np.zeros((2, 3072), np.uint8), [0, 1]).train_step(Training(), [0, 1])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 500e6


class Writing(layers.Layer):
    """Writes over its inputs, whatever the room says."""

    kind = "writing"

    def __init__(self, features):
        super().__init__(features, features)

    def room(self, room):
        return None

    def forward(self, x, state):
        x *= -1
        return x

    def backward(self, delta, state):
        delta *= -1
        return delta


@pytest.mark.parametrize("read", ["dendritic", "tanh"])
def test_what_another_layer_reads_again_must_not_be_written_over(read):
    """Its gradients would be those of other activations."""
    first = {
        "dendritic": lambda: layers.Dendritic(
            sd.connectivity.random(np.random.default_rng(0), 6, 4, 2), sd.connectivity.tree(4, 1)
        ),
        "tanh": lambda: layers.Sparse(uneven(np.random.default_rng(0), 4, 6)),
    }[read]()
    between = [layers.Tanh(4)] if read == "tanh" else []
    made = Network([first, *between, Writing(4), layers.Dense(4, 2)], 6)
    session = Session(made, np.ones((3, 6)), [0, 1, 0])
    with pytest.raises(InputError, match="the layer 'writing' writes over its inputs, which the"):
        session.score([0])
    # Nobody reads anything again where there is no backward pass.
    assert predict(made, np.ones((3, 6))).shape == (3,)


def test_what_nobody_reads_again_may_be_written_over():
    first = layers.Sparse(uneven(np.random.default_rng(0), 4, 6))
    made = Network([first, layers.Identity(4), Writing(4), layers.Dense(4, 2)], 6)
    made.initialize(np.random.default_rng(1), glorot)
    Session(made, np.ones((3, 6)), [0, 1, 0]).score([0])


def test_moved_to_where_it_is_it_stays_as_it_is():
    made = small()
    parameters = made.parameters
    assert made.to(made.backend) is made
    assert made.parameters is parameters


@pytest.mark.parametrize("wrong", [None, 3, sd.backends.NumpyBackend])
def test_what_is_no_backend_is_refused(wrong):
    made = small()
    with pytest.raises(InputError, match=r"the backend is .*: give one, or its name"):
        made.to(wrong)
    assert made.backend.name == "numba"


def test_a_layer_s_connections_are_a_structure():
    """A matrix of SciPy's is not checked, and still its owner's."""
    matrix = sparse.random_array((3, 7), density=0.5, format="csr", rng=1)
    message = r"the weights of layer 1 \(sparse\) are a csr_array: give a Structure, such as conn"
    with pytest.raises(InputError, match=message):
        Network([layers.Sparse(matrix)], 7)


@pytest.mark.parametrize("operation", ["zeros", "place", "connections"])
def test_a_backend_without_memory_leaves_the_network_where_it_was(operation, monkeypatch):
    made, x = small(), np.ones((3, 8, 8, 1), np.float32)
    expected, before = predict(made, x, raw=True), made.backend
    other = sd.backends.create("numpy")

    def fail(*arguments):
        raise MemoryError

    monkeypatch.setattr(other, operation, fail)
    with pytest.raises(MemoryError):
        made.to(other)
    assert made.backend is before
    np.testing.assert_array_equal(predict(made, x, raw=True), expected)
    made.parameters[:] = 0
    assert not predict(made, x, raw=True).any()


def test_what_was_made_before_a_move_and_back_is_refused():
    """It has the parameters of before the first move."""
    made, x, y = small(), np.ones((3, 8, 8, 1), np.float32), [0, 1, 2]
    home = made.backend
    session, predictor = Session(made, x, y), sd.Predictor(made, 3)
    training = Training()
    sd.train_on_batch(made, x, y, training=training)
    made.to("numpy").to(home)
    with pytest.raises(InputError, match="was moved to backend 'numba': make a new session"):
        session.score([0])
    with pytest.raises(InputError, match="was moved to backend 'numba': make a new"):
        predictor(x)
    before = made.parameters.copy()
    sd.train_on_batch(made, x, y, training=training)
    assert not np.array_equal(made.parameters, before)


def test_a_network_of_no_parameters_has_all_of_none():
    network = sd.Network([sd.layers.ReLU(3)], 3, loss=sd.losses.MeanSquaredError())
    assert (network.size, network.density) == (0, 1.0)
    assert repr(network).endswith("0 parameters, 100.00% of all to all")
