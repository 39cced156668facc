"""The double by itself: what it does, and what it notices."""

import numpy as np
import pytest

from tests.emulation import builds, library, streams


@pytest.fixture(autouse=True)
def quiet():
    """Nothing is left to do, whatever went wrong."""
    if builds.COMPILER is None:
        pytest.skip("no g++, which compiles the kernels for the host: install it")
    yield
    streams.finish()


@pytest.fixture
def kernels(request):
    """The kernels of the module's CODE by name, to be called with arguments."""
    module = library.RawModule(code=request.module.CODE, options=("-DREAL=float",))

    def kernel(name):
        function = module.get_function(name)

        def launch(*arguments, grid=(1,), block=(32,)):
            typed = (np.int32(each) if isinstance(each, int) else each for each in arguments)
            function(grid, block, tuple(typed))

        return launch

    return kernel
