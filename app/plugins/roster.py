"""The plugins that the folder offers now, each with its supervisor: what came, changed or went since the last look."""

from collections.abc import Awaitable, Callable, Iterator
from functools import partial

from app.core.tasks import TaskKeeper
from app.plugins.catalog import Candidate, Offer
from app.plugins.schemas import PluginProblem
from app.plugins.supervisor import Supervisor, Surroundings


class Roster:
    """Who is there. A supervisor stays for good: when the plugin's file comes back, its last process has ended first.

    Args:
        surroundings: of every supervisor.
        arrived: called with each plugin that is new or back; starts it where it is to run.
        changed: called with the id of a plugin after each change.
        gave_up: called with a plugin that will not be started again, and the reason.
    """

    def __init__(
        self,
        surroundings: Surroundings,
        tasks: TaskKeeper,
        arrived: Callable[[Supervisor], Awaitable[None]],
        changed: Callable[[str], None],
        gave_up: Callable[[Supervisor, str], None],
    ) -> None:
        self.problems: list[PluginProblem] = []
        self._surroundings = surroundings
        self._tasks = tasks
        self._arrived = arrived
        self._changed = changed
        self._gave_up = gave_up
        self._all: dict[str, Supervisor] = {}
        self._offered: dict[str, Candidate] = {}

    def __iter__(self) -> Iterator[Supervisor]:
        return (self._all[plugin_id] for plugin_id in sorted(self._offered))

    def get(self, plugin_id: str) -> Supervisor | None:
        """A plugin that is there."""
        return self._all[plugin_id] if plugin_id in self._offered else None

    def at_route(self, route: str) -> Supervisor | None:
        """The plugin with this route, which begins with a slash."""
        return next((plugin for plugin in self if plugin.metadata.route == route), None)

    def everybody(self) -> list[Supervisor]:
        """Those, too, whose file is gone and whose process may still be ending."""
        return list(self._all.values())

    def take(self, offer: Offer) -> None:
        """Makes it so; processes are started and ended in the background."""
        before, self._offered, self.problems = self._offered, offer.plugins, offer.problems
        for plugin_id in before.keys() - offer.plugins.keys():
            self._tasks.spawn(self._all[plugin_id].stop(), f"{plugin_id} went")
            self._changed(plugin_id)
        for plugin_id, candidate in offer.plugins.items():
            if plugin_id not in before:
                self._all.setdefault(plugin_id, self._supervisor(candidate))
                self._tasks.spawn(self._welcome(plugin_id, candidate), f"{plugin_id} came")
            elif _is_other(candidate, before[plugin_id]):
                replacing = self._all[plugin_id].replace(candidate.metadata, candidate.file.path)
                self._tasks.spawn(replacing, f"{plugin_id} changed")
            self._all[plugin_id].warning = candidate.file.warning

    def _supervisor(self, candidate: Candidate) -> Supervisor:
        plugin_id = candidate.metadata.id
        return Supervisor(
            candidate.metadata,
            candidate.file.path,
            self._surroundings,
            partial(self._changed, plugin_id),
            self._gave_up,
        )

    async def _welcome(self, plugin_id: str, candidate: Candidate) -> None:
        supervisor = self._all[plugin_id]
        await supervisor.replace(candidate.metadata, candidate.file.path)
        if self.get(plugin_id) is supervisor:
            await self._arrived(supervisor)


def _is_other(new: Candidate, old: Candidate) -> bool:
    return new.file.mark != old.file.mark or new.file.path != old.file.path
