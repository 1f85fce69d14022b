"""The terminal of a run: a widget that follows the run's byte stream by itself, and may send keystrokes to it."""

from nicegui import ui

from theme.terminal import search_colours, terminal_options
from ui.static import static_url


class Terminal(
    ui.xterm,
    component="terminal.js",
    dependencies=[f"terminal_{part}.js" for part in ("clipboard", "guard", "keys", "link", "search", "template")],
):
    """Shows the bytes of one run.

    Children stand in its title bar. The bytes never pass through NiceGUI: the browser opens `socket` by itself.

    Args:
        socket: path of the run's byte stream, `/api/ws/runs/{id}`.
        label: what it is, for screen readers.
        download: where the whole output is downloaded from.
        writable: whether keystrokes and the size of the window go to the run.
        line_ends: whether a bare line feed also returns the carriage, for runs without a terminal of their own.
        backlog: bytes already written; what they ask the terminal (where is the cursor?) is not answered again.
        nothing: what stands there when it ended without output.
        gone: whether nothing of its output is kept; `nothing` says so.
    """

    def __init__(
        self,
        *,
        socket: str,
        label: str,
        download: str | None = None,
        writable: bool = False,
        line_ends: bool = False,
        backlog: int = 0,
        nothing: str = "It wrote nothing.",
        gone: bool = False,
    ) -> None:
        super().__init__({**terminal_options(), "convertEol": line_ends})
        self.props.update(
            {
                "socket": socket,
                "download": download,
                "icons": static_url("icons.svg"),
                "label": label,
                "colours": search_colours(),
                "writable": writable,
                "backlog": backlog,
                "nothing": nothing,
                "gone": gone,
            }
        )
