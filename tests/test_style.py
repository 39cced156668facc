import pytest

from sparsedend import style


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("dann-r", "r"),
        ("vann-lrf", "lrf"),
        ("sann-grf", "grf"),
        ("pdann", "pdann"),
        ("vann", "vann"),
    ],
)
def test_a_model_has_the_colour_of_its_rule(model, family):
    assert style.colour(model) == style.COLOURS[family]


def test_unknown_models_are_black():
    assert style.colour("mine") == "#000000"


def test_the_same_figure_gives_the_same_bytes(tmp_path):
    written = []
    for name in ("a", "b"):
        with style.journal():
            figure = style.blank(2, 1)
            figure.subplots().plot([1, 2])
            written.append(style.save(figure, tmp_path / name, ("png", "svg", "pdf")))
    assert [path.name for path in written[0]] == ["a.png", "a.svg", "a.pdf"]
    for first, second in zip(*written, strict=True):
        assert first.read_bytes() == second.read_bytes()


def test_what_the_user_has_set_comes_back():
    import matplotlib

    matplotlib.rcParams["font.size"] = 31
    with style.journal():
        assert matplotlib.rcParams["font.size"] == 7
    assert matplotlib.rcParams["font.size"] == 31
    matplotlib.rcdefaults()
