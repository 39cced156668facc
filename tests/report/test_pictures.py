import base64

import numpy as np
import pytest

from sparsedend.report import pictures
from tests.report.pages import Page


def svg(markup):
    """Both pictures as texts, light first."""
    page = Page(markup)
    light, dark = page.all("img")[0]["src"], page.all("source")[0]["srcset"]
    return [base64.b64decode(each.partition("base64,")[2]).decode() for each in (light, dark)]


def test_ink_of_light_and_dark_pages():
    drawn = pictures.picture(lambda figure, axis: axis.set_title("猫"), "A title")
    light, dark = svg(drawn)
    assert "猫" in light
    assert light != dark
    assert light.replace(pictures.LIGHT, "ink") == dark.replace(pictures.DARK, "ink")
    assert pictures.INK not in light + dark
    (image,) = Page(drawn).all("img")
    assert (image["width"], image["height"], image["alt"]) == ("403", "269", "A title")


def test_colours_of_models():
    assert pictures.colour("dann-lrf") == "#D55E00"
    assert pictures.colour("") == pictures.INK


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((8, 8, 1), (96, 96)),
        ((96, 48, 3), (48, 96)),
        ((97, 97, 3), (49, 49)),
        ((500, 1000, 3), (91, 46)),
        ((28, 28, 2), (84, 84)),
    ],
)
def test_images_are_small_and_keep_their_shape(shape, size):
    (image,) = Page(pictures.pixels(np.zeros(shape, np.uint8), "An image")).all("img")
    assert (int(image["width"]), int(image["height"])) == size
    assert image["src"].startswith("data:image/png;base64,iVBOR")
