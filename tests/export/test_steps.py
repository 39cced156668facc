"""The steps that every format shares, and what has none."""

import numpy as np
import pytest

import sparsedend as sd
from sparsedend import InputError, layers
from sparsedend.export.steps import Function, Linear, program
from sparsedend.structure import Structure
from tests.export.networks import dann, made, named


def shown(network, **more):
    return [
        step.name if isinstance(step, Linear) else (step.kind, *step.numbers)
        for step in program(network, **more).steps
    ]


def test_steps_of_a_network():
    """Dropout and identity do nothing; the loss says what comes last."""
    assert shown(named("other dendrites")) == [
        *("layer0_synapses", ("tanh",), "layer0_cables", ("softplus",)),
        *("layer2_synapses", ("leaky-relu", 0.0), "layer2_cables"),
        *("layer3", ("softmax",)),
    ]
    assert shown(named("dense", "sigmoid"))[-1] == ("sigmoid",)
    assert shown(named("dense", "sigmoid"), raw=True)[-1] == "layer2"
    assert shown(named("dense", "huber"))[-1] == "layer2"


def test_words():
    assert program(named("dense")).takes == "3 × 3 × 1 pixels, row by row, bytes divided by 255"
    assert program(named("sparse")).gives == "probabilities of the classes"
    assert program(named("sparse", "sigmoid")).gives == "probabilities of the labels"
    assert program(named("sparse", "squares")).gives == "values"
    assert program(named("sparse"), raw=True).gives == "raw outputs"
    assert program(named("one output", "squares")).takes == "9 features"


def test_even_rows_and_rows_in_order():
    synapses, cables, classes = program(dann("dann-lrf")).linear
    assert [each.even for each in (synapses, cables, classes)] == [True, True, True]
    assert [each.in_order for each in (synapses, cables, classes)] == [False, True, False]
    assert classes.fan_in.tolist() == [128] * 10
    synapses, cables, _ = program(named("two blocks")).linear[2:]
    assert not synapses.even
    assert not cables.even
    assert cables.in_order
    chosen = Structure([0, 2, 3, 6], [0, 1, 4, 2, 3, 5], (3, 6))
    (step,) = program(made([layers.Sparse(chosen)], 6, "squares")).linear
    assert (step.even, step.in_order) == (False, False)


def test_the_program_keeps_its_numbers():
    network = named("dense")
    step = program(network).linear[0]
    before = step.weights.copy()
    network.parameters += 1
    np.testing.assert_array_equal(step.weights, before)
    assert step.weights.dtype == np.float32


def test_a_network_on_a_gpu_has_the_same_steps(emulated):
    network = named("other dendrites")
    expected = [(step.weights, step.bias) for step in program(network).linear]
    found = [(step.weights, step.bias) for step in program(network.to("cupy")).linear]
    for (weights, bias), (other, another) in zip(found, expected, strict=True):
        assert type(weights) is np.ndarray
        np.testing.assert_array_equal(weights, other)
        np.testing.assert_array_equal(bias, another)


class Own(layers.LeakyReLU):
    kind = "of one's own"


class Loss(sd.losses.MeanSquaredError):
    kind = "of one's own"


def test_a_layer_of_ones_own_is_refused():
    network = made([layers.Dense(4, 3), Own(3)], 4)
    with pytest.raises(InputError, match=r"layer 1 \(of one's own\) is a Own, which cannot be exp"):
        program(network)


def test_a_loss_of_ones_own_has_raw_outputs_alone():
    network = made([layers.Dense(4, 3)], 4, Loss())
    with pytest.raises(InputError, match="outputs mean to the loss Loss cannot be exported: give"):
        program(network)
    assert shown(network, raw=True) == ["layer0"]


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e39])
def test_parameters_that_are_not_finite_are_refused(value):
    network = made([layers.Dense(4, 3)], 4, dtype=np.float64)
    network.layers[0].parameters["bias"][1] = value
    with pytest.raises(InputError, match=r"parameter bias of layer 0 \(dense\) has values"):
        program(network)


def test_a_network_without_parameters_is_refused():
    with pytest.raises(InputError, match="has no parameters, so nothing to export"):
        program(made([layers.Tanh(4)], 4))


def test_a_matrix_without_connections_gets_one_of_no_weight():
    step = program(named("no connections")).linear[0]
    assert step.weights.tolist() == [0]
    assert step.structure.nnz == 1
    assert step.shape == (4, 9)


def test_functions_are_equal_by_what_they_do():
    assert Function("leaky-relu", (0.1,)) == program(dann()).steps[1]
