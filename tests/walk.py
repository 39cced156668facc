"""A walk over the public API with arguments that are wrong, aliased, changed, resized or shared.

``python tests/walk.py EXAMPLES`` ends with code 0 where each call did its work or was refused. Each
is told before it is done, so that the last line of a process that a signal has ended says by what.
"""

import copy
import functools
import pickle
import sys

import hypothesis.strategies as st
import numpy as np
import scipy.sparse
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

import sparsedend as sd
from sparsedend.structure import Structure

SHAPE, FEATURES, CLASSES = (4, 3, 1), 12, 3
SIZES = (1, 2, 15, 17, 129)


def variants(array):
    """The same values in other types, layouts and sizes; some are none that can be taken."""
    wide = np.repeat(array, 2, axis=0)
    readonly = array.copy()
    readonly.flags.writeable = False
    return [
        array,
        wide[::2],
        array[::-1],
        np.asfortranarray(array),
        readonly,
        array.astype(array.dtype.newbyteorder()),
        array[:0],
        array[..., None],
        array.ravel(),
        np.ascontiguousarray(array.T),
        array.astype(np.float16),
        array.astype(np.int8),
        array.astype(np.uint64),
        array.astype(complex),
        array.astype(object),
        np.ma.masked_array(array, array == array.flat[0]),
        np.lib.stride_tricks.as_strided(array, array.shape, (0,) * array.ndim),
        array.tolist(),
        np.full_like(array, np.nan) if array.dtype.kind == "f" else array - 1,
        np.full_like(array, np.inf)
        if array.dtype.kind == "f"
        else array + np.array(2**31 - 1).astype(array.dtype),
        None,
        "x",
        [[1], [1, 2]],
    ]


def pickled(network):
    return pickle.loads(pickle.dumps(network))


CHOICES = st.integers(0, 22)


def step(**strategies):
    """A rule, told before it is done; what is refused is no error."""

    def decorate(call):
        @functools.wraps(call)
        def told(self, **arguments):
            print(call.__name__, arguments, flush=True)
            try:
                call(self, **arguments)
            except sd.InputError as error:
                if "\n" in str(error):
                    raise

        return rule(**strategies)(told)

    return decorate


