import numpy as np
import pytest

import sparsedend as sd
from sparsedend import InputError, Training, callbacks, evaluate, fit, predict
from sparsedend.optimizers import Adam
from sparsedend.training.callbacks import Callback, EarlyStopping, ProgressBar
from sparsedend.training.splits import split


def small(seed=1):
    sizes = {"dendrites": 4, "somata": 16, "synapses": 9}
    return sd.models.build("dann-lrf", (8, 8, 1), 10, seed=seed, **sizes)


@pytest.fixture
def data(digits):
    return digits.train_x, digits.train_y


def test_early_stopping_leaves_the_best_parameters(data):
    """Noisy steps: the loss soon rises again, and the network of the best epoch is returned."""
    stopped, whole = small(), small()
    training = Training(Adam(0.1))
    history = fit(stopped, *data, epochs=40, callbacks=[EarlyStopping(3)], training=training)
    assert history.epochs == history.best_epoch + 3 < 40
    assert training.stopped == f"early stopping after epoch {history.epochs}"
    fit(whole, *data, epochs=history.best_epoch, training=Training(Adam(0.1)))
    np.testing.assert_array_equal(stopped.parameters, whole.parameters)
    with pytest.raises(InputError, match=r"the training has ended \(early stopping after epoch"):
        fit(stopped, *data, epochs=40, callbacks=[EarlyStopping(3)], training=training)


def test_the_best_parameters_are_left_where_patience_lasts(data):
    network = small()
    training = Training(Adam(0.1))
    history = fit(network, *data, epochs=6, callbacks=[EarlyStopping(6)], training=training)
    assert history.best_epoch < history.epochs == 6
    put_back = f"the parameters of epoch {history.best_epoch} were put back"
    assert training.stopped == f"after epoch 6, its last, {put_back}"
    _, held_out = split(len(data[0]), 1)
    found = evaluate(network, *(each[held_out] for each in data))
    assert found.loss == pytest.approx(history.validation_loss[history.best_epoch - 1], rel=1e-5)


def test_patience_may_go_on(data):
    """In two halves, of which the first keeps the best: the same bits as at once."""
    whole, parts = small(), small()
    fit(whole, *data, epochs=40, callbacks=[EarlyStopping(2)], training=Training(Adam(0.1)))

    class Interrupt(Callback):
        def epoch(self, fitting):
            if fitting.history.epochs == 2:
                raise KeyboardInterrupt

    training = Training(Adam(0.1))
    with pytest.raises(KeyboardInterrupt):
        fit(parts, *data, callbacks=[EarlyStopping(2), Interrupt()], training=training)
    assert training.stopped == ""
    assert training.best is not None
    fit(parts, *data, epochs=40, callbacks=[EarlyStopping(2)], training=training)
    np.testing.assert_array_equal(parts.parameters, whole.parameters)


def test_patience_needs_the_best_from_the_start(data):
    network, training = small(), Training()
    fit(network, *data, epochs=1, training=training)
    with pytest.raises(InputError, match="patience is 2, but the training has 1 epochs behind it"):
        fit(network, *data, epochs=3, callbacks=[EarlyStopping(2)], training=training)
    fit(network, *data, epochs=2, training=training)
    assert training.history.epochs == 2


@pytest.mark.parametrize("patience", [0, -1, 1.5, None])
def test_patience_is_a_whole_number(patience):
    with pytest.raises(InputError, match="patience is"):
        EarlyStopping(patience)


def test_patience_needs_validation(data):
    with pytest.raises(InputError, match="patience is 1, but there is no validation"):
        fit(small(), *data, validation=None, callbacks=[EarlyStopping(1)])


def test_a_function_is_called_after_every_epoch_and_may_stop(data):
    network, seen = small(), []

    def look(fitting):
        assert fitting.network is network
        assert fitting.training.history is fitting.history
        seen.append((fitting.history.epochs, fitting.epochs, fitting.validates))
        if fitting.history.epochs == 3:
            fitting.stop()

    training = Training()
    history = fit(network, *data, epochs=9, callbacks=[look], training=training)
    assert seen == [(1, 9, True), (2, 9, True), (3, 9, True)]
    assert history.epochs == 3
    # Nothing says that it has ended for good.
    fit(network, *data, epochs=4, callbacks=[], training=training)
    assert training.history.epochs == 4


