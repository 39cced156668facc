"""What the compiler makes of the kernels: the rows that are in flight are those that are meant."""

import pytest

from bench import machine_code
from bench.machine_code import ARCHITECTURES, H100, KINDS, WORKS, Kernel
from bench.works import Dendritic
from sparsedend.backends.gpu import program


def read(stored, architecture):
    try:
        return machine_code.read(stored, architecture)
    except ImportError as error:
        pytest.skip(str(error))


#: Of full width: what is missing is asked for when the first has come.
FEWER = {
    ("dendritic_forward", "float32", 100): 6,
    ("dense_dendritic_backward", "float32", 90): 7,
    ("softmax_dense_dendritic_backward", "float32", 90): 7,
}


@pytest.mark.parametrize(
    ("stored", "architecture"), [*(("float32", each) for each in ARCHITECTURES), ("float16", 90)]
)
def test_rows_are_in_flight(stored, architecture):
    """With registers for as many blocks as are meant, none of which lies in memory."""
    found = read(stored, architecture)
    assert {name.removesuffix("_pixels") for name in found} == set(KINDS)
    wrong = {}
    for name, kernel in found.items():
        kind = machine_code.kind_of(name)
        least = FEWER.get((name, stored, architecture), kind.group)
        good = kernel.in_flight >= least and (kind.dots or kernel.rest >= kind.group)
        if not good or kernel.spilled or kernel.resident < kind.resident:
            wrong[name] = kernel
    assert wrong == {}


def test_nothing_spills_in_double_precision():
    """Where each row in flight takes as many registers, and all sums take two."""
    found = read("float64", 90)
    assert {name: each for name, each in found.items() if each.spilled} == {}


@pytest.mark.parametrize(("registers", "resident"), [(64, 4), (65, 3), (40, 6), (33, 6), (32, 8)])
def test_blocks_that_there_are_registers_for(registers, resident):
    assert Kernel(registers, 0, 1, 8, 8).resident == resident


def test_the_launches_of_a_step():
    """Counted by hand: 20 synapses are three groups, 10 classes two, 150 samples two tiles."""
    work = Dendritic(100, 12, 70, synapses=20, batch=150)
    found = {each.kernel: each for each in machine_code.launches(work)}
    forward = found["dendritic_forward_pixels"]
    assert forward[1:] == (140, 2 * 3, 12 * 70 * 3 * 2, 12 * 70 * 20 * (2 * 256 + 8), 2)
    backward = found["dense_dendritic_backward_pixels"]
    assert backward[1:4] == (70, 2 + 2 * 3 * 2, forward.groups + 2 * 70 * 2 * 2)
    assert backward.bytes == forward.bytes + 2 * 10 * 70 * (1024 + 4)
    assert found["dendritic_input_gradient_shared"][1:4] == (140, 8, 70 * 60 * 2)
    assert found["dense_forward"][1:4] == (20, 2, 10 * 9 * 2)
    few = {each.kernel: each for each in machine_code.launches(Dendritic(100, 8, 70))}
    backward = few["softmax_dense_dendritic_backward_pixels"]
    assert backward[1:4] == (70, 2 + 2 + 2, 8 * 70 * 2 + 2 * 70 * 2)
    assert backward.bytes == 8 * 70 * 16 * (256 + 8) + 10 * 70 * (512 + 4)
    many = {each.kernel: each for each in machine_code.launches(Dendritic(100, 1, 1100))}
    assert many["dense_slices"][1:3] == (10 * 3, 8)


def test_what_limits_a_launch():
    """528 blocks fit at once, so 529 come in two waves."""
    launch = machine_code.Launch("any", 529, 3, 10**6, 55 * 10**6, 2)
    found = machine_code.seconds(launch, Kernel(64, 0, 100, 8, 8), H100)
    assert found["bytes"] == pytest.approx(10e-6)
    assert found["instructions"] == pytest.approx(1e8 / (528 * 1.98e9))
    assert found["waiting"] == pytest.approx(2 * 3 * 2 * 0.16e-6)


def test_the_page_has_every_kernel_and_work():
    kernels = dict.fromkeys(KINDS, Kernel(60, 0, 96, 8, 8))
    kernels["dendritic_forward_pixels"] = Kernel(70, 4, 97, 3, 1)
    for name in ("dense_dendritic_backward_pixels", "softmax_dense_dendritic_backward_pixels"):
        kernels[name] = Kernel(80, 0, 98, 9, 1)
    found = {(stored, each): kernels for stored in program.OPTIONS for each in ARCHITECTURES}
    text = "\n".join(machine_code.page(found))
    assert text.count("| dendritic_forward_pixels | 3 of 70; 97; 4 bytes spilled |") == 3
    assert text.count("| dense_forward | 8 + 8 of 60; 96 | ") == 3
    assert "| 9 of 80; 98 | 8 of 80 |" in text
    assert "| 8 + 8 of 60; 96 | 4 of 64 |" in text
    for work in WORKS:
        assert f"| D={work.dendrites}, S={work.somata}, {work.inputs} inputs | dense_" in text
