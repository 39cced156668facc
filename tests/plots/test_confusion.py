import numpy as np
import pytest

from sparsedend import InputError, plots
from tests.plots.drawn import axis, texts

COUNTS = np.array([[3, 1, 0], [0, 4, 0], [2, 0, 0]])


def test_cells_have_their_share_and_their_number():
    drawn = axis()
    plots.confusion(drawn, COUNTS, ["ant", "bee", "cat"])
    (image,) = drawn.images
    np.testing.assert_allclose(image.get_array(), [[0.75, 0.25, 0], [0, 1, 0], [1, 0, 0]])
    assert image.get_clim() == (0, 1)
    cells = {each.get_position(): each.get_text() for each in drawn.texts}
    assert cells == {(0, 0): "3", (1, 0): "1", (1, 1): "4", (0, 2): "2"}
    ink = {each.get_position(): each.get_color() for each in drawn.texts}
    assert (ink[0, 0], ink[1, 0]) == ("white", "black")
    assert [each.get_text() for each in drawn.get_yticklabels()] == ["ant", "bee", "cat"]
    assert texts(drawn) == ("7 of 10 right (70.00%)", "taken for", "class")


def test_a_class_without_samples_has_an_empty_row():
    drawn = axis()
    plots.confusion(drawn, [[1, 0], [0, 0]])
    np.testing.assert_array_equal(drawn.images[0].get_array(), [[1, 0], [0, 0]])
    assert [each.get_text() for each in drawn.get_xticklabels()] == ["0", "1"]


@pytest.mark.parametrize(("classes", "cells", "names"), [(20, 20, 20), (21, 0, 21), (51, 0, None)])
def test_many_classes(classes, cells, names):
    drawn = axis()
    plots.confusion(drawn, np.eye(classes, dtype=int))
    assert len(drawn.texts) == cells
    if names is not None:
        assert len(drawn.get_xticklabels()) == names
    else:
        assert len(drawn.get_xticks()) < 20


def test_names_may_be_numbers():
    drawn = axis()
    plots.confusion(drawn, np.eye(2, dtype=int), [7, 9])
    assert [each.get_text() for each in drawn.get_xticklabels()] == ["7", "9"]


def test_names_are_shown_letter_by_letter():
    drawn = axis()
    plots.confusion(drawn, np.eye(2, dtype=int), [r"$\frac{", "x" * 100])
    drawn.figure.canvas.draw()
    assert [len(each.get_text()) for each in drawn.get_yticklabels()] == [8, 18]


@pytest.mark.parametrize(
    ("counts", "names", "message"),
    [
        ([[1, 2]], None, r"counts are int64 of shape \(1, 2\): give integers"),
        ([[0.5]], None, "counts are float64"),
        ([[1, 0], [0, 1]], ["ant"], r"names of classes have shape \(1,\): give one"),
        ([[1, 0], [0, 1]], 5, r"names of classes have shape \(\): give one for each of 2 classes"),
        (5, None, r"counts are int64 of shape \(\): give integers"),
        (None, None, r"counts are object of shape \(\): give integers"),
        ([[1, 2], [3]], None, "a list makes no array of numbers"),
        ([[-1, 5], [1, 1]], None, "counts go down to -1: give numbers of samples"),
        ([[0, 0], [0, 0]], None, "the confusion matrix has no samples"),
    ],
)
def test_what_cannot_be_drawn(counts, names, message):
    with pytest.raises(InputError, match=message):
        plots.confusion(axis(), counts, names)
