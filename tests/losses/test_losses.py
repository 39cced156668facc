"""Each loss by worked examples, against PyTorch, on both backends; what it takes and answers."""

import numpy as np
import pytest

from sparsedend import InputError, backends, losses
from sparsedend.backends import NumpyBackend
from sparsedend.losses import (
    KINDS,
    Huber,
    MeanSquaredError,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
)

IMAGES, SAMPLES, OUTPUTS = 30, 21, 4

ALL = [SoftmaxCrossEntropy(), SigmoidCrossEntropy(), MeanSquaredError(), Huber(0.7)]
NAMES = [loss.kind for loss in ALL]


def targets_for(loss, rng, dtype):
    """Targets of all images, as `checked` returns them."""
    if loss.kind == "softmax-cross-entropy":
        given = rng.integers(0, OUTPUTS, IMAGES)
    elif loss.kind == "sigmoid-cross-entropy":
        # Anything from 0 to 1, though mostly labels.
        given = np.round(rng.random((IMAGES, OUTPUTS)) * 1.6, 1).clip(0, 1)
    else:
        given = rng.standard_normal((IMAGES, OUTPUTS))
    return loss.checked(given, IMAGES, OUTPUTS, dtype)


def scored(loss, outputs, targets, order, weights=None, backend=None):
    """Totals and delta, which begins as nonsense; what lies in the padding must not matter."""
    backend = backend or NumpyBackend()
    width = backend.width(order.size + 2)
    padded = np.full((len(outputs), width), 1e3, outputs.dtype)
    padded[:, : order.size] = outputs
    delta = np.full_like(padded, np.nan)
    totals = np.array([10.0, 20.0, 30.0])
    given = (loss.score, backend, *map(backend.place, (padded, targets, order)))
    score, backend, *arrays = given
    score(backend, *arrays, weights, delta, totals)
    assert not delta[:, order.size :].any()
    return totals - [10, 20, 30], delta[:, : order.size]


def case(loss, dtype=np.float64):
    rng = np.random.default_rng(3)
    outputs = rng.normal(0, 2, (OUTPUTS, SAMPLES)).astype(dtype)
    return outputs, targets_for(loss, rng, dtype), rng.permutation(IMAGES)[:SAMPLES], rng


def torch_loss(torch, loss, outputs, targets):
    """Of each sample and output, by PyTorch: (samples,) or (samples, outputs)."""
    functional = torch.nn.functional
    if loss.kind == "softmax-cross-entropy":
        return functional.cross_entropy(outputs, targets, reduction="none")
    if loss.kind == "sigmoid-cross-entropy":
        by_output = functional.binary_cross_entropy_with_logits
        return by_output(outputs, targets, reduction="none").mean(dim=1)
    if loss.kind == "huber":
        by_output = functional.huber_loss(outputs, targets, reduction="none", delta=loss.limit)
        return by_output.mean(dim=1)
    return functional.mse_loss(outputs, targets, reduction="none").mean(dim=1)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", ALL, ids=NAMES)
