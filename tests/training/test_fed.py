"""Fits to feeds: what comes in portions trains as what lies in memory does."""

import threading
import weakref

import h5py
import numpy as np
import pytest
from scipy.sparse import csr_array

import sparsedend as sd
from sparsedend import InputError, Session, Training, evaluate, feeds, fit, losses
from sparsedend.feeds import Arrays, Batches
from tests.conftest import Still


def small(backend="numba", dropout=0.0):
    engine = sd.backends.create(backend)
    options = {"dendrites": 3, "somata": 12, "synapses": 7, "dropout": dropout}
    model = "pdann" if dropout else "dann-lrf"
    return sd.models.build(model, (8, 8, 1), 10, backend=engine, **options)


@pytest.fixture(params=["numpy", "numba"])
def backend(request):
    return request.param


def batches_of(x, y, size):
    return [(x[start : start + size], y[start : start + size]) for start in range(0, len(x), size)]


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_a_fit_to_batches_by_hand(digits, backend, dropout):
    """Every batch is a step, larger ones several; a schedule sees the epochs."""
    x, y = digits.train_x[:250], digits.train_y[:250]
    given = [(x[:60], y[:60]), (x[60:200], y[60:200]), (x[200:], y[200:])]
    fitted, stepped = (small(backend, dropout) for _ in range(2))
    training = Training(batch_size=80, schedule="cosine", seed=4)
    history = fit(
        fitted, Batches(given), epochs=3, validation=None, callbacks=[], training=training
    )
    session = Session(stepped, x, y, batch_size=80)
    by_hand = Training(seed=4)
    step = 0
    for epoch in range(3):
        for start, stop in ((0, 60), (60, 140), (140, 200), (200, 250)):
            step += 1
            factor = 0.5 * (1 + np.cos(np.pi * epoch / 3))
            by_hand.rates = lambda _, at=(step, factor): [training.optimizer.rates(*at)]
            session.train_step(by_hand, np.arange(start, stop))
        expected = session.totals()
        assert history.training_loss[epoch] == pytest.approx(expected.loss, rel=1e-12)
        assert history.training_accuracy[epoch] == expected.accuracy
    np.testing.assert_array_equal(fitted.parameters, stepped.parameters)
    assert training.steps == 12
    assert np.isnan(history.validation_loss).all()


def test_arrays_on_disk_train_as_those_in_memory(digits, tmp_path, backend):
    """From HDF5 and from memory the same bits; and as good a network as by `fit` in memory."""
    x, y = digits.train_x[:1000], digits.train_y[:1000]
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", data=x, chunks=(50, 8, 8, 1), compression="gzip")
        file["y"] = y
    trained, validated = [], []
    for source in ("hdf5", "memory"):
        network = small(backend)
        with h5py.File(tmp_path / "a.h5") as file:
            feed = Arrays(file["x"], file["y"], window=300)
            if source == "memory":
                feed = Arrays(x, y, window=300)
                feed.block, feed.blocks = 50, np.arange(20)
            history = fit(
                network,
                feed,
                epochs=12,
                validation=0.1,
                callbacks=[],
                training=Training(batch_size=100),
            )
        trained.append(network.parameters)
        validated.append(history.validation_loss)
    np.testing.assert_array_equal(*trained)
    assert validated[0] == validated[1]
    in_memory = small(backend)
    history = fit(in_memory, x, y, epochs=12, callbacks=[], training=Training(batch_size=100))
    assert validated[0][-1] == pytest.approx(history.validation_loss[-1], abs=0.25)


