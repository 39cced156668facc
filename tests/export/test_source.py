"""C files, compiled without a warning and called, against the network's own answers."""

import os
import re
import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sparsedend as sd
from sparsedend import InputError, layers
from sparsedend.export.source import quantized
from tests.export.networks import (
    C_FLAGS,
    COMPILERS,
    agree,
    answers,
    dann,
    made,
    named,
    needs,
    samples,
)

needs_gcc = needs("gcc")


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("quantize", [False, True])
def test_a_dann_is_small(compiler, quantize, in_c, tmp_path):
    """10,634 parameters, dendrites with numbers of synapses of their own: under 64 kB of all."""
    network = dann()
    x = samples(network)
    found = in_c(network, x, compiler=compiler, quantize=quantize)
    np.testing.assert_allclose(found, answers(network, x), atol=2e-3 if quantize else 1e-5)
    command = [compiler, *C_FLAGS, "-O2", "-c", tmp_path / "net.c", "-o", tmp_path / "net.o"]
    subprocess.run(command, check=True)
    if shutil.which("size") is None:
        pytest.skip("no size, which comes with binutils: install it")
    told = subprocess.run(["size", tmp_path / "net.o"], capture_output=True, text=True, check=True)
    text, data, bss = map(int, told.stdout.splitlines()[1].split()[:3])
    assert text + data + bss < (36_000 if quantize else 64_000)
    assert data == bss == 0, "constants may lie in read-only memory"


def declared(text):
    """Type of each constant array of a C file, by name."""
    found = re.findall(r"static const (\w+) (\w+)\[\]", text)
    return {name: kind for kind, name in found}


def test_no_array_is_larger_than_it_must_be(tmp_path):
    """No indices where inputs come in order, no fan-in where it is constant, few bytes each."""
    sd.export.c(dann("dann-lrf"), tmp_path / "even.c")
    assert declared((tmp_path / "even.c").read_text()) == {
        "layer0_synapses_weights": "float",
        "layer0_synapses_bias": "float",
        "layer0_synapses_indices": "uint16_t",
        "layer0_cables_weights": "float",
        "layer0_cables_bias": "float",
        "layer1_weights": "float",
        "layer1_bias": "float",
    }
    sd.export.c(dann("dann-r"), tmp_path / "uneven.c", quantize=True)
    found = declared((tmp_path / "uneven.c").read_text())
    assert found["layer0_synapses_fan_in"] == "uint8_t"
    assert found["layer0_synapses_weights"] == "int8_t"
    assert found["layer0_synapses_scale"] == "float"
    assert "layer0_cables_fan_in" not in found


@pytest.mark.parametrize(
    ("inputs", "kind"), [(256, "uint8_t"), (65_536, "uint16_t"), (65_537, "uint32_t")]
)
@needs_gcc
def test_indices_are_as_wide_as_the_inputs_ask(inputs, kind, in_c, tmp_path):
    chosen = sd.structure.Structure([0, 2, 4], [0, inputs - 1, 1, inputs - 1], (2, inputs))
    network = made([layers.Sparse(chosen)], inputs, "squares")
    x = samples(network, 3)
    agree(in_c(network, x), answers(network, x))
    assert declared((tmp_path / "net.c").read_text())["layer0_indices"] == kind


def test_what_stands_at_the_top(tmp_path):
    """What it takes and gives, the activations on the stack, and no header for nothing."""
    sd.export.c(dann(), tmp_path / "a.c")
    text = (tmp_path / "a.c").read_text()
    assert "Input: 28 x 28 x 1 pixels, row by row, bytes divided by 255." in text
    assert "Output: 10 probabilities of the classes." in text
    assert "Activations take 2560 bytes of the stack." in text
    assert "#include <math.h>" in text
    assert "\nvoid a_predict(const float *input, float *output);\n" in text
    assert "= x > 0.0f ? x : 0.1f * x;\n" in text
    sd.export.c(dann(), tmp_path / "raw.c", raw=True)
    assert "math.h" not in (tmp_path / "raw.c").read_text()
    sd.export.c(named("a function first", "squares"), tmp_path / "tanh.c")
    assert "Activations take 36 bytes" in (tmp_path / "tanh.c").read_text()
    assert "math.h" in (tmp_path / "tanh.c").read_text()


