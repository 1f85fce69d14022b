"""A switch: something is so or not, and takes effect at once."""

from collections.abc import Awaitable, Callable
from typing import Any

from nicegui.element import Element


class Switch(Element, component="switch_row.js"):
    """One row: words at the left, the switch at the right.

    Args:
        label: what is so while it is on.
        hint: what that means.
        value: whether it is on; stays until `show` says otherwise.
        on_flip: given an event whose `args` is whether somebody wants it on.
    """

    def __init__(self, label: str, hint: str, value: bool, on_flip: Callable[[Any], Awaitable[None] | None]) -> None:
        super().__init__()
        self.props["label"] = label
        self.props["hint"] = hint
        self.show(value)
        self.on("flip", on_flip)

    def show(self, value: bool) -> None:
        """Turns it."""
        self.props["value"] = value
        self.update()
