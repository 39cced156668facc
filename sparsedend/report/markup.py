"""HTML of which every text is escaped, and the page that it makes."""

from __future__ import annotations

import base64
import hashlib
import html
import math
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from string import Template
from typing import Any

from ..errors import one_line
from ..version import __version__

#: Elements that have no contents.
VOID = ("img", "source")
NOTHING = "–"


class Markup(str):
    """A text that is HTML already."""


def escaped(text: object) -> Markup:
    """HTML that shows a text as it is; control characters and what is no Unicode by their codes."""
    if isinstance(text, Markup):
        return text
    return Markup(html.escape(one_line(str(text)).encode("utf-8", "backslashreplace").decode()))


def element(name: str, *contents: object, **attributes: object) -> Markup:
    """An element; what is no markup is escaped, and an attribute that is None is left out.

    Attributes are named as in HTML, ``-`` as ``_`` and with a ``_`` after names that Python has.
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escaped(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in VOID:
        return Markup(f"<{name}{given}>")
    return Markup(f"<{name}{given}>{''.join(map(escaped, contents))}</{name}>")


def table(
    title: str,
    columns: Mapping[str, str],
    rows: Iterable[Sequence[Any]],
    *,
    sortable: bool = False,
) -> Markup:
    """A table that scrolls where it is too wide.

    Parameters
    ----------
    title : str
        Said to those who do not see it.
    columns : mapping of str to str
        How the numbers of each column are formatted; texts have the empty format.
    rows : iterable of sequences
        One value a column; None and NaN are shown as a dash.
    sortable : bool
        Whether a click on its head sorts a column.
    """
    head = [
        element("th", name, scope="col", class_="number" if form else None)
        for name, form in columns.items()
    ]
    body = [
        element(
            "tr",
            *(_cell(value, form) for value, form in zip(row, columns.values(), strict=True)),
        )
        for row in rows
    ]
    whole = element(
        "table",
        element("thead", element("tr", *head)),
        element("tbody", *body),
        class_="sortable" if sortable else None,
    )
    return element("div", whole, class_="scroll", tabindex=0, role="region", aria_label=title)


def facts(pairs: Mapping[str, str]) -> Markup:
    """A few figures, each with its name."""
    return element(
        "dl",
        *(
            element("div", element("dt", name), element("dd", value))
            for name, value in pairs.items()
        ),
        class_="facts",
    )


def image(
    kind: str, alt: str, width: int, height: int, light: bytes, dark: bytes | None = None
) -> Markup:
    """A picture within the page, and another one for dark pages where there is one.

    Parameters
    ----------
    kind : str
        MIME type.
    alt : str
        What it shows, for those who do not see it.
    width, height : int
        In pixels of CSS.
    """
    shown = element("img", src=_data(kind, light), alt=alt, width=width, height=height)
    if dark is None:
        return shown
    query = "(prefers-color-scheme: dark)"
    return element("picture", element("source", media=query, srcset=_data(kind, dark)), shown)


def figure(picture: Markup, caption: str) -> Markup:
    """A picture with what it shows."""
    return element("figure", picture, element("figcaption", caption))


def page(title: str, lead: Markup, sections: Mapping[str, Markup]) -> str:
    """A whole page of sections by their titles."""
    folder = resources.files(__package__)
    style, script, frame = (
        folder.joinpath(name).read_text(encoding="utf-8")
        for name in ("page.css", "sort.js", "page.html")
    )
    numbered = list(enumerate(sections.items(), start=1))
    links = (
        element("li", element("a", name, href=f"#part-{number}")) for number, (name, _) in numbered
    )
    return Template(frame).substitute(
        title=escaped(title),
        version=escaped(__version__),
        lead=lead,
        contents=element("ul", *links),
        sections="\n".join(
            element("section", element("h2", name), contents, id=f"part-{number}")
            for number, (name, contents) in numbered
        ),
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
    )


def _cell(value: Any, form: str) -> Markup:
    if not form:
        return element("td", value)
    shown = NOTHING if value is None or math.isnan(value) else format(value, form)
    return element("td", shown, class_="number")


def _data(kind: str, contents: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(contents).decode()}"


def _hash(text: str) -> str:
    """What allows this text alone as style or script of the page."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
