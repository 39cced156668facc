from matplotlib.figure import Figure

from sparsedend.plots import words


def test_a_name_is_one_short_line_and_no_formula():
    assert words.name("Bag") == "Bag"
    assert words.name("a\nb") == "a b"
    assert words.name("x" * 18) == "x" * 18
    assert words.name("x" * 19) == "x" * 17 + "…"
    figure = Figure()
    drawn = figure.text(0, 0, words.name(r"$\frac{$"))
    figure.canvas.draw()
    assert drawn.get_text() == r"\$\frac{\$"


def test_which_part_is_shown():
    assert words.part("somata", range(3), 3) == "all 3 somata"
    assert words.part("somata", [2, 0, 1], 3) == "all 3 somata"
    assert words.part("somata", [0, 0, 1, 1], 4) == "somata 0, 0, 1, 1 of 4"
    assert words.part("somata", range(12), 1200) == "somata 0 … 11 of 1,200"
    assert words.part("somata", [3, 4, 5], 9) == "somata 3 … 5 of 9"
    assert words.part("somata", [3, 4], 9) == "somata 3, 4 of 9"
    assert words.part("somata", [7, 3, 5], 9) == "somata 7, 3, 5 of 9"
    assert words.part("somata", [5, 6, 8], 9) == "somata 5, 6, 8 of 9"
