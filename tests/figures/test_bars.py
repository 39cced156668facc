import math

import pytest

from sparsedend import style
from sparsedend.figures.bars import SHARE, Bar, grouped, logarithmic
from sparsedend.figures.scores import Spread

COLOURS = {"a": "#ff0000", "b": "#00ff00"}


@pytest.fixture
def axis():
    with style.journal():
        yield style.blank(3, 2).subplots()


def bar(height, deviation=math.nan, hatched=False):
    return Bar(Spread(height, deviation), hatched)


def test_bars_stand_beside_each_other(axis):
    grouped(axis, {"one": {"a": bar(1), "b": bar(2)}, "two": {"b": bar(3)}}, COLOURS)
    found = [(each.get_x(), each.get_height()) for each in axis.patches]
    left = -SHARE / 2
    assert found == [
        (pytest.approx(left), 1),
        (pytest.approx(left + SHARE / 2), 2),
        (pytest.approx(1 + left + SHARE / 2), 3),
    ]
    assert [each.get_facecolor()[:3] for each in axis.patches] == [(1, 0, 0), (0, 1, 0), (0, 1, 0)]
    assert [text.get_text() for text in axis.get_xticklabels()] == ["one", "two"]


def test_deviations_and_hatches(axis):
    grouped(axis, {"one": {"a": bar(1, 0.5), "b": bar(2, hatched=True)}}, COLOURS)
    (ends,) = (each.get_segments() for each in axis.collections)
    assert ends[0][:, 1].tolist() == [0.5, 1.5]
    assert [each.get_hatch() for each in axis.patches] == [None, "/////"]


def test_what_stands_above_a_bar(axis):
    """Over the end of its line, and never below the axis."""
    bars = {"a": Bar(Spread(1, 0.5), above="*"), "b": Bar(Spread(-2, math.nan), above="**")}
    grouped(axis, {"one": bars}, COLOURS)
    found = [(text.get_text(), text.get_position()[1]) for text in axis.texts]
    assert found == [("*", 1.5), ("**", 0)]


def test_what_is_missing_stands_in_its_place(axis):
    grouped(axis, {"one": {"a": bar(1)}, "two": "no runs"}, COLOURS)
    (text,) = axis.texts
    assert (text.get_text(), text.get_position()[0]) == ("no runs", 1)


def test_a_logarithmic_axis_begins_below_the_shortest_bar(axis):
    groups = {"one": {"a": bar(30), "b": bar(900)}, "two": "no runs"}
    grouped(axis, groups, COLOURS)
    logarithmic(axis, groups)
    assert axis.get_yscale() == "log"
    assert axis.get_ylim()[0] == pytest.approx(10)


def test_without_bars_the_axis_stays_linear(axis):
    logarithmic(axis, {"one": "no runs"})
    assert axis.get_yscale() == "linear"
