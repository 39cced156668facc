"""Samples from the caller, checked, where they lie, before they are computed with.

Inputs may be an array of NumPy, memory-mapped or not, or whatever makes one: nested lists, data
sets of h5py and Zarr, tables of pandas, Polars and Arrow, tensors of PyTorch and JAX, whatever
speaks DLPack or ``__cuda_array_interface__``; and SciPy's sparse matrices. None is ever changed, or
kept beyond the call, and what is used as it is, is not copied. How their numbers are taken depends
on their dtype alone:

======================  =================================  =====================================
dtype                   in images                          in tables
======================  =================================  =====================================
float32, float64        as they are                        as they are
float16, bfloat16       as float32                         as float32
uint8                   bytes: divided by 255              as numbers of the network's dtype
bool                    0 and 1                            0 and 1
other integers          refused: bytes, or 0 … 1?          as numbers of the network's dtype
missing (NA, null)      refused                            refused, with their row and feature
masked arrays, complex  refused                            refused
======================  =================================  =====================================
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse

from .backends import Array, SparseRows
from .backends.arrays import as_array, as_host_array, on_gpu
from .errors import InputError
from .network import Network
from .numbers import real, whole
from .structure import from_csr

#: The largest value of a byte.
BYTES = 255
#: What is wrong where nothing weighs anything.
NO_WEIGHT = "all weights are zero: give at least one above it"


class Samples(NamedTuple):
    """Inputs with what belongs to each; on a GPU where they lie on one.

    Attributes
    ----------
    inputs : (samples, features), uint8, float32 or float64, C-contiguous; or `SparseRows`
    targets : array, optional
        As the network's loss takes them, a row for each sample.
    weights : (samples,) of the network's dtype, optional
        1 on average.
    """

    inputs: Array
    targets: Array | None = None
    weights: Array | None = None


def checked_samples(
    network: Network,
    inputs: Any,
    targets: Any,
    sample_weight: Any = None,
    class_weight: Mapping[int, float] | str | None = None,
) -> Samples:
    """Inputs, targets and weights of samples.

    Raises
    ------
    InputError
        Where one of them cannot be used.
    """
    checked = checked_inputs(network, inputs)
    wanted = checked_targets(network, targets, len(checked))
    table = class_table(
        network, class_weight, lambda: network.loss.class_counts(wanted, network.outputs)
    )
    weights = multiplied(network, wanted, sample_weight, table)
    if weights is None:
        return Samples(checked, wanted)
    if not weights.any():
        raise InputError(NO_WEIGHT)
    # By a power of two first, which rounds nothing: the sum of large ones would be infinite.
    weights = np.ldexp(weights, -np.frexp(weights.max())[1])
    scaled = (weights / weights.mean()).astype(network.dtype)
    return Samples(checked, wanted, network.backend.place(scaled) if on_gpu(wanted) else scaled)


def checked_targets(network: Network, targets: Any, samples: int) -> Array:
    """Targets as the network's loss takes them, a row for each sample.

    Raises
    ------
    InputError
        Where they cannot be used.
    """
    given = _array(targets, "targets")
    return network.loss.checked(given, samples, network.outputs, network.dtype)


def class_table(
    network: Network,
    weight_of: Mapping[int, float] | str | None,
    counts: Callable[[], NDArray],
) -> NDArray | None:
    """Weight of each class, (classes,) float64; None where there are no such weights.

    Parameters
    ----------
    network : Network
    weight_of : mapping of int to float, or "balanced"
        By class, 1 for those that are not named; or inversely proportional to the number of samples
        of each class, and 1 on average.
    counts : callable
        Returns samples of each class, (classes,), which only "balanced" needs.

    Raises
    ------
    InputError
        Where a class or a weight cannot be.
    """
    if weight_of is None:
        return None
    if isinstance(weight_of, str) and weight_of == "balanced":
        found = counts()
        return found.sum() / np.maximum(np.count_nonzero(found) * found, 1)
    if not isinstance(weight_of, Mapping):
        raise InputError(f"class weights are {weight_of!r}: give 'balanced' or a mapping")
    table = np.ones(network.outputs)
    for known, weight in weight_of.items():
        label = whole("a class that has a weight", known, 0, network.outputs - 1)
        table[label] = real(f"the weight of class {label}", weight, 0)
    return table


def multiplied(
    network: Network, targets: Array, sample_weight: Any, table: NDArray | None
) -> NDArray | None:
    """Weights of samples and of their classes multiplied, (samples,) float64 on the host.

    Parameters
    ----------
    network : Network
    targets
        From `checked_targets`.
    sample_weight : (samples,) array, optional
    table : (classes,) array, optional
        From `class_table`. Where there is neither, nothing is returned.

    Raises
    ------
    InputError
        Where a weight cannot be used, or the loss knows no classes.
    """
    if sample_weight is None and table is None:
        return None
    samples = len(targets)
    weights = np.ones(samples)
    if sample_weight is not None:
        given = as_host_array(_array(sample_weight, "sample weights"))
        if given.shape != (samples,) or given.dtype.kind not in "fiub":
            raise InputError(
                f"sample weights are {given.dtype} of shape {given.shape}: give {samples} numbers, "
                "one for each sample"
            )
        weights = weights * given
    if table is not None:
        weights = weights * network.loss.class_weights(targets, table)
    wrong = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if wrong.size:
        raise InputError(
            f"the weight of sample {wrong[0]} is {weights[wrong[0]]:g}: give finite numbers of 0 "
            "or more"
        )
    return weights


def checked_inputs(network: Network, inputs: Any) -> Array:
    """Images, or rows of a table, as a C-ordered (samples, features) array.

    SciPy sparse matrices become `SparseRows`.

    Raises
    ------
    InputError
        Where the shape or dtype does not fit, there are none, or a value is not finite in the
        network's dtype; and where a matrix is sparse and the network computes on a GPU.
    """
    if issparse(inputs):
        return _sparse_rows(network, inputs)
    array = _array(inputs, "images" if _of_images(network) else "rows")
    _check_shape(network, array)
    flat = array.reshape(len(array), -1).astype(_dtype(network, array), copy=False)
    # Bytes of images stay what they are: a batch scales them.
    if array.dtype.kind == "f":
        _check_finite(network, flat)
    return flat if flat.flags.c_contiguous else flat.copy()


def warn_of_bytes(network: Network, inputs: Array) -> None:
    """Warn where images look like bytes that were made floating without being scaled."""
    if not _of_images(network) or inputs.dtype == np.uint8:
        return
    highest = float(inputs.max())
    if highest >= BYTES:
        warnings.warn(
            f"the images are {inputs.dtype} with values up to {highest:g}, which are taken as they "
            f"are: divide them by {BYTES}, or give uint8, which is scaled to 0 … 1",
            UserWarning,
            stacklevel=4,
        )


def _array(values: Any, what: str) -> Array:
    if issparse(values):
        raise InputError(
            f"{what} are a SciPy sparse {type(values).__name__} of shape {values.shape}: give a "
            "dense array, such as its toarray()"
        )
    if isinstance(values, np.ma.MaskedArray):
        raise InputError(
            f"{what} are a masked array, of which the masked values would count too: fill them, "
            "such as with filled(0), or leave those samples out"
        )
    return as_array(values)


def _sparse_rows(network: Network, given: Any) -> SparseRows:
    """Rows of a SciPy sparse matrix; only their structure is copied, which nobody may change."""
    if network.backend.name == "cupy":
        raise InputError(
            f"the inputs are a SciPy sparse {type(given).__name__}, but the network computes on a "
            "GPU: move it by network.to('numba'), or give a dense array"
        )
    _check_shape(network, given)
    try:
        # SciPy itself would read beyond its arrays, also where it converts them. The check cuts off
        # what is too long, so it is done on containers of our own.
        if given.format in ("csr", "csc", "bsr"):
            type(given)(given).check_format(full_check=True)
        matrix = csr_array(given)
        matrix.check_format(full_check=True)
    except ValueError as error:
        raise InputError(f"the inputs are no valid sparse matrix ({error}): make it anew") from None
    if not matrix.has_canonical_format:
        matrix = matrix.copy()
        matrix.sum_duplicates()
    values = matrix.data.astype(_dtype(network, matrix), copy=False)
    if values.dtype == np.uint8:
        values = values.astype(network.dtype)
        values /= BYTES
    rows = SparseRows(from_csr(matrix), values)
    wrong = np.flatnonzero(~(abs(values) <= np.finfo(network.dtype).max))
    if wrong.size:
        sample = int(np.searchsorted(matrix.indptr, wrong[0], side="right")) - 1
        raise _not_finite(network, sample, int(matrix.indices[wrong[0]]), values[wrong[0]])
    return rows


def _of_images(network: Network) -> bool:
    return len(network.image_shape) == 3


def _check_shape(network: Network, array: Array) -> None:
    """Check the shape of images or rows."""
    shape = network.image_shape
    shapes = {shape, (network.inputs,)} | ({shape[:2]} if shape[2:] == (1,) else set())
    if array.shape[1:] not in shapes:
        if _of_images(network):
            words = f"images have shape {array.shape}, but the network takes images of "
        else:
            words = f"rows have shape {array.shape}, but the network takes rows of features: "
        raise InputError(
            f"{words}{' × '.join(map(str, shape))}: give (samples, {', '.join(map(str, shape))})"
        )
    if array.shape[0] == 0:
        raise InputError("there are no samples: give at least one")


def _dtype(network: Network, array: Array) -> np.dtype:
    """In which numbers are taken (see above)."""
    given = array.dtype
    if given in (np.float32, np.float64) or (given == np.uint8 and _of_images(network)):
        return given
    if given == np.float16:
        return np.dtype(np.float32)
    if given.kind == "b" or (given.kind in "iu" and not _of_images(network)):
        return network.dtype
    allowed = "uint8 (0 … 255) or float32 (0 … 1)" if _of_images(network) else "real numbers"
    raise InputError(f"the inputs are {given}: give {allowed}")


def _check_finite(network: Network, flat: Array) -> None:
    limit = np.finfo(network.dtype).max
    # A comparison with NaN is false.
    if flat.min() >= -limit and flat.max() <= limit:
        return
    sample, feature = (int(at[0]) for at in np.nonzero(~(abs(flat) <= limit)))
    raise _not_finite(network, sample, feature, flat[sample, feature])


def _not_finite(network: Network, sample: int, feature: int, value: Any) -> InputError:
    """Error that says where a value is that the network cannot compute with."""
    names = ("image", "value") if _of_images(network) else ("row", "feature")
    return InputError(
        f"{names[0]} {sample} holds {float(value):g} at {names[1]} {feature}: give finite numbers "
        f"that {network.dtype} holds, up to {np.finfo(network.dtype).max:.2g}"
    )
