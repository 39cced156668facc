import numpy as np
import pytest

import sparsedend as sd
from sparsedend import InputError, analysis, backends


def test_a_worked_example():
    """Three of class 0, one of them taken for 2; one of class 2, taken for 1."""
    found = analysis.confusion_matrix([0, 0, 2, 0], [0, 2, 1, 0], 3)
    np.testing.assert_array_equal(found, [[2, 0, 1], [0, 0, 0], [0, 1, 0]])


def test_small_integers_do_not_overflow():
    labels = np.full(3, 200, np.uint8)
    found = analysis.confusion_matrix(labels, labels, 201)
    assert found[200, 200] == found.sum() == 3


@pytest.mark.parametrize(
    ("labels", "predicted", "message"),
    [
        ([0.5], [0], "labels are float64"),
        ([0, 1], [0], r"predicted classes are int64 of shape \(1,\): give one integer for each"),
        ([[0]], [[0]], "labels are int64 of shape"),
        ([0, 3], [0, 0], "labels go from 0 to 3: give 0 to 2"),
        ([0, 0], [-1, 0], "predicted classes go from -1 to 0: give 0 to 2"),
        ([[0, 1], [1]], [0, 0], "a list makes no array of numbers"),
    ],
)
def test_what_cannot_be_counted(labels, predicted, message):
    with pytest.raises(InputError, match=message):
        analysis.confusion_matrix(labels, predicted, 3)


@pytest.mark.parametrize("classes", [2.0, None, "2", 0, -1])
def test_classes_are_a_number(classes):
    with pytest.raises(InputError, match=r"classes is .*: give a whole number of 1 or more"):
        analysis.confusion_matrix([0, 1], [1, 1], classes)


def network(classes=10, **more):
    sizes = {"dendrites": 2, "somata": 3, "backend": backends.create("numpy")}
    return sd.models.build("dann-r", (8, 8, 1), classes, **sizes, **more)


def test_probabilities_of_the_test_images(digits):
    made = network()
    found = analysis.class_probabilities(made, digits)
    np.testing.assert_array_equal(found, sd.predict(made, digits.test_x, probabilities=True))


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (network(4), "'digits' has 10 classes, but the network tells 4 apart: give the data set"),
        (network(loss=sd.losses.MeanSquaredError()), "which tells no classes apart"),
    ],
)
def test_networks_of_other_classes_or_none(made, message, digits):
    with pytest.raises(InputError, match=message):
        analysis.class_probabilities(made, digits)
