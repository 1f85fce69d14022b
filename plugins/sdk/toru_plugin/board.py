"""The page between the plugin's functions and Toru: built, kept, patched at most 20 times a second, listened to."""

import threading
import time
from collections.abc import Callable
from typing import Any

from toru_plugin.changes import Changes
from toru_plugin.components import card, text
from toru_plugin.events import Event, Problem, Viewer, reply_of
from toru_plugin.logs import Log
from toru_plugin.tree import Node, NoSuchComponent, Tree
from toru_plugin.wire import Link, Offline

PAUSE_SECONDS = 1 / 20
MOST_EARLY = 1000
"""Changes that are kept while the page is being built."""

Builder = Callable[[], Node]


class Board:
    """One page. Every method may be called by any thread.

    Args:
        link: the way to Toru.
        log: takes what goes wrong.
    """

    def __init__(self, link: Link, log: Log) -> None:
        self.builder: Builder | None = None
        self.viewers = 0
        self._link = link
        self._log = log
        self._news = threading.Condition()
        self._life: object | None = None
        self._forget()

    def _forget(self) -> None:
        self._tree: Tree | None = None
        self._stale = True
        self._building = False
        self._early: list[dict[str, Any]] = []
        self._changes = Changes()
        self._sent_whole = False
        self._replies: list[tuple[str, dict[str, Any]]] = []

    def open(self) -> None:
        """Shows the page, from now on."""
        if self.builder is not None:
            self._life = life = object()
            threading.Thread(target=self._paint, args=(life,), name="page", daemon=True).start()

    def close(self) -> None:
        """Ends that."""
        with self._news:
            self._life = None
            self.viewers = 0
            self._forget()
            self._news.notify_all()

    def change(self, patch: dict[str, Any]) -> None:
        """Changes a component soon. Raises NoSuchComponent, ValueError, and RuntimeError where there is no page."""
        if self.builder is None:
            raise RuntimeError("This plugin has no page. A function below @plugin.page makes one.")
        with self._news:
            if self._tree is None or self._building:
                self._early = [*self._early[-MOST_EARLY:], patch]
                return
            self._changes.add(self._tree.apply(patch))
            self._news.notify_all()

    def refresh(self) -> None:
        """Builds the page anew soon."""
        with self._news:
            self._stale = True
            self._news.notify_all()

    def refused(self) -> None:
        """Toru did not take the last message. After a patch the whole page is sent: it may fit where the patch did not.

        Toru says why in the plugin's log.
        """
        with self._news:
            if self._tree is not None and not self._sent_whole:
                self._changes.show_whole()
                self._news.notify_all()

    def event(self, request_id: str, payload: dict[str, Any]) -> None:
        """Lets a handler answer what a viewer did. What it changed is shown before its answer."""
        reply = reply_of(self._handled(payload))
        with self._news:
            self._replies.append((request_id, reply))
            self._news.notify_all()

    def _handled(self, payload: dict[str, Any]) -> Any:
        viewer, value = payload.get("viewer") or {}, payload.get("value") or {}
        event = Event(
            str(payload.get("id")),
            Viewer(str(viewer.get("name", "")), str(viewer.get("role", "client"))),
            value.get("values") or {},
            str(value.get("row", "")),
            str(value.get("name", "")),
        )
        handler = self._handler(event.id, str(payload.get("event")))
        if handler is None:
            return Problem("This is no longer here.")
        try:
            outcome = handler(event)
            reply_of(outcome)
        except Problem as problem:
            return problem
        except (Exception, SystemExit):  # noqa: BLE001 - whatever it is, the viewer gets an answer
            self._log.exception(f"The handler of “{event.id}” failed.")
            return Problem("Something went wrong in the plugin. Its log says what.")
        return outcome

    def _handler(self, id: str, name: str) -> Callable[[Event], Any] | None:
        with self._news:
            try:
                return self._tree.find(id).handlers.get(name) if self._tree else None
            except NoSuchComponent:
                return None

    def _paint(self, life: object) -> None:
        """The thread of the page, for as long as one connection lives."""
        due = 0.0
        while self._wait(life, due):
            if self._stale and not self._build(life):
                return
            with self._news:
                message, replies, self._replies = self._message(), self._replies, []
            try:
                if message is not None:
                    due = time.monotonic() + PAUSE_SECONDS
                    self._send(message)
                for request_id, reply in replies:
                    self._send(reply, request_id)
            except Offline:
                return

    def _wait(self, life: object, due: float) -> bool:
        """Waits until something may be sent; False when there is no page any more."""
        with self._news:
            while self._life is life:
                left = due - time.monotonic()
                has_changed = self._stale or bool(self._changes)
                if has_changed and left <= 0:
                    return True
                if self._replies and not has_changed:
                    return True
                self._news.wait(left if has_changed else None)
            return False

    def _message(self) -> dict[str, Any] | None:
        if self._tree is None or not self._changes:
            return None
        self._sent_whole = self._changes.whole
        if self._sent_whole:
            self._changes.take()
            return {"action": "show", "tree": self._tree.root.as_json()}
        return {"action": "patch", "patches": self._changes.take()}

    def _send(self, message: dict[str, Any], request_id: str | None = None) -> None:
        try:
            self._link.send("page", message, request_id)
        except (TypeError, ValueError):
            self._log.exception("Something of the page cannot be said in JSON, so it is not shown.")

    def _build(self, life: object) -> bool:
        """Lets the plugin's function build the page; what changes meanwhile is done to the new one.

        False when nobody waits for it any more.
        """
        with self._news:
            self._stale, self._building = False, True
        tree = self._built()
        with self._news:
            if self._life is not life:
                return False
            self._tree, self._building = tree, False
            early, self._early = self._early, []
            for patch in early:
                try:
                    tree.apply(patch)
                except (LookupError, ValueError) as error:
                    self._log.warn("A change came while the page was being built, and does not fit.", str(error))
            self._changes.show_whole()
        return True

    def _built(self) -> Tree:
        try:
            root = self.builder() if self.builder else None
            if not isinstance(root, Node):
                raise TypeError(f"The function of the page returns a component, not {type(root).__name__}.")  # noqa: TRY301
            return Tree(root)
        except (Exception, SystemExit):  # noqa: BLE001 - whatever it is, the viewers read a sentence
            self._log.exception("The page could not be built.")
            return Tree(card("This page could not be built", text("The log of the plugin says why.")))
