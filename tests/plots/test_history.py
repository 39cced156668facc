import numpy as np
import pytest

from sparsedend import InputError, plots
from sparsedend.training import History
from tests.plots.drawn import axis, texts

NAN = float("nan")


def history(epochs=3, **figures):
    given = {
        "training_loss": [0.9, 0.5, 0.3],
        "training_accuracy": [0.6, 0.8, 0.9],
        "validation_loss": [0.8, 0.4, 0.5],
        "validation_accuracy": [0.7, 0.85, 0.8],
        "seconds": [1.0] * 3,
    } | figures
    return History(**{name: values[:epochs] for name, values in given.items()})


def lines(drawn):
    return {each.get_label(): each for each in drawn.lines}


@pytest.mark.parametrize(
    ("figure", "training", "validation", "best"),
    [
        ("loss", [0.9, 0.5, 0.3], [0.8, 0.4, 0.5], 0.4),
        ("accuracy", [0.6, 0.8, 0.9], [0.7, 0.85, 0.8], 0.85),
    ],
)
def test_both_curves_and_the_best_epoch(figure, training, validation, best):
    drawn = axis()
    plots.history(drawn, history(), figure, "#0072B2")
    found = lines(drawn)
    np.testing.assert_array_equal(found["training"].get_xydata(), np.c_[[1, 2, 3], training])
    np.testing.assert_array_equal(found["validation"].get_xydata(), np.c_[[1, 2, 3], validation])
    assert found["training"].get_linestyle() == "--"
    assert found["validation"].get_linestyle() == "-"
    np.testing.assert_array_equal(found[f"best epoch, 2: {best}"].get_xydata(), [[2, best]])
    assert {each.get_color() for each in drawn.lines} == {"#0072B2"}
    assert texts(drawn)[1:] == ("epoch", figure)


def test_without_validation_the_best_is_that_of_training():
    drawn = axis()
    plots.history(drawn, history(validation_loss=[NAN] * 3, validation_accuracy=[NAN] * 3))
    assert set(lines(drawn)) == {"training", "best epoch, 3: 0.3"}


def test_a_single_epoch_can_be_seen():
    drawn = axis()
    plots.history(drawn, history(1))
    assert lines(drawn)["validation"].get_marker() == "."


def test_many_epochs_have_no_dots():
    drawn = axis()
    plots.history(drawn, History(*([0.5] * 31 for _ in range(5))))
    assert lines(drawn)["validation"].get_marker() == ""


@pytest.mark.parametrize(
    ("given", "figure", "message"),
    [
        (history(0), "loss", "the history has no epochs: train first"),
        (history(), "seconds", "'seconds' is no figure of a history: choose loss or accuracy"),
        (
            history(training_accuracy=[NAN] * 3, validation_accuracy=[NAN] * 3),
            "accuracy",
            "the history has no accuracy: its loss tells no right from wrong",
        ),
    ],
)
def test_what_cannot_be_drawn(given, figure, message):
    with pytest.raises(InputError, match=message):
        plots.history(axis(), given, figure)
