"""Moments and spans, told by the browser in the reader's own clock and kept true while they are shown."""

from typing import Literal

from nicegui.element import Element

Mode = Literal["ago", "date", "elapsed", "uptime"]


class TimeText(Element, component="time_text.js"):
    """One `<time>`.

    Args:
        since: ISO 8601; None shows nothing.
        mode: "ago" (5 min ago), "date" (22 Nov 2026, 18:00:12), "elapsed" (1:02:03), "uptime" (41 d 6 h).
        until: where a span ends; None lets it run.
    """

    def __init__(self, since: str | None, mode: Mode, until: str | None = None) -> None:
        super().__init__()
        self.props["mode"] = mode
        self.set(since, until)

    def set(self, since: str | None, until: str | None = None) -> None:
        """Tells another time."""
        self.props["since"] = since
        self.props["until"] = until
        self.update()


def ago(moment: str | None) -> TimeText:
    """How long ago something was; the exact time is its title."""
    return TimeText(moment, "ago")


def date(moment: str | None) -> TimeText:
    """Date and time."""
    return TimeText(moment, "date")


def elapsed(since: str | None, until: str | None = None) -> TimeText:
    """A running clock, standing still once `until` is known."""
    return TimeText(since, "elapsed", until)


def uptime(since: str | None) -> TimeText:
    """A span in its two largest units."""
    return TimeText(since, "uptime")
