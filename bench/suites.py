"""The questions that are asked, and with which works and contestants they are answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any

from .contestants import (
    COMPILED,
    CSR,
    CUPY,
    DENSE,
    GATHER,
    GPU_EAGER,
    GPU_GRAPH_TF32,
    GPU_RIVALS,
    KERAS,
    LAB,
    MASKED,
    MKL,
    NERVA,
    NUMPY,
    OURS,
    PDANN,
    SCIPY,
    SKLEARN,
    SPINNING,
    VANN,
)
from .harness import Case
from .table import Row, Table
from .works import Dendritic, Layer, Perceptron, Work


@dataclass(frozen=True)
class Goal:
    """What a suite should show: `value` of its table, at least or at most `bound`."""

    text: str
    value: Callable[[Table], float]
    bound: float
    at_most: bool = False

    def verdict(self, table: Table) -> str:
        """One line."""
        try:
            value = self.value(table)
        except LookupError:
            return f"{self.text}: not measured in this run."
        met = value <= self.bound if self.at_most else value >= self.bound
        return f"{self.text}: {value:.3g}, **{'reached' if met else 'MISSED'}**."


@dataclass(frozen=True)
class Suite:
    """A question, answered by the times of works.

    Attributes
    ----------
    name, question : str
    works : sequence of Work
        From small to large.
    contestants : tuple of str
        The first is whom the others are compared with.
    quick : slice
        Of the works, what `--quick` measures.
    goals : tuple of Goal
    axis : (str, str)
        Of the picture: its name, and how the place of a work "{w}" or its "{threads}" is written.
    label, panel : str
        How a work is written in tables; works with different panels are not joined by a line.
    alone : sequence of Work
        Beyond what anybody but the first can do, after the others.
    threads : callable
        Numbers of threads, from how many there are.
    shows : tuple of {"time", "memory", "device memory"}
        What of them the page has.
    busy : bool
        Whether as many busy processes as threads are beside each.
    dataset : str, optional
        What must be there.
    page : str
        Where it is shown.
    """

    name: str
    question: str
    works: tuple[Work, ...]
    contestants: tuple[str, ...]
    quick: slice
    goals: tuple[Goal, ...] = ()
    axis: tuple[str, str] = ("dendrites", "{w.size}")
    label: str = "D={w.dendrites} S={w.somata:,}"
    panel: str = ""
    alone: tuple[Work, ...] = ()
    threads: Callable[[int], list[int]] = lambda available: [available]
    shows: tuple[str, ...] = ("time",)
    busy: bool = False
    dataset: str | None = None
    page: str = "scaling"

    def cases(self, quick: bool, threads: int) -> Iterator[Case]:
        """What is measured."""
        works = self.works[self.quick] if quick else self.works
        for work, count in product(works, self.threads(threads)):
            yield Case(work, count, self.contestants, count * self.busy)
        for work in () if quick else self.alone:
            yield Case(work, threads, self.contestants[:1])


def _dendritic(inputs: int, *sizes: tuple[int, int], **fields: Any) -> tuple[Work, ...]:
    return tuple(Dendritic(inputs, d, s, **fields) for d, s in sizes)


def _perceptron(*sizes: int, density: float) -> Work:
    return Perceptron(sizes, (density,) * (len(sizes) - 1), batch=100)


def _lung(neurons: int, batch: int) -> Work:
    """SET's rule (Mocanu et al. 2018): density ε (n + m) / (n m), ε = 20."""
    sizes = (3312, neurons, neurons, neurons, 5)
    densities = tuple(min(1.0, 20 * (n + m) / (n * m)) for n, m in pairwise(sizes))
    return Perceptron(sizes, densities, batch, pixels=False)


def _ratio(text: str, rival: str, bound: float, **fields: Any) -> Goal:
    return Goal(text, lambda table: table.ratio(rival, **fields), bound)


def _fastest(text: str, bound: float, **fields: Any) -> Goal:
    return Goal(text, lambda table: table.fastest(**fields), bound)


def _least(text: str, value: Callable[[Table], float], bound: float) -> Goal:
    return Goal(text, value, bound, at_most=True)


def _huge(table: Table, millions: int = 1) -> Row:
    return table.one(OURS, somata=millions * MILLION)


STEP = _dendritic(784, (4, 128), (16, 256), (64, 512))
CIFAR = (0.001, 0.005, 0.01, 0.05, 0.1, 0.2, 0.5, 1.0)
DENSITIES = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
#: Somata that own a million dendrites, 64 each.
MILLION = 2**20 // 64
LAYER = {"axis": ("density", "{w.density}"), "panel": "{w.inputs} → {w.outputs}, batch {w.batch}"}

