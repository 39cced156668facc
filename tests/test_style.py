from io import BytesIO

import numpy as np
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


def read(png):
    """Colours of the pixels of a PNG, 0 … 255, without their opacity."""
    from matplotlib.image import imread

    return np.round(255 * imread(BytesIO(png))[:, :, :3]).astype(int)


def test_pixels_of_an_image():
    """Bytes and floats, colours and grey; what is beyond 0 … 1 is cut off."""
    image = np.array([[[0, 128, 255], [7, 7, 7]]], np.uint8)
    np.testing.assert_array_equal(read(style.pixels(image)), image)
    grey = np.array([[[0.0], [1.5], [-1.0], [0.5]]], np.float32)
    expected = np.array([0, 255, 0, 128])[None, :, None] + np.zeros(3, int)
    np.testing.assert_allclose(read(style.pixels(grey)), expected, atol=1)
    two = np.array([[[0, 255]]], np.uint8)
    np.testing.assert_allclose(read(style.pixels(two)), [[[128] * 3]], atol=1)


@pytest.mark.parametrize(
    ("shape", "size"),
    [((10, 20), (7.2, 3 + 0.5)), ((100, 10), (0.8 + 1.2, 8.5)), ((2, 3), (3, 1.2 + 0.5))],
)
def test_a_figure_is_as_large_as_its_image_allows(shape, size):
    figure = style.blank(4, 1)
    axis = figure.subplots()
    axis.imshow(np.zeros(shape))
    style.fit(figure, axis, 1.2, 0.5)
    np.testing.assert_allclose(figure.get_size_inches(), size)
