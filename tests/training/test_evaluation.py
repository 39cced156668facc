import numpy as np
import pytest
from scipy.sparse import csr_array

import sparsedend as sd
from sparsedend import InputError, evaluate, losses, predict
from sparsedend.initializers import glorot


@pytest.fixture(scope="module")
def network():
    return sd.models.build("dann-lrf", (8, 8, 1), 10, dendrites=4, somata=16, synapses=9)


def table(outputs=2, **options):
    made = sd.Network([sd.layers.Dense(3, outputs)], 3, **options)
    made.initialize(np.random.default_rng(0), glorot)
    return made


def test_predict_agrees_with_evaluate(network, digits):
    classes = predict(network, digits.test_x)
    probabilities = predict(network, digits.test_x, probabilities=True, batch_size=101)
    raw = predict(network, digits.test_x, raw=True)
    tested = evaluate(network, digits.test_x, digits.test_y, batch_size=300)
    assert classes.dtype == np.int64
    assert np.mean(classes == digits.test_y) == pytest.approx(tested.accuracy, abs=1e-12)
    assert probabilities.shape == raw.shape == (len(classes), 10)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(probabilities.argmax(axis=1), classes)
    softmax = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(probabilities, softmax, rtol=1e-5)
    chosen = probabilities[np.arange(len(classes)), digits.test_y].astype(np.float64)
    assert -np.log(chosen).mean() == pytest.approx(tested.loss, rel=1e-4)


def test_what_a_feed_brings(network, digits):
    x, y = digits.test_x, digits.test_y
    found = evaluate(network, sd.feeds.Arrays(x, y, window=50), batch_size=20)
    assert found == pytest.approx(evaluate(network, x, y), rel=1e-6)
    weights = np.where(y == 3, 0.0, y)
    found = evaluate(network, sd.feeds.Batches([(x, y, weights)]))
    right = predict(network, x) == y
    assert found.accuracy == pytest.approx(np.average(right, weights=weights), rel=1e-6)
    with pytest.raises(InputError, match="`y` is given beside a feed"):
        evaluate(network, sd.feeds.Arrays(x, y), y)
    with pytest.raises(InputError, match="there are no targets: give y, or a feed"):
        evaluate(network, x)


def test_images_in_all_their_forms(network, digits):
    """Bytes are pixels, 0 … 255; a single channel and the grid may be left out."""
    expected = predict(network, digits.test_x, raw=True)
    scaled = digits.test_x / np.float32(255)
    count = len(scaled)
    for images in (
        *(scaled, scaled.reshape(count, 64), scaled[..., 0], scaled.astype(np.float64)),
        *(np.asfortranarray(scaled), digits.test_x[..., 0], digits.test_x.tolist()),
    ):
        if isinstance(images, list):
            images = np.array(images, np.uint8)
        found = predict(network, images, raw=True)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    mirrored = predict(network, scaled[:, ::-1], raw=True)
    np.testing.assert_array_equal(mirrored, predict(network, scaled[:, ::-1].copy(), raw=True))


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_bytes_of_a_table_are_numbers(backend):
    """Nothing divides them by 255 unasked."""
    made = table(backend=sd.backends.create(backend))
    rows = np.array([[0, 1, 255], [7, 0, 3]], np.uint8)
    found = predict(made, rows, raw=True)
    expected = rows @ made.layers[0].parameters["weights"].T
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_array_equal(found, predict(made, rows.astype(np.float32), raw=True))


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("given", [np.uint8, np.float32, np.float64])
def test_the_dtype_of_the_samples_may_change_from_call_to_call(backend, given):
    made = table(backend=sd.backends.create(backend))
    for dtype in (np.float64, given, np.float64):
        rows = np.arange(6, dtype=dtype).reshape(2, 3)
        assert predict(made, rows, raw=True).dtype == np.float32
        np.testing.assert_allclose(
            predict(made, rows, raw=True),
            rows @ made.layers[0].parameters["weights"].T,
            rtol=1e-5,
            atol=1e-6,
        )


