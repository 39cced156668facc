import math

import numpy as np
import pytest
from scipy import stats

from sparsedend import style
from sparsedend.figures import panels
from sparsedend.figures.bars import grouped
from sparsedend.figures.drawing import absent


@pytest.fixture
def axis():
    with style.journal():
        yield style.blank(3, 2).subplots()


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("dann-lrf", "dANN-LRF"),
        ("pdann", "pdANN"),
        ("vann", "vANN"),
        ("sann-grf", "sANN-GRF"),
        ("psann", "psANN"),
        ("vann-r", "vANN-R"),
    ],
)
def test_models_have_the_paper_s_names(model, name):
    assert panels.title(model) == name


def test_data_sets_have_the_paper_s_names_or_their_own():
    assert panels.named("cifar10") == "CIFAR-10"
    assert panels.named("birds") == "birds"


def test_the_confidence_interval_is_student_s():
    values = np.array([0.3, 0.5, 0.4, 0.9])
    low, high = stats.t.interval(0.95, 3, values.mean(), stats.sem(values))
    half = panels.confidence(values.std(ddof=1), 4)
    assert (values.mean() - half, values.mean() + half) == pytest.approx((low, high))
    assert math.isnan(panels.confidence(0.1, 1))


def test_mixed_colours():
    assert panels.mixed("#ff0000", "white", 0.25) == pytest.approx((1, 0.25, 0.25))
    assert panels.mixed("#ff0000", "black", 0.25) == pytest.approx((0.75, 0, 0))


def test_lines_have_a_shade_where_there_is_a_half(axis):
    panels.lines(axis, [1, 2, 3], [5, 6, 7], [1, math.nan, 2], color="red")
    (line,) = axis.lines
    np.testing.assert_array_equal(line.get_xydata(), [[1, 5], [2, 6], [3, 7]])
    (shade,) = axis.collections
    ends = np.concatenate([path.vertices for path in shade.get_paths()])
    assert {1, 3} >= set(ends[:, 0])
    assert ends[:, 1].max() <= 9


@pytest.mark.parametrize("channels", [1, 3])
def test_a_strip_has_all_images_and_their_captions(axis, channels):
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (4, 28, 14, channels), np.uint8)
    panels.strip(axis, images, ["one", "two"])
    shown = axis.images[0].get_array()
    assert shown.shape == (28, 4 * 15, 3)
    np.testing.assert_allclose(shown[:, 15:29], np.broadcast_to(images[1] / 255, (28, 14, 3)))
    assert [(text.get_text(), text.get_position()[0]) for text in axis.texts] == [
        ("one", 14.5),
        ("two", 44.5),
    ]


def test_floats_are_shown_as_they_are(axis):
    panels.strip(axis, np.full((1, 2, 2, 1), 0.5), ["a"])
    assert axis.images[0].get_array()[0, 0, 0] == 0.5


def test_examples_are_of_the_first_ten_classes(digits):
    images, names = panels.examples(digits, 3)
    assert names == list(digits.class_names)
    assert images.shape == (30, 8, 8, 1)
    first = digits.test_x[digits.test_y == 4][:3]
    np.testing.assert_array_equal(images[12:15], first)


def test_examples_are_fewer_where_no_class_has_so_many(digits):
    """One class has two, of which the others have one each."""
    parts = (digits.train_x, digits.train_y, digits.test_x[:4], np.array([3, 1, 3, 0]))
    few = type(digits)(digits.name, digits.class_names, *parts)
    images, names = panels.examples(few, 3)
    assert names == [digits.class_names[3]]
    np.testing.assert_array_equal(images, digits.test_x[[0, 2]])


FORMULA = r"a$_$b$\frac{$"


def test_names_hold_no_formulas(axis):
    """Drawn, each would end in an error of Matplotlib's."""
    figure = axis.figure
    panels.strip(axis, np.zeros((1, 2, 2, 1)), [FORMULA])
    panels.legend(figure, {FORMULA: {"color": "red"}}, 1)
    absent(figure.subplots(), FORMULA)
    grouped(figure.subplots(), {FORMULA: {}, "b": "no runs"}, {"a": "red"})
    panels.done(figure, [FORMULA])
    drawn = style.encoded(figure, "svg").decode()
    assert drawn.count(FORMULA) == 5


def test_a_figure_says_what_is_missing():
    with style.journal():
        figure = style.blank(3, 2)
        drawing = panels.done(figure, ["this", "that", "this"], ["shades are shades"])
    assert drawing.missing == ["this", "that"]
    said = figure._supxlabel.get_text()
    assert said == "Missing: this.\nMissing: that.\nshades are shades."


def test_an_empty_panel_says_why(axis):
    absent(axis, "no runs")
    assert axis.texts[0].get_text() == "no runs"
    assert not axis.axison


def test_a_legend_of_lines_and_patches():
    with style.journal():
        figure = style.blank(3, 2)
        looks = {"a": {"color": "red"}, "b": {"facecolor": "blue"}, "c": {"color": "red"}}
        panels.legend(figure, looks, 2)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["a", "c", "b"]


def test_letters_stand_above_their_panels():
    with style.journal():
        axes = style.blank(3, 2).subplot_mosaic("ab")
        panels.letters(axes, "ab")
    assert [axes[name].get_title(loc="left") for name in "ab"] == ["a", "b"]


def test_tables_are_columns_by_name():
    table = panels.table(("a", "b"), [(1, "x"), (2, "y")])
    assert {name: each.tolist() for name, each in table.items()} == {"a": [1, 2], "b": ["x", "y"]}
    assert panels.table(("a",), []) == {}