def test_the_same_seed_gives_the_same_bits_whatever_the_reader_does(digits, monkeypatch):
    x, y = digits.train_x[:600], digits.train_y[:600]

    class Slow(np.ndarray):
        def __getitem__(self, key):
            if isinstance(key, slice) and threading.current_thread() is not threading.main_thread():
                threading.Event().wait(0.002)
            return np.asarray(super().__getitem__(key))

    def trained(x, seed, augment=None):
        network = small()
        feed = Arrays(x, y, window=128, augment=augment)
        fit(network, feed, epochs=3, callbacks=[], training=Training(batch_size=32, seed=seed))
        return network.parameters

    def shifted(x, y, random):
        return np.roll(x, random.integers(-1, 2), axis=2), y

    first = trained(x, 1)
    np.testing.assert_array_equal(trained(x.view(Slow), 1), first)
    assert not np.array_equal(trained(x, 2), first)
    augmented = trained(x, 1, shifted)
    np.testing.assert_array_equal(trained(x, 1, shifted), augmented)
    assert not np.array_equal(augmented, first)


def test_going_on_gives_the_same_bits(digits):
    feed = Arrays(digits.train_x[:500], digits.train_y[:500], window=200)
    whole, parts = small(dropout=0.2), small(dropout=0.2)
    fit(whole, feed, epochs=4, callbacks=[])
    training = Training()
    fit(parts, feed, epochs=1, callbacks=[], training=training)
    fit(parts, feed, epochs=4, callbacks=[], training=training)
    np.testing.assert_array_equal(whole.parameters, parts.parameters)


def test_validation_by_a_feed_a_pair_and_a_share(digits, backend):
    x, y = digits.train_x[:400], digits.train_y[:400]
    tests = digits.test_x[:150], digits.test_y[:150]
    training = {"epochs": 2, "callbacks": []}
    losses_ = []
    for validation in (tests, Arrays(*tests, window=64), Batches(batches_of(*tests, 40))):
        network = small(backend)
        history = fit(network, Arrays(x, y), validation=validation, **training)
        expected = evaluate(network, *tests)
        assert history.validation_loss[-1] == pytest.approx(expected.loss, rel=1e-6)
        assert history.validation_accuracy[-1] == expected.accuracy
        losses_.append(history.validation_loss)
    # Also of samples in memory.
    network = small(backend)
    history = fit(network, x, y, validation=Arrays(*tests, window=64), **training)
    assert history.validation_loss[-1] == pytest.approx(evaluate(network, *tests).loss, rel=1e-6)
    # A share is held out of the training: nothing is learnt from it.
    network = small(backend)
    feed = Arrays(x, y)
    kept, held_out = feed.split(0.25, 1)
    history = fit(network, feed, validation=0.25, training=Training(Still()), **training)
    for part, loss in ((kept, history.training_loss), (held_out, history.validation_loss)):
        index = np.concatenate(
            [np.arange(b * feed.block, min(400, (b + 1) * feed.block)) for b in part.blocks]
        )
        assert loss == pytest.approx([evaluate(network, x[index], y[index]).loss] * 2, rel=1e-6)


def test_batches_of_any_kind(digits):
    """Other dtypes and sizes in the middle, sparse ones, values as targets."""
    x, y = digits.train_x[:120].reshape(120, 64), digits.train_y[:120]
    floats = x / np.float32(255)
    given = [
        (x[:30], y[:30]),
        (floats[30:50], y[30:50]),
        (csr_array(floats[50:100]), y[50:100]),
        (floats[100:].astype(np.float16), y[100:].tolist()),
    ]
    history = fit(
        small(),
        Batches(given),
        epochs=2,
        validation=None,
        callbacks=[],
        training=Training(Still(), batch_size=16),
    )
    assert history.training_loss[0] == pytest.approx(evaluate(small(), x, y).loss, rel=1e-3)
    values = sd.models.build("dann-r", 64, 1, dendrites=2, somata=8, synapses=5)
    history = fit(
        values,
        Batches(batches_of(floats, floats.mean(axis=1), 25)),
        epochs=20,
        validation=None,
        callbacks=[],
        loss=losses.Huber(),
    )
    assert history.training_loss[-1] < 0.5 * history.training_loss[0]


