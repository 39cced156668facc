import sparsedend as sd
from bench import curves
from sparsedend import layers
from sparsedend.initializers import glorot


def test_every_epoch_is_tested(digits):
    def stack():
        return [layers.Dense(64, 16), layers.LeakyReLU(16), layers.Dense(16, 10)]

    def trained(epochs, **more):
        training = sd.Training(seed=3)
        return curves.curve_of(stack(), glorot, digits, training, epochs, threads=1, **more)

    curve = trained(4)
    assert len(curve.loss) == len(curve.accuracy) == 4
    assert curve.loss == sorted(curve.loss, reverse=True)
    assert curve.parameters == 65 * 16 + 17 * 10
    assert curve.seconds > 0
    assert trained(2)[:2] == (curve.loss[:2], curve.accuracy[:2])
    assert trained(2, validation=0.3).loss != curve.loss[:2]
