"""Children of fork, a process without compiler or cache, and what importing leaves behind."""

import shutil

import pytest

from tests.conftest import ROOT, child

SMALL = """
    import multiprocessing, os, pickle, sys, traceback, warnings
    import numpy as np
    import sparsedend as sd

    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (150, 36), dtype=np.uint8), rng.integers(0, 3, 150)

    def small(backend):
        # Enough to do for two threads, without which nothing of OpenMP would be in a child's way.
        sizes = {"dendrites": 8, "somata": 64, "synapses": 9}
        engine = sd.backends.create(backend, 2)
        return sd.models.build("dann-lrf", (6, 6, 1), 3, backend=engine, **sizes)

    def predicted(network):
        return sd.predict(network, x, raw=True)

    def trained(network):
        twin = network.copy()
        sd.fit(twin, x, y, epochs=2, training=sd.Training(sd.optimizers.Adam(clip_norm=1)))
        return twin.parameters.copy()

    def both(network):
        return predicted(network), trained(network)

    def forked(work, *arguments):
        '''What a child of fork answers, which ends without more ado.'''
        read, write = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            try:
                answer = work(*arguments)
                with open(write, "wb") as pipe:
                    pickle.dump(answer, pipe)
                os._exit(0)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
        os.close(write)
        with open(read, "rb") as pipe:
            data = pipe.read()
        _, status = os.waitpid(pid, 0)
        assert status == 0, status
        return pickle.loads(data)

    def equal(one, other):
        assert len(one) == len(other)
        for a, b in zip(one, other):
            np.testing.assert_array_equal(a, b)
"""


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_children_of_fork_compute(backend):
    """Forked after building, after computing, from a child, and as a pool: the parent's bits."""
    code = (
        SMALL
        + f"""
    network = small({backend!r})
    after_building = forked(both, network)
    expected = both(network)
    equal(after_building, expected)
    equal(forked(both, network), expected)
    equal(forked(lambda: forked(both, network)), expected)
    # Made in the child, and with a loop of a formula that the parent has not made.
    equal(forked(lambda: both(small({backend!r}))), expected)
    with network.backend.limited():
        equal(forked(both, network), expected)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        with multiprocessing.get_context("fork").Pool(2) as pool:
            for answer in pool.map(predicted, [network] * 3):
                np.testing.assert_array_equal(answer, expected[0])
    # Numba's threads would end the child; OpenMP has none there.
    threads = small({backend!r}).backend.threads
    assert forked(lambda: small({backend!r}).backend.threads) == (
        1 if {backend!r} == "numba" else threads
    )
    # Nothing of that has changed the parent.
    equal(both(network), expected)
    print("done")
    """
    )
    assert child(code, timeout=300) == "done\n"


def test_a_child_of_fork_has_other_formulas():
    """Losses, activations and an optimizer that the parent has not computed with."""
    code = (
        SMALL
        + """
    from sparsedend import layers, losses, optimizers
    predicted(small("numba"))

    def other(backend="numba"):
        stack = [layers.Dense(36, 1), layers.Softplus(1)]
        network = sd.Network(stack, 36, loss=losses.Huber(), backend=sd.backends.create(backend))
        network.initialize(np.random.default_rng(1), sd.initializers.glorot)
        training = sd.Training(optimizers.AdamW(clip_norm=0.1))
        sd.fit(network, x, y.astype(float), epochs=2, training=training)
        return [network.parameters]

    equal(forked(other), other())
    np.testing.assert_allclose(other()[0], other("numpy")[0], rtol=1e-3, atol=1e-5)
    print("done")
    """
    )
    assert child(code, timeout=300) == "done\n"


def test_a_fork_waits_for_the_compiler():
    """Else the child has its lock as it was, held by a thread that it does not have."""
    code = (
        SMALL
        + """
    import threading, time
    from numba.core.compiler_lock import global_compiler_lock

    network, held, done = small("numba"), threading.Event(), threading.Event()

    def compile_something():
        with global_compiler_lock:
            held.set()
            time.sleep(0.3)
            done.set()

    from sparsedend import layers
    thread = threading.Thread(target=compile_something)
    thread.start()
    held.wait()

    def other():
        assert done.is_set()
        network = sd.Network([layers.Dense(36, 3), layers.Softplus(3)], 36)
        return sd.predict(network, x, raw=True)

    assert forked(other).shape == (150, 3)
    thread.join()
    print("done")
    """
    )
    assert child(code, timeout=100) == "done\n"


def test_without_a_compiler():
    code = (
        SMALL
        + """
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        engine = sd.backends.create()
    assert engine.name == "numpy"
    assert [each.category for each in told] == [RuntimeWarning], told
    assert told[0].filename == "<string>", told[0]
    print(told[0].message)
    trained(small("numpy"))
    try:
        sd.backends.create("numba")
    except sd.InputError as error:
        print(error)
    """
    )
    lines = child(code, NUMBA_DISABLE_JIT="1").splitlines()
    assert lines == [
        "NUMBA_DISABLE_JIT is set, so that no kernel can be compiled: computing with backend "
        "'numpy', which is slow",
        "NUMBA_DISABLE_JIT is set, so that no kernel can be compiled: unset it, or use backend "
        "'numpy'",
    ]


def test_without_a_folder_for_compiled_kernels(tmp_path):
    """In a copy of the package whose folders cannot have a cache, for a user without a home."""
    shutil.copytree(
        ROOT / "sparsedend", tmp_path / "sparsedend", ignore=shutil.ignore_patterns("__pycache__")
    )
    for folder in {path.parent for path in (tmp_path / "sparsedend").rglob("*.py")}:
        (folder / "__pycache__").write_text("no folder")
    code = """
    import warnings
    import numpy as np
    import sparsedend as sd

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        stack = [sd.layers.Dense(4, 2), sd.layers.ReLU(2), sd.layers.Tanh(2)]
        network = sd.Network(stack, 4, backend=sd.backends.create("numba"))
        network.parameters[:] = 1
        assert sd.predict(network, np.ones((3, 4)), raw=True).shape == (3, 2)
    assert sd.__file__.startswith(PATH), sd.__file__
    print(*(each.message for each in told), sep="\\n")
    """
    nowhere = "/proc/nowhere"
    told = child(
        code.replace("PATH", repr(str(tmp_path))),
        PYTHONPATH=str(tmp_path),
        HOME=nowhere,
        XDG_CACHE_HOME=nowhere,
        NUMBA_CACHE_DIR=nowhere,
    )
    assert told == (
        "compiled kernels cannot be kept, since no cache folder can be written: every process "
        "compiles its own; set NUMBA_CACHE_DIR to a folder that can be written\n"
    )


def test_importing_has_no_side_effect():
    """Of its own: what its dependencies do is theirs."""
    code = """
    import os, signal, sys, threading, warnings
    import h5py, numpy, scipy.sparse, threadpoolctl, tqdm

    def state():
        handlers = [signal.getsignal(number) for number in signal.valid_signals()]
        # Those of other languages too, where the system tells them.
        tasks = "/proc/self/task"
        threads = threading.enumerate(), os.listdir(tasks) if os.path.exists(tasks) else []
        return dict(os.environ), threads, list(warnings.filters), handlers, os.getcwd()

    before = state()
    import sparsedend
    assert state() == before
    optional = {"numba", "llvmlite", "cupy", "torch", "matplotlib", "sklearn", "pooch", "requests"}
    print(sorted(optional & set(sys.modules)))
    """
    assert child(code) == "[]\n"