def test_a_function_is_called_for_every_epoch_in_one_thread_beside(digits):
    x, y = digits.train_x[:90], digits.train_y[:90]
    threads = []

    def source():
        threads.append(threading.current_thread())
        yield from batches_of(x, y, 30)

    seen = []
    fit(
        small(),
        Batches(source),
        epochs=3,
        validation=None,
        callbacks=[lambda fitting: seen.append(fitting.batches)],
    )
    assert len(threads) == 3
    assert threading.main_thread() not in threads
    assert seen == [0, 0, 0]
    assert not any(each.name.startswith("sparsedend-feed") for each in threading.enumerate())


def test_what_was_read_does_not_live_on(digits):
    batches = [(digits.train_x[:50].copy(), digits.train_y[:50].copy())]
    alive = weakref.ref(batches[0][0])
    network, training = small(), Training()
    fit(network, Batches(batches), epochs=1, validation=None, callbacks=[], training=training)
    del batches
    assert alive() is None


def test_memory_is_bounded_by_the_window(tmp_path):
    """Of 40 MB, four windows of 1 MB are more than is ever in memory at once."""
    import tracemalloc

    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset(
            "x", shape=(50_000, 800), dtype=np.uint8, chunks=(100, 800), fillvalue=1
        )
        file["y"] = np.zeros(50_000, np.int64)
        network = sd.models.build("dann-r", (20, 40, 1), 2, dendrites=1, somata=2, synapses=2)
        feed = Arrays(file["x"], file["y"], window=1280)
        fit(network, Arrays(file["x"][:2000], file["y"][:2000]), epochs=1, callbacks=[])
        tracemalloc.start()
        fit(network, feed, epochs=1, callbacks=[])
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 8e6


def failing_after(batches):
    yield from batches
    raise OSError("the disk is gone")


@pytest.mark.parametrize(
    ("feed", "named", "message"),
    [
        (lambda x, y: Batches([]), {}, "the feed has no samples: give at least one"),
        (
            lambda x, y: Batches([(x, y), (x, y + 10)]),
            {},
            "batch 1 of the feed: label 10 of sample 0 is out of range",
        ),
        (
            lambda x, y: Arrays(
                np.where(np.arange(90)[:, None] == 70, np.nan, x.reshape(90, 64)), y, window=10
            ),
            {},
            r"samples \d+ … \d+ of the feed: image \d holds nan at value 0",
        ),
        (lambda x, y: Batches([(x[:0], y[:0])]), {}, "batch 0 of the feed: there are no samples"),
        (lambda x, y: Batches([(x, y)]), {"validation": 0.1}, "a share of 0.1, but nobody knows"),
        (lambda x, y: Batches([(x, y)]), {"validation": "x"}, "validation is str: give a share"),
        (lambda x, y: Batches([(x, y)]), {"y": [1]}, "`y` is given beside a feed, which brings"),
        (
            lambda x, y: Batches([(x, y)]),
            {"sample_weight": [1]},
            "`sample_weight` is given beside a feed, which brings its own: give it to the feed",
        ),
        (
            lambda x, y: Batches([(x, y)]),
            {"training": Training(sequential=True)},
            "is sequential, but a feed has an order of its own",
        ),
    ],
)
def test_what_is_refused(digits, feed, named, message):
    network = small()
    x, y = digits.train_x[:90], digits.train_y[:90] % 5
    named = {"epochs": 1, "validation": None, "callbacks": []} | named
    with pytest.raises(InputError, match=message):
        fit(network, feed(x, y), **named)
    with network.training():  # It was given back.
        pass


class Ordered(feeds.Feed):
    """A feed of somebody's own, which says what it likes of its portions."""

    def __init__(self, *portions):
        self.given = portions

    def batches(self, batch_size):
        return 1

    def portions(self, batch_size, seed=None, epoch=0):
        return iter(self.given)