def test_the_order_of_calls(data):
    calls = []

    class Telling(Callback):
        def begin(self, fitting):
            calls.append("begin")
            self.batches = fitting.batches

        def batch(self, fitting):
            calls.append("batch")

        def epoch(self, fitting):
            calls.append(f"epoch {fitting.history.epochs}")

        def end(self, fitting):
            calls.append(f"end {fitting.failed}")

    telling = Telling()
    fit(small(), *data, epochs=2, callbacks=[telling], training=Training(batch_size=500))
    batches = ["batch"] * telling.batches
    assert telling.batches == 3
    assert calls == ["begin", *batches, "epoch 1", *batches, "epoch 2", "end False"]


def test_a_callback_that_fails_ends_the_fit_and_the_others_are_told(data):
    told = []

    class Other(Callback):
        def end(self, fitting):
            told.append((fitting.failed, fitting.history.epochs))

    def fail(fitting):
        raise ZeroDivisionError

    network, training = small(), Training()
    with pytest.raises(ZeroDivisionError):
        fit(network, *data, epochs=5, callbacks=[Other(), fail], training=training)
    assert told == [(True, 1)]
    # The epoch that it has seen is whole, and the network may be trained again.
    fit(network, *data, epochs=2, callbacks=[Other()], training=training)
    whole = small()
    fit(whole, *data, epochs=2)
    np.testing.assert_array_equal(network.parameters, whole.parameters)


def test_one_that_fails_to_begin_is_not_ended(data):
    ended = []

    class First(Callback):
        def end(self, fitting):
            ended.append("first")

    class Second(Callback):
        def begin(self, fitting):
            raise ZeroDivisionError

        def end(self, fitting):
            ended.append("second")

    with pytest.raises(ZeroDivisionError):
        fit(small(), *data, callbacks=[First(), Second()])
    assert ended == ["first"]


def test_what_a_callback_computes_changes_nothing(data, digits):
    """Not even with other images, and in batches of another size."""
    plain, watched = small(), small()
    fit(plain, *data, epochs=3)

    def look(fitting):
        evaluate(watched, digits.test_x, digits.test_y, batch_size=300)
        predict(watched, digits.test_x[:5])
        session = sd.Session(watched, digits.test_x, digits.test_y)
        session.score(np.arange(100))
        session.backward()

    fit(watched, *data, epochs=3, callbacks=[look])
    np.testing.assert_array_equal(plain.parameters, watched.parameters)


def test_a_network_that_is_moved_meanwhile_is_no_longer_trained(data):
    network = small()
    with pytest.raises(InputError, match="moved to backend 'numpy' after epoch 1 of its training"):
        fit(network, *data, callbacks=[lambda fitting: network.to("numpy")])


def test_progress_is_quiet_unless_asked_for(data, capsys):
    arguments = {"epochs": 1, "training": Training(batch_size=500)}
    fit(small(), *data, **arguments)
    assert capsys.readouterr().err == ""
    for validation, shown in ((0.1, "loss=2.3"), (None, "loss=2.3")):
        arguments = {"epochs": 1, "training": Training(batch_size=500)}
        bars = [ProgressBar(show=True)]
        fit(small(), *data, validation=validation, callbacks=bars, **arguments)
        drawn = capsys.readouterr().err
        assert "batch/s" in drawn
        assert "3/3" in drawn
        assert "epoch=1" in drawn
        assert shown in drawn
        assert "accuracy=" in drawn


def test_progress_goes_on_where_it_was(data, capsys):
    network, training = small(), Training(batch_size=500)
    fit(network, *data, epochs=1, training=training)
    fit(network, *data, epochs=2, callbacks=[ProgressBar(show=True)], training=training)
    drawn = capsys.readouterr().err
    assert "3/6" in drawn
    assert "6/6" in drawn


def test_the_package_names_them():
    assert callbacks.Callback is Callback


def test_a_training_may_be_out_of_patience_when_it_goes_on(data):
    """As where it was interrupted after its last epoch: no other one follows, the best is left."""

    def interrupt(fitting):
        if fitting.history.epochs >= fitting.history.best_epoch + 2:
            raise KeyboardInterrupt

    network, training = small(), Training(Adam(0.1))
    with pytest.raises(KeyboardInterrupt):
        fit(network, *data, epochs=40, callbacks=[EarlyStopping(9), interrupt], training=training)
    epochs, best = training.history.epochs, training.best.copy()
    assert not np.array_equal(network.parameters, best)
    fit(network, *data, epochs=40, callbacks=[EarlyStopping(2)], training=training)
    assert training.history.epochs == epochs
    np.testing.assert_array_equal(network.parameters, best)
