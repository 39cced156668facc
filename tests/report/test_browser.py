"""The pages in a real browser: no errors, no requests, pictures that can be seen."""

import shutil

import numpy as np
import pytest

import sparsedend as sd
from sparsedend import backends, datasets, report
from sparsedend.sweep import Results
from tests.report.test_sweeps import row

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
SIZES = {"wide": {"width": 1280, "height": 900}, "narrow": {"width": 375, "height": 800}}
EVIL = ('<script>document.title="evil"</script>', '"><img src="http://127.0.0.1:9/x">')


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="no playwright: pip install playwright"
    )
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("no browser: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A page on a network with names that would do harm, and one on a sweep."""
    folder = tmp_path_factory.mktemp("pages")
    rng = np.random.default_rng(1)
    names = (*EVIL, "猫", *"abcdefg")
    x, y = rng.integers(0, 256, (40, 8, 8, 1)).astype(np.uint8), np.arange(40) % 10
    data = datasets.Dataset("</title><script>x", names, x, y, x, y)
    engine = backends.create("numpy")
    network = sd.models.build("dann-lrf", (8, 8, 1), 10, somata=20, backend=engine)
    training = sd.Training()
    sd.fit(network, x, y, epochs=3, training=training)
    sd.save(network, folder / "network.h5", training=training)
    runs = [
        row(model, accuracy, dendrites=dendrites)
        for model, accuracy in (("vann", 0.5), ("dann-r", 0.75))
        for dendrites in (2, 10, 1)
    ]
    runs += [row("vann", 0.6, dendrites=2, seed=2), row("vann", 0.9, dendrites=10, seed=2)]
    Results(runs).write(folder / "sweep.h5")
    texts = {
        "network": report.of_checkpoint(folder / "network.h5", data, backend=engine),
        "sweep": report.of_sweep(folder / "sweep.h5"),
    }
    for name, text in texts.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def opened(browser, pages):
    """Opens a page, and collects what it asks for and complains of."""
    contexts = []

    def open_(name, size="wide", scheme="light"):
        context = browser.new_context(viewport=SIZES[size], color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.asked, page.said = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.on("dialog", lambda dialog: page.said.append(dialog.message))
        page.goto((pages / f"{name}.html").as_uri())
        page.wait_for_load_state("networkidle")
        return page

    yield open_
    for context in contexts:
        context.close()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["network", "sweep"])
def test_pictures_are_seen_and_nothing_is_asked_for(name, scheme, size, opened, pages):
    page = opened(name, size, scheme)
    assert page.said == []
    outside = [each for each in page.asked if not each.startswith("data:")]
    assert outside == [(pages / f"{name}.html").as_uri()]
    images = page.evaluate(
        """() => [...document.images].map(each => ({
            alt: each.alt, complete: each.complete, natural: each.naturalWidth,
            width: each.getBoundingClientRect().width,
            height: each.getBoundingClientRect().height,
            right: each.getBoundingClientRect().right,
            dark: each.currentSrc === each.parentElement.querySelector("source")?.srcset,
        }))"""
    )
    assert len(images) >= 2
    for image in images:
        assert image["alt"]
        assert image["complete"]
        assert image["natural"] > 0
        assert min(image["width"], image["height"]) > 20
        assert image["right"] <= SIZES[size]["width"]
        assert image["dark"] == (scheme == "dark" and "Test image" not in image["alt"])
    # Tables scroll by themselves; the page never does so sideways.
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size]["width"]
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(22, 23, 26)"}[scheme]


def test_names_do_no_harm(opened):
    page = opened("network")
    assert page.title() == "network.h5"
    assert page.evaluate("document.scripts.length") == 1
    assert all(name in page.inner_text("main") for name in (*EVIL, "猫"))


def column(page, title):
    """Values of a column of the last table."""
    return page.evaluate(
        """title => {
            const table = [...document.querySelectorAll("table.sortable")].at(-1);
            const at = [...table.tHead.rows[0].cells].findIndex(
                each => each.textContent === title);
            return [...table.tBodies[0].rows].map(row => row.cells[at].textContent);
        }""",
        title,
    )


def test_dashes_come_last_whichever_way(opened):
    """Of one trial there is no deviation."""
    page = opened("sweep")
    head = page.locator("section:last-of-type th", has_text="± of loss")
    for numbers in (["0.0707", "0.2828"], ["0.2828", "0.0707"]):
        head.locator("button").click()
        assert column(page, "± of loss") == [*numbers, *["–"] * 4]


def test_a_click_sorts_the_table(opened):
    page = opened("sweep")
    head = page.locator("section:last-of-type th", has_text="dendrites")
    assert column(page, "dendrites") == ["1", "2", "10"] * 2
    head.locator("button").click()
    assert column(page, "dendrites") == ["1", "1", "2", "2", "10", "10"]
    assert head.get_attribute("aria-sort") == "ascending"
    head.locator("button").press("Enter")
    assert column(page, "dendrites") == ["10", "10", "2", "2", "1", "1"]
    assert head.get_attribute("aria-sort") == "descending"
    page.locator("section:last-of-type th", has_text="model").locator("button").click()
    assert column(page, "model") == ["dann-r"] * 3 + ["vann"] * 3
    # Equal ones stay in their order.
    assert column(page, "dendrites") == ["10", "2", "1"] * 2
    assert head.get_attribute("aria-sort") is None


def test_without_scripts_the_table_is_there(browser, pages):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((pages / "sweep.html").as_uri())
    assert page.locator("section:last-of-type tbody tr").count() == 6
    assert page.locator("th button").count() == 0
    context.close()