@pytest.mark.parametrize(
    ("portion", "message"),
    [
        ({"order": np.array([0, 1, 2, 10**9])}, "of 90 samples in whose order is 1000000000"),
        ({"order": np.array([0, -1])}, "in whose order is -1: give indices from 0 to 89"),
        ({"order": np.array([0, 90])}, "in whose order is 90"),
        ({"order": np.array([0.0, 1])}, r"whose order is float64 of shape \(2,\): give indices"),
        ({"order": np.zeros((2, 2), int)}, r"of shape \(2, 2\)"),
        ({"order": []}, "whose order is float64 of shape"),
        ({"room": 50}, "with room for 50 samples, but its pieces have 90"),
        ({"pieces": []}, "the feed has a portion without a piece"),
    ],
)
@pytest.mark.parametrize("backend", ["numba", "numpy"])
def test_a_portion_that_cannot_be_is_refused(digits, backend, portion, message):
    piece = feeds.Piece(digits.train_x[:90], digits.train_y[:90] % 5, "all")
    given = feeds.Portion(**{"pieces": [piece]} | portion)
    with pytest.raises(InputError, match=message):
        fit(small(backend), Ordered(given), epochs=1, validation=None, callbacks=[])


@pytest.mark.parametrize(
    "second",
    [
        lambda x, y: feeds.Piece(x.astype(np.float32), y, "b"),
        lambda x, y: feeds.Piece(x, y, "b", np.ones(len(y))),
    ],
)
def test_pieces_of_different_kinds_are_no_portion(digits, second):
    x, y = digits.train_x[:40], digits.train_y[:40] % 5
    for pieces in (
        [feeds.Piece(x, y, "a"), second(x, y)],
        [second(x, y), feeds.Piece(x, y, "a")],
    ):
        with pytest.raises(InputError, match="a portion whose pieces are of different kinds"):
            fit(
                small(),
                Ordered(feeds.Portion(pieces, 80)),
                epochs=1,
                validation=None,
                callbacks=[],
            )


def test_a_later_epoch_without_weight_is_told_of(digits):
    x, y = digits.train_x[:40], digits.train_y[:40] % 5
    weights = iter([np.ones(40), np.zeros(40)])
    feed = Batches(lambda: [(x, y, next(weights))])
    with pytest.raises(InputError, match="all weights are zero"):
        fit(small(), feed, epochs=2, validation=None, callbacks=[])


def test_a_portion_s_order_may_be_of_any_integers(digits):
    piece = feeds.Piece(digits.train_x[:90], digits.train_y[:90] % 5, "all")
    results = []
    for kind in (np.int64, np.uint8):
        made = small()
        order = np.arange(90)[::-1].astype(kind)
        training = Training(batch_size=40)
        feed = Ordered(feeds.Portion([piece], None, order))
        fit(made, feed, epochs=1, validation=None, callbacks=[], training=training)
        results.append(made.parameters)
    np.testing.assert_array_equal(*results)


def test_samples_without_targets_are_no_feed(digits):
    with pytest.raises(InputError, match="there are no targets: give y, or a feed"):
        fit(small(), digits.train_x)


def test_an_error_of_the_source_is_the_callers(digits):
    given = batches_of(digits.train_x[:90], digits.train_y[:90], 30)
    with pytest.raises(OSError, match="the disk is gone"):
        fit(small(), Batches(lambda: failing_after(given)), epochs=1, validation=None, callbacks=[])


def test_images_that_look_like_bytes_are_told_of(digits):
    given = [(digits.train_x[:30].astype(np.float32) * 17, digits.train_y[:30])]
    with pytest.warns(UserWarning, match="which are taken as they are"):
        fit(
            small(),
            Batches(given),
            epochs=1,
            validation=None,
            callbacks=[],
            training=Training(Still()),
        )


def test_callbacks_end_a_fit_in_the_middle(digits):
    feed = Arrays(digits.train_x[:400], digits.train_y[:400], window=64)
    stopping = sd.callbacks.EarlyStopping(patience=1)
    network, training = small(), Training(Still(), batch_size=32)
    fit(network, feed, epochs=5, callbacks=[stopping], training=training)
    assert training.history.epochs == 2

    class Interrupting(sd.callbacks.Callback):
        def batch(self, fitting):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(network, feed, epochs=5, callbacks=[Interrupting()], training=Training())
    assert not any(each.name.startswith("sparsedend-feed") for each in threading.enumerate())