def test_against_pytorch(loss, weighted):
    """Sums of weight · loss, and the gradient of their mean over the batch."""
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle of this test")
    outputs, targets, order, rng = case(loss)
    weights = rng.random(IMAGES) if weighted else None
    totals, delta = scored(loss, outputs, targets, order, weights)
    x = torch.tensor(outputs.T.copy(), requires_grad=True)
    each = torch_loss(torch, loss, x, torch.from_numpy(targets[order]))
    of_batch = np.ones(SAMPLES) if weights is None else weights[order]
    each = each * torch.from_numpy(of_batch)
    each.mean().backward()
    assert totals[0] == pytest.approx(each.sum().item(), rel=1e-12)
    assert totals[2] == pytest.approx(of_batch.sum(), rel=1e-14)
    np.testing.assert_allclose(delta, x.grad.numpy().T, rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", ALL, ids=NAMES)
def test_backends_agree(loss, weighted):
    outputs, targets, order, rng = case(loss, np.float32)
    weights = rng.random(IMAGES).astype(np.float32) if weighted else None
    results = [
        scored(loss, outputs, targets, order, weights, backend)
        for backend in (NumpyBackend(), backends.create("numba"))
    ]
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=1e-7)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_softmax_by_hand(backend):
    """Two samples of two classes, in another order than the images'."""
    outputs = np.log(np.array([[1.0, 3.0], [3.0, 1.0]], np.float32))
    labels, order = np.array([1, 1, 0, 0]), np.array([2, 3])
    engine = backends.create(backend)
    totals, delta = scored(SoftmaxCrossEntropy(), outputs, labels, order, backend=engine)
    np.testing.assert_allclose(totals, [-np.log(1 / 4) - np.log(3 / 4), 1, 2], rtol=1e-6)
    np.testing.assert_allclose(delta * 2, [[-3 / 4, -1 / 4], [3 / 4, 1 / 4]], rtol=1e-6)
    weights = np.array([9, 9, 0.5, 2], np.float32)
    totals, delta = scored(SoftmaxCrossEntropy(), outputs, labels, order, weights, engine)
    expected = [-0.5 * np.log(1 / 4) - 2 * np.log(3 / 4), 2, 2.5]
    np.testing.assert_allclose(totals, expected, rtol=1e-6)
    np.testing.assert_allclose(delta * 2, [[-3 / 8, -1 / 2], [3 / 8, 1 / 2]], rtol=1e-6)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_softmax_of_large_logits_is_finite(backend):
    """The maximum is taken off first: exp(1000) is infinite, and so is -log(exp(-1000))."""
    outputs = np.array([[1000.0, -1000.0, 1000.0], [0.0, 0.0, 1000.0]], np.float32)
    order = np.arange(3)
    totals, delta = scored(
        SoftmaxCrossEntropy(), outputs, np.array([0, 0, 0]), order, None, backends.create(backend)
    )
    np.testing.assert_allclose(totals, [1000 + np.log(2), 2, 3], rtol=1e-6)
    np.testing.assert_allclose(delta * 3, [[0, -1, -0.5], [0, 1, 0.5]], atol=1e-7)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_the_first_of_equal_logits_is_the_answer(backend):
    outputs = np.zeros((3, 3), np.float32)
    totals, _ = scored(
        SoftmaxCrossEntropy(), outputs, np.arange(3), np.arange(3), None, backends.create(backend)
    )
    assert totals[1] == 1
    assert SoftmaxCrossEntropy().answers(outputs, probabilities=False).tolist() == [0, 0, 0]


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_elementwise_losses_by_hand(backend):
    """Errors of 1 and -3 of one sample, 0.5 and 0 of another; the means are over two outputs."""
    engine = backends.create(backend)
    outputs = np.array([[1.0, 0.5], [-3.0, 0.0]], np.float32)
    targets, order = np.zeros((2, 2), np.float32), np.arange(2)
    totals, delta = scored(MeanSquaredError(), outputs, targets, order, None, engine)
    np.testing.assert_allclose(totals, [(1 + 9) / 2 + 0.25 / 2, 0, 2], rtol=1e-6)
    np.testing.assert_allclose(delta, [[2 / 4, 1 / 4], [-6 / 4, 0]], rtol=1e-6)
    totals, delta = scored(Huber(2.0), outputs, targets, order, None, engine)
    np.testing.assert_allclose(totals, [(0.5 + 2 * (3 - 1)) / 2 + 0.125 / 2, 0, 2], rtol=1e-6)
    np.testing.assert_allclose(delta, [[1 / 4, 0.5 / 4], [-2 / 4, 0]], rtol=1e-6)
    labels = np.array([[1, 0], [1, 0]], np.float32)
    totals, delta = scored(SigmoidCrossEntropy(), outputs, labels, order, None, engine)
    sigmoid = 1 / (1 + np.exp(-outputs.astype(float)))
    expected = -np.log(np.where(labels.T > 0, sigmoid, 1 - sigmoid)).sum() / 2
    # Both labels of the first sample are right; 0 of the second is not above 0, as it should be.
    np.testing.assert_allclose(totals, [expected, 2, 2], rtol=1e-6)
    np.testing.assert_allclose(delta, (sigmoid - labels.T) / 4, rtol=1e-5)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_a_sample_is_right_where_all_its_labels_are(backend):
    outputs = np.array([[2.0, 2.0, -1.0, 0.0], [2.0, -2.0, -1.0, 1.0]], np.float32)
    labels = np.array([[1, 1], [1, 1], [0, 0], [0, 1]], np.float32)
    weights = np.array([1, 2, 4, 8], np.float32)
    engine = backends.create(backend)
    found = scored(SigmoidCrossEntropy(), outputs, labels, np.arange(4), weights, engine)
    assert found[0][1] == 1 + 4 + 8
    # An output of exactly 0 says no.
    assert SigmoidCrossEntropy().answers(outputs.T, probabilities=False).tolist() == [
        *([1, 1], [1, 0], [0, 0], [0, 1])
    ]


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_sigmoid_of_large_outputs_is_finite(backend):
    outputs = np.array([[500.0, -500.0, 500.0, -500.0]], np.float32)
    targets = np.array([[1], [0], [0], [1]], np.float32)
    engine = backends.create(backend)
    found = scored(SigmoidCrossEntropy(), outputs, targets, np.arange(4), None, engine)
    np.testing.assert_allclose(found[0], [1000, 2, 4], rtol=1e-6)
    np.testing.assert_allclose(found[1] * 4, [[0, 0, 1, -1]], atol=1e-7)
    chances = SigmoidCrossEntropy().answers(outputs.T, probabilities=True)
    np.testing.assert_allclose(chances.T, [[1, 0, 1, 0]], atol=1e-7)


def test_answers_of_softmax():
    outputs = np.log(np.array([[1.0, 2.0, 1.0], [3.0, 1.0, 4.0]]))
    outputs[1] += 1000
    loss = SoftmaxCrossEntropy()
    assert loss.answers(outputs, probabilities=False).tolist() == [1, 2]
    np.testing.assert_allclose(
        loss.answers(outputs, probabilities=True),
        [[1 / 4, 1 / 2, 1 / 4], [3 / 8, 1 / 8, 1 / 2]],
    )


