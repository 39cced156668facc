import math

from sparsedend.session import Evaluation
from sparsedend.training.history import NOTHING, History


def entered(validation):
    history = History()
    for number, loss in enumerate(validation):
        validated = NOTHING if loss is None else Evaluation(loss, 0.5)
        history.add(Evaluation([3.0, 1.0, 2.0][number], 0.25), validated, 0.125)
    return history


def test_the_best_epoch_is_that_of_least_validation_loss():
    history = entered([2.0, 4.0, 1.0])
    assert history.epochs == 3
    assert history.best_epoch == 3
    assert history.training_accuracy == [0.25] * 3
    assert history.validation_accuracy == [0.5] * 3
    assert history.seconds == [0.125] * 3
    assert entered([1.0, 1.0, 1.0]).best_epoch == 1


def test_without_validation_it_is_that_of_least_training_loss():
    history = entered([None, None, None])
    assert history.best_epoch == 2
    assert all(map(math.isnan, history.validation_loss + history.validation_accuracy))


def test_an_epoch_without_validation_is_not_the_best():
    assert entered([None, 4.0, 5.0]).best_epoch == 2


def test_nothing_yet():
    assert History().epochs == History().best_epoch == 0


def test_repr():
    assert repr(History()) == "<History of 0 epochs>"
    assert repr(entered([2.0, 4.0, 1.0])) == (
        "<History of 3 epochs, best is 3: training loss 2.0000, validation loss 1.0000, accuracy "
        "50.00%>"
    )
