"""What a plugin under test shows, and what it answers to events on its page."""

import asyncio
from collections.abc import Callable, Mapping

from app.plugins.pages.patches import apply_patches
from app.plugins.pages.reader import PageRefused
from app.plugins.pages.tree import Tree


class PageWatch:
    """The page of one process.

    Args:
        is_due: whether the metadata says that there is one.
        complain: takes what is wrong with it.
    """

    def __init__(self, complain: Callable[[str], None], *, is_due: bool) -> None:
        self.shown = asyncio.Event()
        """Set as soon as a good tree is there."""

        self.problem = ""
        """Why the newest tree or patch was refused."""

        self.answers: dict[str, asyncio.Future[object]] = {}
        """What is waited for."""

        self._complain = complain
        self._is_due = is_due
        self._tree: Tree | None = None

    def take(self, request_id: object, payload: object) -> None:
        """Looks at a message."""
        fields = payload if isinstance(payload, Mapping) else {}
        action = fields.get("action")
        waiting = self.answers.pop(request_id, None) if isinstance(request_id, str) else None
        if not self._is_due:
            self._complain("It sent a message about its page, and its metadata does not say that it has one like that.")
        elif action == "done" and waiting is not None and not waiting.done():
            waiting.set_result(payload)
        elif action not in ("show", "patch"):
            self._complain(f"It sent a message about its page that was not due, with the action {action!r}.")
        else:
            try:
                self._draw(action == "show", fields)
            except PageRefused as error:
                self.problem = str(error)
                self._complain(f"What it showed is refused: {error}")

    def _draw(self, is_tree: bool, fields: Mapping[str, object]) -> None:
        if is_tree:
            self._tree = Tree(fields.get("tree"))
        elif self._tree is None:
            raise PageRefused("There is no tree to patch.")
        else:
            apply_patches(self._tree, fields.get("patches"))
        self.shown.set()
