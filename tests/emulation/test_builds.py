"""Arithmetic as a device's, and exactly."""

import numpy as np
import pytest

from tests.conftest import child
from tests.emulation import builds, library

CODE = r"""
#define FUSED(NAME, TYPE)                                                \
    extern "C" __global__ void NAME(const TYPE* x, TYPE* out) {          \
        out[threadIdx.x] = x[0] * x[1] - x[2];                           \
    }
FUSED(fused_float32, float)
FUSED(fused_float64, double)
"""
#: A product whose rounding is seen, and one that is no normal number of float32.
ROUNDED, SMALL = (1 + 2**-12, 1 + 2**-12, 1 + 2**-11), (2.0**-100, 2.0**-30, 0.0)


def fused(given, dtype, arithmetic="float"):
    module = library.RawModule(code=CODE, options=(f"-DREAL={arithmetic}",))
    out = library.zeros(32, dtype)
    module.get_function(f"fused_{dtype}")((1,), (32,), (library.array(np.array(given, dtype)), out))
    return float(out[0])


@pytest.mark.skipif(not builds.FMA, reason="no instruction multiplies and adds on this processor")
def test_products_and_sums_are_contracted_and_denormals_are_zeros():
    """As CuPy has nvcc compile; denormals of float64 are kept."""
    assert fused(ROUNDED, "float32") == 2**-24
    assert fused(SMALL, "float32") == 0
    assert fused(SMALL, "float32", "double") == 2.0**-130
    assert fused((2.0**-1000, 2.0**-30, 0), "float64", "double") == 2.0**-1030


def test_the_host_s_own_arithmetic_is_as_it_was():
    fused(SMALL, "float32")
    assert np.float32(2.0**-100) * np.float32(2.0**-30) == 2.0**-130


def test_the_exact_build_does_neither():
    code = """
        from tests.emulation.test_builds import ROUNDED, SMALL, fused
        print(fused(ROUNDED, "float32"), fused(SMALL, "float32"))
    """
    rounded, small = map(float, child(code, timeout=300, **builds.environment("exact")).split())
    assert (rounded, small) == (0, 2.0**-130)
