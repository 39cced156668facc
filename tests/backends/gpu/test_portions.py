"""Samples that change in arrays that stay, on a device: feeds, single batches, a predictor."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from sparsedend import Predictor, Training, evaluate, feeds, fit, models, predict, train_on_batch


def small(backend):
    sizes = {"dendrites": 3, "somata": 12, "synapses": 7}
    return models.build("dann-lrf", (8, 8, 1), 10, backend=backend, **sizes)


@pytest.fixture
def data(digits):
    return digits.train_x[:300], digits.train_y[:300]


def test_a_feed_trains_as_on_the_host(backend, data):
    on_device, on_host = small(backend), small(None).to("numpy")
    histories = [
        fit(
            each,
            feeds.Arrays(*data, window=100),
            epochs=2,
            validation=0.2,
            callbacks=[],
            training=Training(batch_size=32),
        )
        for each in (on_device, on_host)
    ]
    for name in ("training_loss", "validation_loss"):
        one, other = (getattr(each, name) for each in histories)
        np.testing.assert_allclose(one, other, rtol=1e-3)


def test_single_batches_and_a_predictor(backend, data):
    import cupy

    network, training = small(backend), Training()
    x, y = data
    first = train_on_batch(network, x[:100], y[:100], training=training)
    for _ in range(20):
        last = train_on_batch(network, cupy.asarray(x[:100]), y[:100], training=training)
    assert last.loss < first.loss
    assert evaluate(network, x[:100], y[:100]).loss < last.loss
    predictor = Predictor(network, 2, raw=True)
    predictor.warmup()
    expected = predict(network, x, raw=True)
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(predictor, np.split(x, 150)))
    np.testing.assert_allclose(np.concatenate(found), expected, rtol=1e-4, atol=1e-5)
    assert isinstance(predictor(cupy.asarray(x[:2])), cupy.ndarray)
