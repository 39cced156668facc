"""Ways to do a work: sparsedend and its rivals, a file for each package that does it.

Nothing here imports a rival: `bench.worker` does, in a process of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product

from ..works import Dendritic, Layer, Perceptron, Request, Stream, Work


@dataclass(frozen=True)
class Contestant:
    """A way to do a work.

    Attributes
    ----------
    name : str
    module, variant : str
        ``bench.contestants.<module>.runner(work, contestant)`` makes it ready to run.
    packages : tuple of str
        What has to be installed, by the names of their distributions; any one of "a | b".
    works : tuple of type
        What it can do.
    dense_vectors : int
        Float32 vectors of the size of all weights, existing or not, that it holds in training.
    device : {"cpu", "cuda"}
        Where it computes.
    tolerance : float
        How far its outputs may be from ours, as a share of the largest.
    environment : mapping of str to str
        Of its process.
    """

    name: str
    module: str
    variant: str = ""
    packages: tuple[str, ...] = ()
    works: tuple[type, ...] = (Dendritic, Layer, Perceptron)
    dense_vectors: int = 0
    device: str = "cpu"
    tolerance: float = 1e-4
    environment: Mapping[str, str] = field(default_factory=dict)

    def needs(self, work: Work) -> int:
        """Bytes it holds, at least, where these grow faster than the connections."""
        if self.variant == "gather":  # the gathered inputs, their products and a gradient
            return 3 * 4 * work.batch * work.connections
        vectors = self.dense_vectors
        if isinstance(work, Layer) or work.task == "inference":
            vectors = min(vectors, 2)
        return 4 * vectors * work.dense_values

    def can_do(self, work: Work) -> bool:
        """Whether it does such a work at all."""
        if self.variant == "gather" and isinstance(work, Layer):
            return work.constant_fan_in
        return isinstance(work, self.works)


OURS, NUMPY, CUPY = "sparsedend numba", "sparsedend numpy", "sparsedend cupy"
#: Its waiting threads look for work as often as is GNU OpenMP's default, before they sleep.
SPINNING = "sparsedend numba, GNU OpenMP's spins"
PREDICTOR, ESTIMATOR = "sparsedend Predictor", "sparsedend DendriticClassifier"
#: Threads that ask at once, for each of whom the network computes on one.
CALLER, CALLERS = "sparsedend predict, 1 caller", "sparsedend predict, 2 callers"
PREDICTOR_CALLER = "sparsedend Predictor, 1 caller"
PREDICTOR_CALLERS = "sparsedend Predictor, 2 callers"
FED, HELD = "sparsedend, images in HDF5", "sparsedend, images in memory"
#: Its models in which no synapse is missing, and no cable or all but a soma's own.
VANN, PDANN = "sparsedend numba, vann", "sparsedend numba, pdann"
DENSE, MASKED = "PyTorch dense", "PyTorch masked dense"
COMPILED, CSR = "PyTorch masked dense, compiled", "PyTorch torch.sparse CSR"
GATHER, LAB = "PyTorch gather", "sparselab"
SCIPY, MKL = "SciPy CSR", "sparse-dot-mkl"
KERAS, SKLEARN, NERVA = "Keras masked dense", "scikit-learn", "nerva-numpy"
#: Step by step, with forward and loss by the compiler, or the whole step in a CUDA graph; products
#: exact, or with factors rounded to 10 bits.
GPU_RIVALS = tuple(
    f"PyTorch masked dense on a GPU{how}{precision}"
    for how, precision in product(("", ", compiled", ", graph"), ("", ", TF32"))
)
GPU_EAGER, *_, GPU_GRAPH_TF32 = GPU_RIVALS
_TORCH, _TREES = ("torch",), (Dendritic,)
_CUPY = ("cupy-cuda13x | cupy-cuda12x",)


def _on_gpu(name: str) -> Contestant:
    how = name.lower().split(", ")[1:]
    tolerance = 2e-3 if "tf32" in how else 1e-4
    variant = "+".join(["masked", *how])
    return Contestant(name, "pytorch", variant, _TORCH, _TREES, 5, "cuda", tolerance)


CONTESTANTS = {
    contestant.name: contestant
    for contestant in (
        Contestant(OURS, "ours", "numba"),
        Contestant(SPINNING, "ours", "numba", environment={"GOMP_SPINCOUNT": "300000"}),
        Contestant(VANN, "ours", "numba+vann", works=_TREES, dense_vectors=4),
        Contestant(PDANN, "ours", "numba+pdann", works=_TREES, dense_vectors=4),
        Contestant(NUMPY, "ours", "numpy"),
        Contestant(CUPY, "ours", "cupy", _CUPY, _TREES, device="cuda"),
        Contestant(PREDICTOR, "serving", "predictor", works=(Request,)),
        Contestant(ESTIMATOR, "serving", "estimator", ("scikit-learn",), (Request,)),
        Contestant(CALLER, "serving", "predict+1", works=(Request,)),
        Contestant(CALLERS, "serving", "predict+2", works=(Request,)),
        Contestant(PREDICTOR_CALLER, "serving", "predictor+1", works=(Request,)),
        Contestant(PREDICTOR_CALLERS, "serving", "predictor+2", works=(Request,)),
        Contestant(FED, "streams", "hdf5", works=(Stream,)),
        Contestant(HELD, "streams", "memory", works=(Stream,)),
        Contestant(DENSE, "pytorch", "dense", _TORCH, dense_vectors=4),
        Contestant(MASKED, "pytorch", "masked", _TORCH, dense_vectors=5),
        Contestant(COMPILED, "pytorch", "masked+compiled", _TORCH, dense_vectors=5),
        Contestant(CSR, "pytorch", "csr", _TORCH),
        Contestant(GATHER, "pytorch", "gather", _TORCH, (Dendritic, Layer)),
        Contestant(LAB, "pytorch", "sparselab", ("torch", "sparselab")),
        Contestant(SCIPY, "csr", "scipy"),
        Contestant(MKL, "csr", "mkl", ("sparse-dot-mkl", "mkl")),
        Contestant(KERAS, "keras_masked", "", ("keras", "tensorflow-cpu"), _TREES, 5),
        Contestant(SKLEARN, "sklearn_mlp", "", ("scikit-learn",), (Perceptron,), 3),
        Contestant(NERVA, "nerva", "", ("nerva-numpy",), (Perceptron,), 3),
        *map(_on_gpu, GPU_RIVALS),
    )
}
