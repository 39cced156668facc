"""What a page holds, found by Python's own parser."""

from html.parser import HTMLParser

VOID = ("meta", "link", "img", "source")


class Page(HTMLParser):
    """Elements with their attributes, and texts; all elements must be closed in order."""

    def __init__(self, text):
        super().__init__()
        self.source = text
        self.elements, self.texts, self.open = [], [], []
        self.sections = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag == "section":
            self.sections.append([])
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.texts.append(data)
            if "section" in self.open:
                self.sections[-1].append(data)

    @property
    def text(self):
        """All that can be read."""
        return " ".join(" ".join(self.texts).split())

    def section(self, title):
        """All that can be read in the section of a title."""
        (found,) = (texts for texts in self.sections if texts[0] == title)
        return " ".join(" ".join(found[1:]).split())

    def all(self, tag):
        """Attributes of the elements of a name."""
        return [attributes for name, attributes in self.elements if name == tag]


def check(text):
    """A page whose pictures have sizes and alternatives, and which refers to nothing outside."""
    page = Page(text)
    for image in page.all("img"):
        assert image["alt"].strip()
        assert int(image["width"]) > 0
        assert int(image["height"]) > 0
    for tag, attributes in page.elements:
        for name in ("src", "srcset", "href", "action", "data", "poster"):
            where = attributes.get(name, "data:")
            assert where.startswith(("data:", "#")), (tag, where)
        assert not any(name.startswith("on") for name in attributes)
    assert "@import" not in text
    assert "url(" not in text
    return page
