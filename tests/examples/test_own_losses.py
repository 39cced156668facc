"""Losses of a user's own: a formula for each output, or anything of outputs and targets."""

import inspect
import io

import numpy as np
import pytest

import sparsedend as sd
from sparsedend import InputError, Session, Training, fit, losses, models
from sparsedend.losses.loss import real_targets
from sparsedend.optimizers import Adam


@losses.register
class LogCosh(losses.ElementwiseLoss):
    """``log cosh(output - target)``: squares of small errors, and large ones as they are."""

    kind = "own-log-cosh"

    @staticmethod
    def formula(output, target):
        error = output - target
        distance = abs(error)
        loss = distance + np.log1p(np.exp(-2 * distance)) - np.log(2.0)
        return loss, np.tanh(error), distance < 0.5


@losses.register
class Quantile(losses.ElementwiseLoss):
    """What a share of the targets lies below: its one setting is a number of the formula."""

    kind = "quantile"

    def __init__(self, share=0.5):
        self.share = share

    @staticmethod
    def formula(output, target, share):
        below = output > target
        slope = below * 1.0 - share
        return slope * (output - target), slope, output == target


@losses.register
class CosineDistance(losses.Loss):
    """``1 - cos`` of the angle between a sample's outputs and its targets; of the host."""

    kind = "cosine-distance"
    judges = False

    def checked(self, targets, samples, outputs, dtype):
        found = real_targets(targets, samples, outputs, dtype)
        lengths = np.linalg.norm(found, axis=1, keepdims=True)
        if not lengths.all():
            raise InputError(
                f"target {lengths.argmin()} is 0, which has no direction: leave it out"
            )
        return found / lengths

    def score(self, backend, outputs, targets, order, weights, delta, totals):
        samples = order.size
        y, wanted = outputs[:, :samples], targets[order].T
        lengths = np.linalg.norm(y, axis=0)
        cosines = (y * wanted).sum(axis=0) / lengths
        chosen = np.ones(samples) if weights is None else weights[order]
        delta[:, :samples] = chosen / samples * (cosines * y / lengths - wanted) / lengths
        delta[:, samples:] = 0
        totals += (chosen @ (1 - cosines), 0, chosen.sum())

    def answers(self, outputs, *, probabilities):
        if probabilities:
            raise InputError("directions have no probabilities: leave them out")
        return outputs / np.linalg.norm(outputs, axis=1, keepdims=True)


OWN = [LogCosh(), Quantile(0.8), CosineDistance()]
NAMES = [loss.kind for loss in OWN]


def network(loss, outputs=3, backend="numba", dtype=np.float64):
    engine = sd.backends.create(backend)
    sizes = {"dendrites": 3, "somata": 8, "synapses": 4}
    return models.build("dann-r", 6, outputs, loss=loss, backend=engine, dtype=dtype, **sizes)


def data():
    rng = np.random.default_rng(1)
    x = rng.standard_normal((90, 6))
    return x, np.tanh(x[:, :3]) + 0.1 * rng.standard_normal((90, 3)) + 0.5


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("loss", OWN, ids=NAMES)
def test_gradients_by_finite_differences(loss, backend):
    made = network(loss, backend=backend)
    weights = np.random.default_rng(2).random(90)
    session = Session(made, *data(), sample_weight=weights)

    def mean():
        session.score(np.arange(90))
        return session.totals().loss

    session.score(np.arange(90))
    session.backward()
    gradients = session.gradients.copy()
    session.begin()
    for index in range(0, made.size, 7):
        original, found = made.parameters[index], []
        for change in (1e-6, -1e-6):
            made.parameters[index] = original + change
            found.append(mean())
        made.parameters[index] = original
        numeric = (found[0] - found[1]) / 2e-6
        assert gradients[index] == pytest.approx(numeric, rel=1e-4, abs=1e-8), index


def test_values_by_hand():
    """Of targets 0: log cosh(2), and .8 of what lies below and .2 of what lies above."""
    made = sd.Network([sd.layers.Identity(2)], 2)
    for loss, expected in (
        (LogCosh(), (np.log(np.cosh(2)) + np.log(np.cosh(0.25))) / 2),
        (Quantile(0.8), (0.2 * 2 + 0.8 * 0.25) / 2),
        (CosineDistance(), 1 - 0.6),
    ):
        made.loss = loss
        x = [[3.0, 4.0]] if loss.kind == "cosine-distance" else [[2.0, -0.25]]
        targets = [[7.0, 0.0]] if loss.kind == "cosine-distance" else [[0.0, 0.0]]
        assert sd.evaluate(made, x, targets).loss == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("loss", OWN, ids=NAMES)
def test_they_are_learnt_by_and_come_back_from_a_file(loss):
    made, file = network(loss, dtype=np.float32), io.BytesIO()
    training = Training(Adam(0.01), batch_size=70)
    history = fit(made, *data(), epochs=50, training=training)
    assert history.training_loss[-1] < 0.7 * history.training_loss[0]
    sd.save(made, file)
    found = sd.load(file)
    assert repr(found.loss) == repr(loss)
    np.testing.assert_array_equal(sd.predict(found, data()[0]), sd.predict(made, data()[0]))
    assert sd.evaluate(found, *data()) == pytest.approx(sd.evaluate(made, *data()), nan_ok=True)


def test_a_quantile_is_what_is_learnt():
    """Four of five targets lie below the answer of a network of biases alone."""
    rng = np.random.default_rng(0)
    targets = rng.standard_normal(500)
    made = network(Quantile(0.8), outputs=1, dtype=np.float32)
    fit(made, np.zeros((500, 6)), targets, epochs=60, training=Training(Adam(0.02)))
    answers = sd.predict(made, np.zeros((500, 6)))
    assert np.mean(targets < answers) == pytest.approx(0.8, abs=0.03)


def test_targets_are_checked_by_their_loss():
    x, y = data()
    y[7] = 0
    with pytest.raises(InputError, match="target 7 is 0, which has no direction"):
        fit(network(CosineDistance()), x, y)
    with pytest.raises(InputError, match="directions have no probabilities"):
        sd.predict(network(CosineDistance()), x, probabilities=True)


@pytest.mark.parametrize("own", [type(loss) for loss in OWN])
def test_a_class_of_fifty_lines_will_do(own):
    assert len(inspect.getsource(own).splitlines()) <= 50
