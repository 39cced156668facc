"""The questions that are asked, and with which works and contestants they are answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise, product
from typing import Any

from sparsedend.backends.numpy_backend import available_threads

from .contestants import OURS
from .harness import Case
from .store import Table
from .works import Dendritic, Layer, Perceptron, Work

NUMPY, CUPY = "sparsedend numpy", "sparsedend cupy"
SCIPY, MKL = "SciPy CSR", "sparse-dot-mkl"
DENSE, MASKED = "PyTorch dense", "PyTorch masked dense"
COMPILED, CSR = "PyTorch masked dense, compiled", "PyTorch torch.sparse CSR"
GATHER, LAB = "PyTorch gather", "sparselab"
KERAS, SKLEARN, NERVA = "Keras masked dense", "scikit-learn", "nerva-numpy"


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
    axis : str
        The field of the works that grows.
    contestants : tuple of str
    quick : sequence of Work
        What `--quick` measures.
    threads : callable
        Numbers of threads, from how many there are.
    """

    name: str
    question: str
    works: tuple[Work, ...]
    axis: str
    contestants: tuple[str, ...]
    quick: tuple[Work, ...]
    goals: tuple[Goal, ...] = ()
    threads: Callable[[int], list[int]] = field(default=lambda available: [available])
    memory: bool = False

    def cases(self, quick: bool, threads: int | None) -> Iterator[Case]:
        """What is measured."""
        for work in self.quick if quick else self.works:
            for count in self.threads(threads or available_threads()):
                yield Case(work, count, self.contestants)


def _dendritic(inputs: int, *sizes: tuple[int, int], **fields: Any) -> tuple[Work, ...]:
    return tuple(Dendritic(inputs, d, s, **fields) for d, s in sizes)


def _perceptrons(*sizes: tuple[int, ...], density: float) -> tuple[Work, ...]:
    return tuple(Perceptron(s, (density,) * (len(s) - 1), batch=100) for s in sizes)


def _lung(neurons: int, batch: int) -> Work:
    """SET's rule (Mocanu et al. 2018): density ε (n + m) / (n m), ε = 20."""
    sizes = (3312, neurons, neurons, neurons, 5)
    pairs = list(pairwise(sizes))
    return Perceptron(
        sizes, tuple(min(1.0, 20 * (n + m) / (n * m)) for n, m in pairs), batch, pixels=False
    )


def _ratio(rival: str, **fields: Any) -> Callable[[Table], float]:
    return lambda table: table.ratio(rival, **fields)


