"""Light, dark or as the system: a choice that the browser keeps, so the server has no part in it."""

from nicegui.element import Element

from ui.static import static_url


class ThemeChoice(Element, component="theme_choice.js"):
    """Three radio buttons; any number of them may be shown, they keep in step."""

    def __init__(self) -> None:
        super().__init__()
        self.props["icons"] = static_url("icons.svg")