def test_what_is_judged():
    assert {kind: KINDS[kind].judges for kind in KINDS} == {
        "softmax-cross-entropy": True,
        "sigmoid-cross-entropy": True,
        "mean-squared-error": False,
        "huber": False,
    }


@pytest.mark.parametrize("loss", ALL, ids=NAMES)
def test_settings_make_another_one(loss):
    again = type(loss)(**loss.settings)
    assert repr(again) == repr(loss)
    assert KINDS[loss.kind] is type(loss)


def test_repr():
    assert repr(Huber(np.float32(0.5))) == "Huber(limit=0.5)"
    assert repr(SoftmaxCrossEntropy()) == "SoftmaxCrossEntropy()"


@pytest.mark.parametrize("limit", [0, -1, np.inf, "1"])
def test_limits_that_are_refused(limit):
    with pytest.raises(InputError, match=r"limit is .*: give a finite number above 0"):
        Huber(limit)


REFUSED = [
    (SoftmaxCrossEntropy(), np.zeros(3), "labels are float64 of shape"),
    (SoftmaxCrossEntropy(), np.zeros((3, 1), int), r"labels are int64 of shape \(3, 1\): give 3"),
    (SoftmaxCrossEntropy(), np.zeros(2, int), r"labels are int64 of shape \(2,\): give 3 integers"),
    (SoftmaxCrossEntropy(), np.array([0, 1, 2]), "label 2 of sample 2 is out of range: .* 0 … 1"),
    (SoftmaxCrossEntropy(), np.array([0, -1, 0]), "label -1 of sample 1 is out of range"),
    (SoftmaxCrossEntropy(), np.array([0, 1, 2**63], np.uint64), "label 9223372036854775808 of"),
    (SoftmaxCrossEntropy(), np.array([True, False, True]), "labels are bool"),
    (SoftmaxCrossEntropy(), np.array(["a", "b", "a"]), "labels are <U1"),
    (SoftmaxCrossEntropy(), np.array([0, 1, None]), "labels are object"),
    (
        MeanSquaredError(),
        np.zeros(3),
        r"targets are float64 of shape \(3,\): give .* \(3, 2\), a row",
    ),
    (MeanSquaredError(), np.zeros((2, 3)), r"of shape \(2, 3\)"),
    (MeanSquaredError(), np.array([["a"] * 2] * 3), "targets are <U1"),
    (MeanSquaredError(), np.zeros((3, 2), complex), "targets are complex128"),
    (MeanSquaredError(), np.array([[0, 0], [0, np.nan], [0, 0]]), "target of sample 1 is nan"),
    (Huber(), np.array([[0, 0], [0, 0], [1e39, 0]]), r"sample 2 is 1e\+39: give .* float32 holds"),
    (
        SigmoidCrossEntropy(),
        np.array([[0, 1], [2, 0], [0, 0]]),
        "the target of sample 1 is 2: give",
    ),
    (SigmoidCrossEntropy(), np.array([[0, 1], [0, 0], [0, -0.1]]), "target of sample 2 is -0.1"),
    (SigmoidCrossEntropy(), np.array([0, 1, 1]), r"targets are int64 of shape \(3,\)"),
]


@pytest.mark.parametrize(("loss", "targets", "message"), REFUSED)
def test_targets_that_are_refused(loss, targets, message):
    with pytest.raises(InputError, match=message):
        loss.checked(targets, 3, 2, np.dtype(np.float32))


def test_one_output_makes_no_classes():
    with pytest.raises(InputError, match="the network has one output, which makes no classes"):
        SoftmaxCrossEntropy().checked(np.zeros(3, int), 3, 1, np.float32)


@pytest.mark.parametrize(
    ("loss", "targets", "shape"),
    [
        (SoftmaxCrossEntropy(), np.array([1, 0, 1], np.uint8), (3,)),
        (MeanSquaredError(), np.array([1, 0, 1], np.int8), (3, 1)),
        (MeanSquaredError(), np.asfortranarray(np.zeros((3, 1))), (3, 1)),
        (Huber(), np.array([True, False, True]), (3, 1)),
        (SigmoidCrossEntropy(), np.array([0, 0.5, 1]), (3, 1)),
    ],
)
def test_targets_that_are_taken(loss, targets, shape):
    outputs = 2 if loss.kind == "softmax-cross-entropy" else 1
    found = loss.checked(targets, 3, outputs, np.dtype(np.float32))
    assert found.shape == shape
    assert found.dtype == (np.int64 if outputs == 2 else np.float32)
    np.testing.assert_array_equal(found.ravel(), targets.ravel().astype(found.dtype))
    assert not np.shares_memory(found, targets)


def test_targets_reach_kernels_in_c_order():
    given = np.asfortranarray(np.arange(6.0).reshape(3, 2))
    found = MeanSquaredError().checked(given, 3, 2, np.float64)
    assert found.flags.c_contiguous
    np.testing.assert_array_equal(found, given)


def test_losses_are_named_by_the_package():
    for name in ("Loss", "ElementwiseLoss", "Huber", "MeanSquaredError", "SigmoidCrossEntropy"):
        assert name in losses.__all__