SUITES = {
    suite.name: suite
    for suite in (
        Suite(
            "step",
            "How long does a whole training step take: 784 inputs, 16 synapses, batch 128?",
            STEP,
            (OURS, NUMPY, CUPY, MASKED, COMPILED, CSR, GATHER, LAB, SCIPY, MKL, KERAS),
            slice(2),
            (
                _ratio("D=4, S=128: times masked dense", MASKED, 10, size=512),
                _ratio("D=16, S=256: times masked dense", MASKED, 24, size=4096),
                _ratio("D=64, S=512: times masked dense", MASKED, 55, size=32768),
            ),
        ),
        Suite(
            "all-to-all",
            "And a step of the models with all synapses, against PyTorch dense without masks?",
            STEP[:2],
            (DENSE, VANN, PDANN),
            slice(1),
            (
                _least(
                    "vann D=4, S=128: times PyTorch dense", lambda t: t.ratio(VANN, size=512), 1
                ),
                _least(
                    "pdann D=16, S=256: times PyTorch dense", lambda t: t.ratio(PDANN, size=4096), 1
                ),
            ),
        ),
        Suite(
            "dendrites",
            "How do time and memory grow with dendrites and somata, the inputs being the same?",
            _dendritic(784, *((16, 64 * 4**power) for power in range(6))),
            (OURS, CUPY, MASKED, CSR, GATHER, LAB, SCIPY),
            slice(3),
            (
                _least("slope of time", Table.slope, 1.05),
                _least("slope of memory", Table.memory_slope, 1.05),
                _least(
                    "bytes per synapse at a million dendrites, without the activations",
                    lambda table: table.bytes_per_synapse(size=2**20),
                    24,
                ),
            ),
            shows=("time", "memory"),
        ),
        Suite(
            "inputs",
            "And with the inputs, from 784 to a million, at D=16, S=256?",
            tuple(Dendritic(n, 16, 256) for n in (784, 3072, 12_288, 49_152, 196_608, 1_000_000)),
            (OURS, MASKED, CSR, GATHER, LAB, SCIPY),
            slice(2),
            axis=("inputs", "{w.inputs}"),
            label="{w.inputs:,}",
        ),
        Suite(
            "density",
            "From which density on is a layer 3072 → 1024 better dense? Forward and all gradients, "
            "batch 128.",
            tuple(Layer(3072, 1024, density) for density in DENSITIES),
            (OURS, NUMPY, DENSE, CSR, LAB, SCIPY, MKL),
            slice(1, None, 3),
            (
                Goal("break-even with PyTorch dense", lambda t: t.break_even(DENSE), 0.2),
                _ratio("density .01: times PyTorch dense", DENSE, 25, density=0.01),
                _ratio("density .001: times PyTorch dense", DENSE, 80, density=0.001),
            ),
            label="{w.density:g}",
            **LAYER,
        ),
        Suite(
            "batch",
            "How does a step grow with the batch, at D=16, S=256?",
            tuple(Dendritic(784, 16, 256, batch=b) for b in (1, 8, 32, 128, 512, 2048)),
            (OURS, MASKED, CSR, GATHER, LAB),
            slice(1, 4, 2),
            axis=("batch", "{w.batch}"),
            label="{w.batch:,}",
        ),
        Suite(
            "threads",
            "What do more threads bring?",
            STEP[1:],
            (OURS, MASKED, CSR),
            slice(1),
            axis=("threads", "{threads}"),
            label="D={w.dendrites} S={w.somata:,}, {threads} thr.",
            panel="D={w.dendrites} S={w.somata}",
            threads=lambda available: list(range(1, available + 1)),
        ),
        Suite(
            "contention",
            "And beside as many busy processes as there are threads?",
            STEP[:2],
            (OURS, SPINNING, MASKED, CSR),
            slice(1),
            busy=True,
        ),
        Suite(
            "inference",
            "How long does one request take, of 1 to 4096 images, at D=16, S=256?",
            tuple(
                Dendritic(784, 16, 256, batch=batch, task="inference")
                for batch in (1, 8, 64, 256, 1024, 4096)
            ),
            (OURS, NUMPY, CUPY, DENSE, COMPILED, CSR, GATHER, SCIPY, KERAS),
            slice(None, None, 5),
            (
                _ratio("one image: times PyTorch dense", DENSE, 4, batch=1),
                _ratio("4096 images: times PyTorch dense", DENSE, 20, batch=4096),
            ),
            axis=("batch", "{w.batch}"),
            label="{w.batch:,}",
        ),
        Suite(
            "memory",
            "How much memory does training take, 3,072 inputs? And a million dendrites, and ten?",
            _dendritic(3072, (4, 128), (16, 256), (64, 512)),
            (OURS, NUMPY, CUPY, MASKED, CSR, GATHER, LAB, SCIPY, MKL, KERAS),
            slice(2),
            (
                _least("a million dendrites: seconds a step", lambda t: _huge(t).time, 0.2),
                _least("a million dendrites: GB", lambda t: _huge(t).peak / 1e9, 1.5),
                _least(
                    "ten million: times as long", lambda t: _huge(t, 10).time / _huge(t).time, 12
                ),
                _least("ten million: GB", lambda t: _huge(t, 10).peak / 1e9, 12),
            ),
            alone=_dendritic(3072, (64, MILLION), (64, 10 * MILLION)),
            shows=("memory",),
        ),
        Suite(
            "nerva-cifar",
            "Nerva's protocol (Wesselink et al. 2024): 3072-1024-512-10, batch 100, Nesterov. "
            "nerva-numpy is not the C++ library Nerva, but its slow sibling in NumPy.",
            tuple(_perceptron(3072, 1024, 512, 10, density=density) for density in CIFAR),
            (OURS, NUMPY, DENSE, MASKED, CSR, LAB, SCIPY, MKL, NERVA, SKLEARN),
            slice(None, None, 2),
            (_ratio("density .01: times PyTorch dense", DENSE, 25, densities=(0.01,) * 3),),
            axis=("density", "{w.densities[0]}"),
            label="{w.densities[0]:g}",
        ),
        Suite(
            "nerva-width",
            "Nerva's second: 3072-n-n-n-10 at density .01, batch 100.",
            tuple(_perceptron(3072, n, n, n, 10, density=0.01) for n in (1024, 4096, 8192, 16384)),
            (OURS, DENSE, MASKED, CSR, LAB, MKL),
            slice(1),
            (_ratio("n=4096: times PyTorch dense", DENSE, 15, sizes=(3072, *(4096,) * 3, 10)),),
            axis=("neurons of the first hidden layer", "{w.sizes[1]}"),
            label="n={w.sizes[1]:,}",
        ),
        Suite(
            "set-lung",
            "SET's protocol (Mocanu et al. 2018), lung data: 3312-n-n-n-5, ε = 20.",
            tuple(_lung(n, batch) for n in (3000, 30_000, 300_000) for batch in (2, 128)),
            (OURS, DENSE, CSR, LAB, SCIPY, MKL),
            slice(2),
            axis=("neurons of the first hidden layer", "{w.sizes[1]}"),
            label="n={w.sizes[1]:,}, batch {w.batch}",
            panel="batch {w.batch}",
        ),
        Suite(
            "sparseprop-linear",
            "SparseProp's protocol (Nikdan et al. 2023): linear layers, one thread.",
            (
                *(Layer(512, 256, density) for density in (0.2, 0.1, 0.05, 0.02, 0.01)),
                Layer(768, 3072, 0.02, batch=2048),
            ),
            (OURS, DENSE, CSR, LAB, SCIPY, MKL),
            slice(2, 3),
            label="{w.density:g}, batch {w.batch}",
            threads=lambda available: [1],
            **LAYER,
        ),
        Suite(
            "srigl-layer",
            "SRigL's protocol (Lasby et al. 2024): forward of a layer 3072 → 768, constant fan-in.",
            tuple(
                Layer(3072, 768, density, batch, constant_fan_in=True, backward=False)
                for density, batch in product((0.01, 0.05, 0.1, 0.2), (1, 64, 256, 2048))
            ),
            (OURS, DENSE, CSR, GATHER, SCIPY, MKL),
            slice(2, None, 8),
            label="{w.density:g}, batch {w.batch}",
            **LAYER,
        ),
        Suite(
            "whole-run",
            "How long does `sparsedend train dann-r` take for 25 epochs of Fashion-MNIST (784 "
            "inputs, 16 synapses), with start-up, loading, validation, a checkpoint after every "
            "epoch and the test, kernels from the cache; and a rival for the same steps alone?",
            _dendritic(784, (4, 128), task="run"),
            (OURS, MASKED),
            slice(1),
            (_ratio("times the steps alone of masked dense", MASKED, 6),),
            dataset="fmnist",
        ),
        Suite(
            "gpu-step",
            "How long does a whole training step take on a GPU: 784 inputs, 16 synapses, batch "
            "128, 192 steps queued one after the other?",
            STEP,
            (CUPY, *GPU_RIVALS),
            slice(1),
            (
                _ratio("D=16, S=256: times PyTorch eager", GPU_EAGER, 10, size=4096),
                _fastest("D=16, S=256: times PyTorch's fastest", 2, size=4096),
                _ratio("D=64, S=512: times PyTorch eager", GPU_EAGER, 1, size=32768),
                _fastest("D=64, S=512: times PyTorch's fastest", 4, size=32768),
            ),
            page="gpu-step",
        ),
        Suite(
            "gpu-scale",
            "How do a step and its memory grow on a GPU: 3,072 inputs, 64 dendrites a soma, batch "
            "256?",
            _dendritic(3072, (64, 512), (64, 1024), (64, 4096), batch=256),
            (CUPY, GPU_GRAPH_TF32),
            slice(1),
            (
                _ratio("4,096 somata: times PyTorch", GPU_GRAPH_TF32, 12, somata=4096),
                Goal(
                    "4,096 somata: times its memory",
                    lambda t: t.memory_ratio(GPU_GRAPH_TF32, somata=4096),
                    50,
                ),
            ),
            alone=_dendritic(3072, (64, 16_384), (64, 32_768), batch=256),
            shows=("time", "device memory"),
            page="gpu-scale",
        ),
    )
}