@needs_gcc
def test_numbers_keep_their_bits(in_c):
    """The least and the greatest, and none that becomes an integer."""
    values = [1e-45, 1.1754942e-38, 3.4e38, -1.0, 16777216.0, 0.1, 1 / 3, -0.0]
    network = made([layers.Dense(1, len(values))], 1, "squares")
    network.parameters = np.array(values + [0.0] * len(values), np.float32)
    found = in_c(network, np.ones((1, 1), np.float32), raw=True)
    np.testing.assert_array_equal(found[0], np.array(values, np.float32))


@given(st.lists(st.lists(st.floats(-1e3, 1e3, width=32), max_size=6), min_size=1, max_size=5))
def test_quantized_weights_are_the_nearest(rows):
    fan_in = np.array([len(row) for row in rows])
    weights = np.array([weight for row in rows for weight in row], np.float32)
    integers, scale = quantized(weights, fan_in)
    assert (integers.dtype, scale.dtype) == (np.int8, np.float32)
    of_each = np.repeat(scale, fan_in)
    assert (abs(integers.astype(int)) <= 127).all()
    # A scale below the normal numbers is rounded to few bits, or to 0.
    least = 127 * np.finfo(np.float32).smallest_subnormal
    assert (abs(integers * of_each - weights) <= 0.501 * of_each + least).all()
    for row, one in zip(rows, scale, strict=True):
        assert one == pytest.approx(max(map(abs, row), default=0) / 127, rel=1e-6)


def test_a_worked_row():
    integers, scale = quantized(np.array([0.5, -1.27, 0.004, 0.0], np.float32), np.array([3, 0, 1]))
    assert integers.tolist() == [50, -127, 0, 0]
    np.testing.assert_allclose(scale, [0.01, 0, 0], rtol=1e-6)


@needs_gcc
def test_a_trained_network_of_8_bits_is_as_accurate(in_c, digits):
    sizes = {"dendrites": 8, "somata": 32, "synapses": 8}
    backend = sd.backends.create("numpy")
    network = sd.models.build("dann-lrf", (8, 8, 1), 10, backend=backend, **sizes)
    training = sd.Training(sd.optimizers.Adam(0.005), batch_size=64)
    sd.fit(network, digits.train_x, digits.train_y, epochs=8, training=training)
    pixels = digits.test_x.reshape(-1, 64).astype(np.float32) / 255
    exact = sd.evaluate(network, digits.test_x, digits.test_y).accuracy
    found = in_c(network, pixels, quantize=True).argmax(axis=1)
    assert exact > 0.9
    assert np.mean(found == digits.test_y) >= exact - 0.003


@pytest.mark.parametrize(
    ("file", "name", "function"),
    [("a-b.c", None, "a_b"), ("2.c", "two", "two"), ("é.c", "x1_y", "x1_y")],
)
def test_the_function_is_named(file, name, function, tmp_path):
    sd.export.c(named("one layer"), tmp_path / file, name=name)
    assert f"\nvoid {function}_predict(" in (tmp_path / file).read_text()


@pytest.mark.parametrize(
    ("file", "name"), [("2.c", None), ("a.c", ""), ("a.c", "a b"), ("é.c", None)]
)
def test_names_that_c_does_not_know(file, name, tmp_path):
    with pytest.raises(InputError, match="cannot begin the name of a C function: give as `name`"):
        sd.export.c(named("one layer"), tmp_path / file, name=name)
    assert os.listdir(tmp_path) == []
