import numpy as np
import pytest

from sparsedend import evaluate, fit, models
from sparsedend.training.splits import split


@pytest.mark.parametrize("own", [True, False])
def test_validation_drops_nothing(digits, own):
    """It is what `evaluate` finds afterwards, of a network that drops half in training."""
    network = models.build("vann", (8, 8, 1), 10, dendrites=4, somata=16, dropout=0.5)
    x, y = digits.train_x[:300], digits.train_y[:300]
    _, last = split(300, 1)
    held_out = (digits.train_x[300:400], digits.train_y[300:400]) if own else (x[last], y[last])
    history = fit(network, x, y, epochs=1, validation=held_out if own else 0.1)
    assert history.validation_loss[0] == pytest.approx(evaluate(network, *held_out).loss, rel=1e-5)
    assert np.isfinite(history.validation_loss[0])
