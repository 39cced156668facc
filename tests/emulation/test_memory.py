"""Memory of the device: guards, and the pool."""

import gc

import numpy as np
import pytest

from tests.emulation import library, streams

CODE = r"""
#define DOUBLED(NAME, TYPE)                                      \
    extern "C" __global__ void NAME(TYPE* x, int size) {         \
        for (int i = threadIdx.x; i < size; i += 32) x[i] *= 2;  \
    }
DOUBLED(doubled_float32, float)
DOUBLED(doubled_float64, double)
DOUBLED(doubled_int64, long long)

#define COPIED(NAME, TYPE)                                                     \
    extern "C" __global__ void NAME(const TYPE* x, TYPE* out, int first) {     \
        out[threadIdx.x] = x[first + int(threadIdx.x)];                        \
    }
COPIED(copied_float32, float)
COPIED(copied_float64, double)
"""


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
@pytest.mark.parametrize("beyond", [0, 2])
def test_writing_beyond_an_array(kernels, dtype, beyond):
    """Each element of the guard that is multiplied becomes another, of every second float."""
    kernels(f"doubled_{dtype}")(library.zeros(10, dtype), 10 + beyond)
    if beyond:
        with pytest.raises(AssertionError, match=f"doubled_{dtype} wrote beyond the ends"):
            streams.finish()
    else:
        streams.finish()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("first", [-32, 32])
def test_what_is_read_beyond_an_array_is_nan(kernels, dtype, first):
    x, out = library.zeros(32, dtype), library.zeros(32, dtype)
    kernels(f"copied_{dtype}")(x, out, first)
    assert np.isnan(out.get()).all()
    kernels(f"copied_{dtype}")(x, out, 0)
    assert (out.get() == 0).all()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_guards_are_nan_as_every_type(dtype):
    memory = library.zeros(3, dtype).memory
    for guard in memory.guarded.guards:
        whole = guard[len(guard) % 8 :] if guard is memory.guarded.guards[1] else guard
        whole = whole[: len(whole) // 8 * 8]
        assert np.isnan(np.frombuffer(whole.tobytes(), dtype)).all()
    assert np.isnan(library.ndarray(3, dtype).get()).all()


@pytest.mark.parametrize("waited", [False, True])
def test_the_pool_gives_memory_out_again_on_the_same_stream_at_once(kernels, waited):
    """What another stream may still use is an error, until it has been waited for."""
    home, other = library.Stream(), library.Stream()
    gc.collect()  # Of what other tests have left.
    before = library.get_default_memory_pool().used_bytes()
    with home:
        x = library.zeros(64, np.float32)
    other.wait_event(home.record())
    with other:
        kernels("doubled_float32")(x, 64)
    assert library.get_default_memory_pool().used_bytes() == before + 256
    del x
    gc.collect()
    assert library.get_default_memory_pool().used_bytes() == before
    if waited:
        home.wait_event(other.record())
    library.zeros(64, np.float32)  # On another stream.
    with home:
        library.zeros(65, np.float32)  # It does not fit there.
        if waited:
            library.zeros(64, np.float32)
        else:
            with pytest.raises(AssertionError, match="doubled_float32 may still use it"):
                library.zeros(64, np.float32)


def test_the_host_that_has_waited_may_free(kernels):
    home, other = library.Stream(), library.Stream()
    with home:
        x = library.zeros(64, np.float32)
        x.get()
    with other:
        kernels("doubled_float32")(x, 64)
        other.synchronize()
    del x
    with home:
        library.zeros(64, np.float32)
