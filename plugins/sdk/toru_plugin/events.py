"""What happens on a page and what a handler answers."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

Kind = Literal["success", "error", "info"]
MOST_MESSAGE = 2_000
"""Characters of a sentence for a viewer; Toru takes no more."""


class Viewer:
    """Who asks.

    Attributes:
        name: the user's name.
        role: `admin` or `client`.
    """

    __slots__ = ("name", "role")

    def __init__(self, name: str, role: str) -> None:
        self.name = name
        self.role = role

    @property
    def is_admin(self) -> bool:
        """Whether the viewer is an administrator."""
        return self.role == "admin"


class Event:
    """Something that a viewer did on the page.

    Attributes:
        id: of the component.
        viewer: who did it.
        values: of a form, by the names of its fields; typed as the fields are, None for an empty one.
        row: the key of the table's row, "" elsewhere.
        name: the action's name in the row, "" elsewhere.
    """

    __slots__ = ("id", "name", "row", "values", "viewer")

    def __init__(self, id: str, viewer: Viewer, values: dict[str, Any], row: str = "", name: str = "") -> None:
        self.id = id
        self.viewer = viewer
        self.values = values
        self.row = row
        self.name = name


class Problem(Exception):
    """Raised or returned by a handler: the viewer reads this sentence.

    Args:
        message: the sentence; may be empty where `errors` say it all.
        errors: a sentence by the name of a form's field.
        status: of the answer, where a request was handled.
    """

    def __init__(self, message: str = "", errors: Mapping[str, str] | None = None, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.errors = dict(errors or {})
        self.status = status


class Done:
    """What a handler may return where a plain text does not say enough.

    Args:
        message: what the viewer reads, None for nothing.
        kind: how it looks.
        go: a path of Toru's own to go to, such as `/plugins`.
    """

    __slots__ = ("go", "kind", "message")

    def __init__(self, message: str | None = None, kind: Kind = "success", go: str | None = None) -> None:
        self.message = message
        self.kind: Kind = kind
        self.go = go


Outcome = None | str | Problem | Done
Handler = Callable[[Event], Outcome]


def reply_of(outcome: object) -> dict[str, Any]:
    """What Toru is told about an event. Raises TypeError for an outcome that is none."""
    if outcome is None or isinstance(outcome, str):
        outcome = Done(outcome)
    if isinstance(outcome, Problem):
        return _done(outcome.message or None, "error", outcome.errors, None)
    if not isinstance(outcome, Done):
        raise TypeError(f"A handler returns None, a text, Done or Problem, not {type(outcome).__name__}.")
    return _done(outcome.message, outcome.kind, {}, outcome.go)


def _done(message: str | None, kind: str, errors: dict[str, str], go: str | None) -> dict[str, Any]:
    short = message and message[:MOST_MESSAGE]
    cut = {name: str(sentence)[:MOST_MESSAGE] for name, sentence in errors.items()}
    return {"action": "done", "message": short, "kind": kind, "errors": cut, "go": go}