class Walk(RuleBasedStateMachine):
    """Networks, sessions and trainings of one process, used for whatever they were not made for."""

    def __init__(self):
        super().__init__()
        self.networks, self.sessions, self.given = [], [], []
        self.trainings = [sd.Training(sd.optimizers.SGD(0.1)), sd.Training(batch_size=5)]
        self.rng = np.random.default_rng(0)

    def samples(self, size, choice):
        images = self.rng.random((size, *SHAPE)).astype(np.float32)
        if choice % 3 == 1:
            images = self.rng.integers(0, 256, images.shape, np.uint8)
        images = [images, images.reshape(size, -1)][choice % 2]
        self.given.append(chosen := variants(images)[choice])
        return chosen

    def targets(self, size, choice):
        self.given.append(chosen := variants(self.rng.integers(0, CLASSES, size))[choice])
        return chosen

    def network(self, which):
        return self.networks[which % len(self.networks)]

    @step(model=st.sampled_from(["dann-r", "dann-lrf", "pdann", "vann"]), threads=st.integers(1, 2))
    def build(self, model, threads):
        engine = sd.backends.create("numba", threads)
        sizes = {"dendrites": 2, "somata": 3, "synapses": 2}
        self.networks.append(sd.models.build(model, SHAPE, CLASSES, backend=engine, **sizes))

    @step(choice=CHOICES, edit=st.integers(0, 3))
    def layer_of_a_structure_that_is_written_to(self, choice, edit):
        matrix = scipy.sparse.random_array((5, FEATURES), density=0.4, format="csr", rng=self.rng)
        indices = variants(matrix.indices)[choice]
        structure = Structure(matrix.indptr, indices, matrix.shape)
        for array in (matrix.indices, matrix.indptr, indices):
            if isinstance(array, np.ndarray) and array.flags.writeable and edit:
                array[...] = np.array([0, 2**30, -1][edit - 1]).astype(array.dtype)
        sparse = sd.layers.Sparse(structure)
        self.networks.append(sd.Network([sparse, sd.layers.Dense(5, CLASSES)], SHAPE))

    @precondition(lambda self: self.networks)
    @step(which=st.integers(0, 9), size=st.sampled_from(SIZES), choice=CHOICES)
    def predict(self, which, size, choice):
        sd.predict(self.network(which), self.samples(size, choice), raw=True)

    @precondition(lambda self: self.networks)
    @step(which=st.integers(0, 9))
    def predict_of_its_own_parameters(self, which):
        network = self.network(which)
        rows = len(network.parameters) // FEATURES
        sd.predict(network, network.parameters[: rows * FEATURES].reshape(rows, FEATURES))

    @precondition(lambda self: self.networks)
    @step(
        which=st.integers(0, 9),
        sizes=st.tuples(st.sampled_from(SIZES), st.sampled_from(SIZES)),
        choices=st.tuples(CHOICES, CHOICES, CHOICES),
        training=st.integers(0, 1),
    )
    def fit(self, which, sizes, choices, training):
        x, y = self.samples(sizes[0], choices[0]), self.targets(sizes[choices[2] % 2], choices[1])
        weights = [None, self.rng.random(sizes[0])][choices[2] % 2]
        sd.fit(
            self.network(which),
            x,
            y,
            epochs=1,
            sample_weight=weights,
            validation=None,
            training=self.trainings[training],
        )

    @precondition(lambda self: self.networks)
    @step(
        which=st.integers(0, 9),
        size=st.sampled_from(SIZES),
        choices=st.tuples(CHOICES, CHOICES),
        batch=st.sampled_from([0, 1, 16, 200, -1, 2**31, None]),
        for_training=st.booleans(),
    )
    def session(self, which, size, choices, batch, for_training):
        x, y = self.samples(size, choices[0]), self.targets(size, choices[1])
        self.sessions.append(
            sd.Session(self.network(which), x, y, batch_size=batch, training=for_training)
        )

    @precondition(lambda self: self.sessions)
    @step(
        which=st.integers(0, 9),
        size=st.sampled_from(SIZES),
        choice=CHOICES,
        method=st.sampled_from(["forward", "score", "train_step", "backward"]),
        training=st.integers(0, 1),
    )
    def work(self, which, size, choice, method, training):
        session = self.sessions[which % len(self.sessions)]
        order = variants(self.rng.integers(0, size, size))[choice]
        if method == "train_step":
            session.train_step(self.trainings[training], order)
        elif method == "backward":
            session.backward()
        else:
            getattr(session, method)(order)

    @precondition(lambda self: self.given)
    @step(which=st.integers(0, 99), value=st.sampled_from([0, -1, 2**31 + 7, 255]))
    def change_what_was_given(self, which, value):
        given = self.given[which % len(self.given)]
        if isinstance(given, np.ndarray) and given.flags.writeable and given.dtype.kind in "iuf":
            given[...] = np.array(value).astype(given.dtype)

    @precondition(lambda self: self.networks)
    @step(which=st.integers(0, 9), choice=CHOICES, of=st.integers(0, 9))
    def assign_parameters(self, which, choice, of):
        self.network(which).parameters = variants(self.network(of).parameters)[choice]

    @precondition(lambda self: self.networks)
    @step(which=st.integers(0, 9), of=st.integers(0, 9))
    def share_a_layer(self, which, of):
        layers = [*self.network(which).layers[:-1], self.network(of).layers[-1]]
        self.networks.append(sd.Network(layers, SHAPE))

    @precondition(lambda self: self.networks)
    @step(
        which=st.integers(0, 9),
        way=st.sampled_from(
            [copy.copy, copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))]
        ),
    )
    def copy(self, which, way):
        self.networks.append(way(self.network(which)))

    @precondition(lambda self: self.networks)
    @step(which=st.integers(0, 9), name=st.sampled_from(["numba", "numpy"]))
    def move(self, which, name):
        self.network(which).to(name)

    @precondition(lambda self: self.networks)
    @step(which=st.integers(0, 9), size=st.sampled_from(SIZES), choices=st.tuples(CHOICES, CHOICES))
    def pull_back(self, which, size, choices):
        outputs, pullback = sd.vjp(self.network(which), self.samples(size, choices[0]))
        pullback(variants(np.asarray(outputs))[choices[1]])


if __name__ == "__main__":
    run_state_machine_as_test(
        Walk,
        settings=settings(
            max_examples=int(sys.argv[1]),
            stateful_step_count=40,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
