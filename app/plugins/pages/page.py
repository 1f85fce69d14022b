"""The page of one plugin: the tree of its process, and everybody who looks at it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import orjson

from app.core.errors import Forbidden
from app.core.permissions import Actor
from app.plugins.pages.audience import Audience
from app.plugins.pages.events import PageEvent, Reply, WrongValues, question, seen_by
from app.plugins.pages.nodes import Node
from app.plugins.pages.patches import apply_patches
from app.plugins.pages.reader import PageRefused
from app.plugins.pages.tree import Tree
from app.plugins.pages.visible import NOTHING, for_clients
from app.plugins.wire import PluginDown

WAITING = '{"type":"waiting"}'


class Source(Protocol):
    """The process behind a page."""

    def tell_viewers(self, count: int) -> None:
        """How many look now."""

    async def ask(self, payload: dict[str, Any]) -> Reply:
        """What comes of an event. Raises the errors of app.plugins.wire."""


class PluginPage:
    """One page. It stays while processes come and go, as its viewers do."""

    def __init__(self) -> None:
        self._tree: Tree | None = None
        self._source: Source | None = None
        self._admins = Audience(lambda: self._whole(is_admin=True), self._count)
        self._clients = Audience(lambda: self._whole(is_admin=False), self._count)

    @property
    def viewers(self) -> int:
        """How many look."""
        return self._admins.viewers + self._clients.viewers

    # -- the plugin's side

    def begin(self, source: Source) -> None:
        """A process speaks from now on."""
        self._source = source
        if self.viewers:
            source.tell_viewers(self.viewers)

    def end(self, source: Source) -> None:
        """It has gone, and what it showed with it."""
        if self._source is source:
            self._source = None
        self._take(None)

    def show(self, given: Any) -> None:
        """Shows a tree. Raises PageRefused."""
        self._take(Tree(given))

    def patch(self, given: Any) -> None:
        """Changes the tree. Raises PageRefused."""
        if self._tree is None:
            raise PageRefused("There is no tree to patch. Show one first.")
        changes, size = apply_patches(self._tree, given)
        for change in changes:
            self._admins.add(change.admins, size)
            if change.shows_anew:
                self._clients.show_anew()
            elif change.clients is not None:
                self._clients.add(change.clients, size)

    def _take(self, tree: Tree | None) -> None:
        if self._tree is not tree:
            self._tree = tree
            self._admins.show_anew()
            self._clients.show_anew()

    # -- the viewers' side

    def tree(self, actor: Actor) -> Node | None:
        """What the actor may see of it now; None while there is nothing."""
        return self._seen(is_admin=actor.is_admin)

    @contextmanager
    def watching(self, actor: Actor) -> Iterator[Audience]:
        """Within it, the actor looks."""
        audience = self._admins if actor.is_admin else self._clients
        audience.enter()
        try:
            yield audience
        finally:
            audience.leave()

    async def take(self, actor: Actor, event: PageEvent) -> Reply:
        """Has the plugin do what a viewer pressed.

        Raises:
            Forbidden: a token may only read.
            NotFound, BadValue, Conflict: it cannot be pressed.
            ToruError: the errors of app.plugins.wire.
        """
        actor.require_read()
        if actor.token is not None and not actor.is_admin:
            raise Forbidden("This token may only read.")
        try:
            asked = question(self._tree, actor, event)
        except WrongValues as error:
            return Reply(ok=False, message=None, kind="error", errors=error.errors)
        if self._source is None:
            raise PluginDown("The plugin is not running now.")
        return seen_by(actor, await self._source.ask(asked), self._tree, event)

    def _seen(self, *, is_admin: bool) -> Node | None:
        if self._tree is None:
            return None
        return self._tree.root if is_admin else for_clients(self._tree.root) or NOTHING

    def _whole(self, *, is_admin: bool) -> str:
        tree = self._seen(is_admin=is_admin)
        return WAITING if tree is None else orjson.dumps({"type": "tree", "tree": tree}).decode()

    def _count(self) -> None:
        if self._source is not None:
            self._source.tell_viewers(self.viewers)


class PluginPages:
    """The pages of all plugins that have one of ours."""

    def __init__(self) -> None:
        self._pages: dict[str, PluginPage] = {}

    def of(self, plugin_id: str) -> PluginPage:
        """The page of this plugin."""
        return self._pages.setdefault(plugin_id, PluginPage())
