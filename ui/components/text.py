"""Plain words in the right element: headings, paragraphs, spans."""

from nicegui import ui


class Text(ui.label):
    """Escaped text in an element of its own, such as h1, p or span."""

    def __init__(self, content: str, tag: str, classes: str = "") -> None:
        super().__init__(content)
        self.tag = tag
        if classes:
            self.classes(classes)


def heading(content: str, level: int = 2) -> Text:
    """A heading of the page's outline; the frame has the h1."""
    return Text(content, f"h{level}")


def paragraph(content: str, *, classes: str = "") -> Text:
    """A sentence or more."""
    return Text(content, "p", classes)


def span(content: str, *, classes: str = "") -> Text:
    """A few words within a line."""
    return Text(content, "span", classes)
