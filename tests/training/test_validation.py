import numpy as np
import pytest

from sparsedend import evaluate, fit, models, predict
from sparsedend.training.splits import split


@pytest.mark.parametrize("own", [True, False])
def test_validation_drops_nothing(digits, own):
    """It is the loss of what the network predicts afterwards, though it drops half in training."""
    network = models.build("vann", (8, 8, 1), 10, dendrites=4, somata=16, dropout=0.5)
    x, y = digits.train_x[:300], digits.train_y[:300]
    _, last = split(300, 1)
    held_out = (digits.train_x[300:400], digits.train_y[300:400]) if own else (x[last], y[last])
    history = fit(network, x, y, epochs=1, validation=held_out if own else 0.1)
    chances = predict(network, held_out[0], probabilities=True).astype(np.float64)
    loss = -np.log(chances[np.arange(len(chances)), held_out[1]]).mean()
    assert history.validation_loss[0] == pytest.approx(loss, rel=1e-4)
    assert evaluate(network, *held_out).loss == pytest.approx(loss, rel=1e-4)
