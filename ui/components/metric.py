"""Cards with one figure of the machine; the browser keeps them live, the server does nothing per second and viewer."""

from typing import Final, Literal

from nicegui.element import Element

from ui.components.parts import LIVE
from ui.static import static_url

Figure = Literal["cpu", "memory", "disk", "network"]
_LOOKS: Final[dict[Figure, tuple[str, str]]] = {
    "cpu": ("CPU", "cpu"),
    "memory": ("Memory", "memory-stick"),
    "disk": ("Disk", "hard-drive"),
    "network": ("Network", "network"),
}


class Metric(Element, component="metric.js", dependencies=list(LIVE)):
    """One figure: the number, the last minute as a line, what it is made of, and a bar."""

    def __init__(self, figure: Figure, classes: str) -> None:
        super().__init__()
        title, icon = _LOOKS[figure]
        self.classes(classes)
        self.props.update({"figure": figure, "title": title, "icon": icon, "icons": static_url("icons.svg")})


def metric(figure: Figure, *, classes: str = "span-3") -> Metric:
    """The card of one figure, following the machine live."""
    return Metric(figure, classes)
