import hashlib
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sparsedend.report import markup
from sparsedend.report.markup import Markup, element, escaped
from tests.report.pages import Page, check

NAN = float("nan")


def test_texts_are_escaped_and_markup_is_not():
    inner = element("b", "<i>")
    assert element("p", "a & b", inner) == "<p>a &amp; b<b>&lt;i&gt;</b></p>"
    assert element("a", "x", href='"><script>') == '<a href="&quot;&gt;&lt;script&gt;">x</a>'
    assert (
        element("th", class_="x", data_value=3, scope=None) == '<th class="x" data-value="3"></th>'
    )
    assert element("img", alt="'") == '<img alt="&#x27;">'
    assert escaped(Markup("<b>")) == "<b>"


@given(some.text())
def test_no_text_becomes_an_element(text):
    page = Page(element("p", text, title=text))
    assert [tag for tag, _ in page.elements] == ["p"]
    if text.isprintable():
        assert "".join(page.texts) == text
        assert page.all("p")[0]["title"] == text


def test_control_characters_and_no_unicode_are_shown_by_their_codes():
    assert escaped("a\x00\x1b[1m\n\udcff") == r"a\x00\x1b[1m\n\udcff"


def test_a_table():
    made = markup.table("T", {"name": "", "share": ".1%", "n": ",d"}, [("a", 0.5, 1000)])
    page = Page(made)
    assert page.texts == ["name", "share", "n", "a", "50.0%", "1,000"]
    assert page.all("td") == [{}, {"class": "number"}, {"class": "number"}]
    assert page.all("table") == [{}]
    assert page.all("div")[0]["aria-label"] == "T"


def test_a_table_that_can_be_sorted_and_has_gaps():
    page = Page(markup.table("T", {"share": ".1%"}, [(1 / 3,), (None,), (NAN,)], sortable=True))
    assert page.texts == ["share", "33.3%", "–", "–"]
    assert page.all("td") == [{"class": "number"}] * 3
    assert page.all("table") == [{"class": "sortable"}]


def test_a_table_with_rows_of_another_length():
    with pytest.raises(ValueError, match="zip"):
        markup.table("T", {"a": ""}, [("x", "y")])


def test_pictures_for_light_and_dark():
    made = markup.image("image/png", "A cat", 4, 3, b"light", b"dark")
    page = Page(made)
    assert page.all("source") == [
        {
            "media": "(prefers-color-scheme: dark)",
            "srcset": f"data:image/png;base64,{b64encode(b'dark').decode()}",
        }
    ]
    (shown,) = page.all("img")
    assert shown.pop("src") == f"data:image/png;base64,{b64encode(b'light').decode()}"
    assert shown == {"alt": "A cat", "width": "4", "height": "3"}
    assert Page(markup.image("image/png", "A cat", 4, 3, b"light")).all("picture") == []


def test_a_page():
    text = markup.page("<t> $title", element("p", "lead"), {"A & B": element("p", "x"), "C": ""})
    page = check(text)
    assert page.all("a") == [{"href": "#part-1"}, {"href": "#part-2"}]
    assert [each["id"] for each in page.all("section")] == ["part-1", "part-2"]
    assert "<t> $title" in page.text
    assert text.startswith("<!DOCTYPE html>")


def test_only_its_own_style_and_script_may_run():
    text = markup.page("t", Markup(), {})
    (policy,) = (each for each in Page(text).all("meta") if "http-equiv" in each)
    rules = dict(rule.strip().split(" ", 1) for rule in policy["content"].split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    for kind in ("style", "script"):
        own = text.partition(f"<{kind}>")[2].partition(f"</{kind}>")[0]
        digest = b64encode(hashlib.sha256(own.encode()).digest()).decode()
        assert rules[f"{kind}-src"] == f"'sha256-{digest}'"
        assert len(own) > 100
