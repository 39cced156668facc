"""Ways to do a work: sparsedend and its rivals, a file for each package that does it.

Nothing here imports a rival: `bench.worker` does, in a process of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..works import Dendritic, Layer, Perceptron, Work


@dataclass(frozen=True)
class Contestant:
    """A way to do a work.

    Attributes
    ----------
    name : str
    module, variant : str
        ``bench.contestants.<module>.runner(work, variant)`` makes it ready to run.
    packages : tuple of str
        What has to be installed, by the names of their distributions; any one of "a | b".
    works : tuple of type
        What it can do.
    dense_vectors : int
        Float32 vectors of the size of all weights, existing or not, that it holds in training.
    """

    name: str
    module: str
    variant: str
    packages: tuple[str, ...]
    works: tuple[type, ...] = (Dendritic, Layer, Perceptron)
    dense_vectors: int = 0

    def needs(self, work: Work) -> int:
        """Bytes it holds, at least, where these grow faster than the connections."""
        if self.variant == "gather":  # the gathered inputs, their products and a gradient
            return 3 * 4 * work.batch * work.connections
        vectors = self.dense_vectors
        if isinstance(work, Layer) or (isinstance(work, Dendritic) and work.task == "inference"):
            vectors = min(vectors, 2)
        return 4 * vectors * work.dense_values

    def can_do(self, work: Work) -> bool:
        """Whether it does such a work at all."""
        if self.variant == "gather" and isinstance(work, Layer):
            return work.constant_fan_in
        return isinstance(work, self.works)


OURS = "sparsedend numba"
_TORCH = ("torch",)

CONTESTANTS = {
    contestant.name: contestant
    for contestant in (
        Contestant(OURS, "ours", "numba", ()),
        Contestant("sparsedend numpy", "ours", "numpy", ()),
        Contestant(
            "sparsedend cupy", "ours", "cupy", ("cupy-cuda13x | cupy-cuda12x",), (Dendritic,)
        ),
        Contestant("PyTorch dense", "pytorch", "dense", _TORCH, dense_vectors=4),
        Contestant("PyTorch masked dense", "pytorch", "masked", _TORCH, dense_vectors=5),
        Contestant(
            "PyTorch masked dense, compiled",
            "pytorch",
            "masked+compiled",
            _TORCH,
            dense_vectors=5,
        ),
        Contestant("PyTorch torch.sparse CSR", "pytorch", "csr", _TORCH),
        Contestant("PyTorch gather", "pytorch", "gather", _TORCH, (Dendritic, Layer)),
        Contestant("sparselab", "pytorch", "sparselab", ("torch", "sparselab")),
        Contestant("SciPy CSR", "csr", "scipy", ()),
        Contestant("sparse-dot-mkl", "csr", "mkl", ("sparse-dot-mkl", "mkl")),
        Contestant(
            "Keras masked dense",
            "keras_masked",
            "",
            ("keras", "tensorflow-cpu"),
            (Dendritic,),
            dense_vectors=5,
        ),
        Contestant(
            "scikit-learn", "sklearn_mlp", "", ("scikit-learn",), (Perceptron,), dense_vectors=3
        ),
        Contestant("nerva-numpy", "nerva", "", ("nerva-numpy",), (Perceptron,), dense_vectors=3),
    )
}