STEP = _dendritic(784, (4, 128), (16, 256), (64, 512))
CIFAR = tuple(
    work
    for density in (0.001, 0.005, 0.01, 0.05, 0.1, 0.2, 0.5, 1.0)
    for work in _perceptrons((3072, 1024, 512, 10), density=density)
)
DENSITY = tuple(
    Layer(3072, 1024, density)
    for density in (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
)
#: From 1,024 to 1,048,576 dendrites.
DENDRITES = _dendritic(784, *((16, 64 * 4**power) for power in range(6)))
INFERENCE = tuple(
    Dendritic(784, 16, 256, batch=batch, task="inference") for batch in (1, 8, 64, 256, 1024, 4096)
)
WIDTH = _perceptrons(*((3072, n, n, n, 10) for n in (1024, 4096, 8192, 16384)), density=0.01)

SUITES = {
    suite.name: suite
    for suite in (
        Suite(
            "step",
            "How long does a whole training step take: 784 inputs, 16 synapses, batch 128?",
            STEP,
            "size",
            (OURS, NUMPY, CUPY, MASKED, COMPILED, CSR, GATHER, LAB, SCIPY, MKL, KERAS),
            STEP[:2],
            (
                Goal("D=4, S=128: times masked dense", _ratio(MASKED, size=512), 10),
                Goal("D=16, S=256: times masked dense", _ratio(MASKED, size=4096), 24),
                Goal("D=64, S=512: times masked dense", _ratio(MASKED, size=32768), 55),
            ),
        ),
        Suite(
            "dendrites",
            "How do time and memory grow with dendrites and somata, the inputs being the same?",
            DENDRITES,
            "size",
            (OURS, CUPY, MASKED, CSR, GATHER, LAB, SCIPY),
            DENDRITES[:3],
            (
                Goal("slope of time", lambda t: t.slope(OURS), 1.05, at_most=True),
                Goal("slope of memory", lambda t: t.memory_slope(OURS), 1.05, at_most=True),
                Goal(
                    "bytes per synapse at a million dendrites, without the activations",
                    lambda t: t.bytes_per_synapse(OURS, size=1_048_576),
                    24,
                    at_most=True,
                ),
            ),
        ),
        Suite(
            "inputs",
            "And with the inputs, from 784 to a million, at D=16, S=256?",
            tuple(Dendritic(n, 16, 256) for n in (784, 3072, 12_288, 49_152, 196_608, 1_000_000)),
            "inputs",
            (OURS, MASKED, CSR, GATHER, LAB, SCIPY),
            tuple(Dendritic(n, 16, 256) for n in (784, 3072)),
        ),
        Suite(
            "density",
            "From which density on is a layer 3072 → 1024 better dense? Forward and all gradients, "
            "batch 128.",
            DENSITY,
            "density",
            (OURS, NUMPY, DENSE, CSR, LAB, SCIPY, MKL),
            tuple(Layer(3072, 1024, density) for density in (0.001, 0.01, 0.1, 0.5)),
            (
                Goal("break-even with PyTorch dense", lambda t: t.break_even(DENSE), 0.2),
                Goal("density .01: times PyTorch dense", _ratio(DENSE, density=0.01), 25),
                Goal("density .001: times PyTorch dense", _ratio(DENSE, density=0.001), 80),
            ),
        ),
        Suite(
            "batch",
            "How does a step grow with the batch, at D=16, S=256?",
            tuple(Dendritic(784, 16, 256, batch=b) for b in (1, 8, 32, 128, 512, 2048)),
            "batch",
            (OURS, MASKED, CSR, GATHER, LAB),
            tuple(Dendritic(784, 16, 256, batch=b) for b in (8, 128)),
        ),
        Suite(
            "threads",
            "What do more threads bring?",
            STEP[1:],
            "threads",
            (OURS, MASKED, CSR),
            STEP[1:2],
            threads=lambda available: list(range(1, available + 1)),
        ),
        Suite(
            "inference",
            "How long does one request take, of 1 to 4096 images, at D=16, S=256?",
            INFERENCE,
            "batch",
            (OURS, NUMPY, CUPY, DENSE, COMPILED, CSR, GATHER, SCIPY, KERAS),
            INFERENCE[::5],
            (
                Goal("one image: times PyTorch dense", _ratio(DENSE, batch=1), 4),
                Goal("4096 images: times PyTorch dense", _ratio(DENSE, batch=4096), 20),
            ),
        ),
        Suite(
            "memory",
            "How much memory does training take, 3,072 inputs?",
            _dendritic(3072, (4, 128), (16, 256), (64, 512)),
            "size",
            (OURS, NUMPY, CUPY, MASKED, CSR, GATHER, LAB, SCIPY, MKL, KERAS),
            _dendritic(3072, (4, 128), (16, 256)),
            memory=True,
        ),
        Suite(
            "nerva-cifar",
            "Nerva's protocol (Wesselink et al. 2024): 3072-1024-512-10, batch 100, Nesterov.",
            CIFAR,
            "densities",
            (OURS, NUMPY, DENSE, MASKED, CSR, LAB, SCIPY, MKL, NERVA, SKLEARN),
            CIFAR[::2],
            (Goal("density .01: times PyTorch dense", _ratio(DENSE, densities=(0.01,) * 3), 25),),
        ),
        Suite(
            "nerva-width",
            "Nerva's second: 3072-n-n-n-10 at density .01, batch 100.",
            WIDTH,
            "sizes",
            (OURS, DENSE, MASKED, CSR, LAB, MKL),
            WIDTH[:1],
            (Goal("n=4096: times PyTorch dense", _ratio(DENSE, sizes=WIDTH[1].sizes), 15),),
        ),
        Suite(
            "set-lung",
            "SET's protocol (Mocanu et al. 2018), lung data: 3312-n-n-n-5, ε = 20.",
            tuple(_lung(n, batch) for n in (3000, 30_000, 300_000) for batch in (2, 128)),
            "sizes",
            (OURS, DENSE, CSR, LAB, SCIPY, MKL),
            (_lung(3000, 2), _lung(3000, 128)),
        ),
        Suite(
            "sparseprop-linear",
            "SparseProp's protocol (Nikdan et al. 2023): linear layers, one thread.",
            (
                *(Layer(512, 256, density) for density in (0.2, 0.1, 0.05, 0.02, 0.01)),
                Layer(768, 3072, 0.02, batch=2048),
            ),
            "density",
            (OURS, DENSE, CSR, LAB, SCIPY, MKL),
            (Layer(512, 256, 0.05),),
            threads=lambda available: [1],
        ),
        Suite(
            "srigl-layer",
            "SRigL's protocol (Lasby et al. 2024): forward of a layer 3072 → 768, constant fan-in.",
            tuple(
                Layer(3072, 768, density, batch, constant_fan_in=True, backward=False)
                for density, batch in product((0.01, 0.05, 0.1, 0.2), (1, 64, 256, 2048))
            ),
            "density",
            (OURS, DENSE, CSR, GATHER, SCIPY, MKL),
            tuple(
                Layer(3072, 768, density, 256, constant_fan_in=True, backward=False)
                for density in (0.01, 0.1)
            ),
        ),
    )
}