def test_the_answers_of_every_loss():
    rows = np.random.default_rng(1).standard_normal((9, 3))
    for loss, outputs in (
        (losses.MeanSquaredError(), 1),
        (losses.Huber(), 2),
        (losses.SigmoidCrossEntropy(), 2),
        (losses.SigmoidCrossEntropy(), 1),
        (losses.SoftmaxCrossEntropy(), 2),
    ):
        made = table(outputs, loss=loss)
        raw = predict(made, rows, raw=True)
        assert raw.shape == (9, outputs)
        answers = predict(made, rows)
        if loss.kind == "softmax-cross-entropy":
            np.testing.assert_array_equal(answers, raw.argmax(axis=1))
            assert predict(made, rows, probabilities=True).shape == (9, 2)
        elif loss.kind == "sigmoid-cross-entropy":
            assert answers.dtype == np.int64
            np.testing.assert_array_equal(answers, raw > 0)
            chances = predict(made, rows, probabilities=True)
            np.testing.assert_allclose(chances, 1 / (1 + np.exp(-raw)), rtol=1e-5)
        else:
            np.testing.assert_array_equal(answers, raw[:, 0] if outputs == 1 else raw)
            with pytest.raises(InputError, match=r"are asked for, but \w+ has none"):
                predict(made, rows, probabilities=True)


def test_no_accuracy_where_nothing_is_right_or_wrong():
    rows = np.random.default_rng(1).standard_normal((9, 3))
    found = evaluate(table(1), rows, rows[:, 0])
    assert np.isnan(found.accuracy)
    assert np.isfinite(found.loss)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.full((2, 3), 1e39), r"row 0 holds 1e\+39 at feature 0: give finite .* up to 3.4e\+38"),
        (np.array([[0, 1, 2], [0, np.nan, 2]]), "row 1 holds nan at feature 1"),
        (csr_array(np.eye(4)), r"rows have shape \(4, 4\), but the network takes rows"),
        (np.ma.masked_array(np.eye(3), np.eye(3)), "rows are a masked array"),
        (np.zeros((2, 4)), r"rows have shape \(2, 4\), but the network takes rows of features: 3"),
        (np.zeros(3), r"rows have shape \(3,\)"),
        (np.zeros((2, 3), complex), "the inputs are complex128: give real numbers"),
        (np.zeros((2, 3), np.longdouble), r"the inputs are float\d+: give real numbers"),
        (np.full((2, 3), None), "the inputs are object"),
        ([[1, 2, 3], [4, 5]], "a list makes no array of numbers"),
        (np.zeros((0, 3)), "there are no samples"),
        ([["a", "b", "c"]], "the inputs are <U1"),
    ],
)
def test_samples_that_are_refused(rows, message):
    made = table()
    with pytest.raises(InputError, match=message):
        predict(made, rows)
    with pytest.raises(InputError, match=message):
        evaluate(made, rows, [0, 1])


def test_the_largest_numbers_of_the_dtype_are_taken():
    rows = np.zeros((1, 3))
    rows[0, 0] = np.finfo(np.float32).max
    assert np.isfinite(predict(table(), rows, raw=True)).all()
    assert predict(table(dtype=np.float64), rows * 10, raw=True).dtype == np.float64


@pytest.mark.parametrize("size", [0, 2.0, None])
def test_batch_sizes_that_are_refused(size):
    with pytest.raises(InputError, match="batch size is"):
        predict(table(), np.zeros((2, 3)), batch_size=size)
    with pytest.raises(InputError, match="batch size is"):
        evaluate(table(), np.zeros((2, 3)), [0, 1], batch_size=size)


def test_grey_images_need_no_channel_and_others_do():
    for channels, fits in ((1, True), (3, False)):
        made = sd.models.build("vann", (4, 5, channels), 2, dendrites=1, somata=2)
        images = np.zeros((3, 4, 5), np.uint8)
        if fits:
            assert predict(made, images).shape == (3,)
        else:
            with pytest.raises(InputError, match=r"images have shape \(3, 4, 5\)"):
                predict(made, images)


def test_outputs_or_probabilities():
    with pytest.raises(InputError, match="raw outputs and probabilities are both asked for"):
        predict(table(), np.zeros((2, 3)), raw=True, probabilities=True)


class Interrupted(losses.SoftmaxCrossEntropy):
    """Is, in the second batch."""

    def __init__(self):
        self.__dict__["batches"] = 0

    def score(self, *given):
        self.batches += 1
        if self.batches == 2:
            raise KeyboardInterrupt
        super().score(*given)


def test_an_evaluation_that_was_interrupted_leaves_nothing_behind(digits):
    made = sd.models.build("dann-lrf", (8, 8, 1), 10, dendrites=2, somata=4, synapses=4)
    x, y = digits.test_x[:256], digits.test_y[:256]
    expected, loss = evaluate(made, x, y), made.loss
    made.loss = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        evaluate(made, x, y)
    made.loss = loss
    assert evaluate(made, x, y) == expected
