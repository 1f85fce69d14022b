"""Which file is which plugin: metadata read once a version, ids and routes given to whoever came first."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from app.core.tasks import TaskKeeper
from app.plugins.enabled import Choice
from app.plugins.folder import ENDING, Found, Mark, PluginFile, PluginFolder, printable
from app.plugins.metadata import Metadata
from app.plugins.process import Starter
from app.plugins.questions import Questions
from app.plugins.schemas import PluginProblem


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that may be run, and what it says of itself."""

    file: PluginFile
    metadata: Metadata


@dataclass(slots=True)
class Offer:
    """What the folder offers now.

    Attributes:
        plugins: by id.
        problems: files that are no plugins.
    """

    plugins: dict[str, Candidate] = field(default_factory=dict)
    problems: list[PluginProblem] = field(default_factory=list)


class Catalog:
    """Reads the folder; one caller at a time."""

    def __init__(self, folder: PluginFolder, starter: Starter, tasks: TaskKeeper) -> None:
        self._folder = folder
        self._questions = Questions(starter, tasks, self._take)
        self._found = Found()
        self._known: dict[str, Candidate] = {}
        self._silent: dict[str, tuple[Mark | None, str]] = {}
        self._first: list[str] = []

    def forget_problems(self) -> None:
        """Has files asked again that gave no good answer."""
        self._silent = {name: (None, reason) for name, (_, reason) in self._silent.items()}

    async def look(self, choice: Choice) -> bool:
        """Reads the folder and begins to ask files that are new or have changed; those that were enabled first.

        Returns:
            Whether nothing is still being written.
        """
        found = self._found = await asyncio.to_thread(self._folder.look)
        # A plugin whose file is being overwritten, or was, is what it was until the new version has answered.
        names = {*found.files, *(found.busy & self._known.keys())}
        self._known = {name: known for name, known in self._known.items() if name in names}
        self._silent = {name: known for name, known in self._silent.items() if name in found.files}
        unknown = {}
        for name, file in found.files.items():
            known, (silent_mark, _) = self._known.get(name), self._silent.get(name, (None, ""))
            if known is not None and known.file.mark == file.mark:
                self._known[name] = Candidate(file, known.metadata)
            elif silent_mark != file.mark:
                unknown[name] = file
        self._questions.put(unknown, {choice.files.get(one, f"{one}{ENDING}") for one in choice.enabled})
        return not found.busy

    def offer(self, choice: Choice) -> Offer:
        """What the folder offers, as far as its files have answered."""
        found, offer = self._found, Offer()
        told = {**found.refused, **{name: reason for name, (_, reason) in self._silent.items()}}
        offer.problems = [PluginProblem(printable(name), reason) for name, reason in told.items()]
        # Whoever cannot be run or has not answered yet keeps its id all the same.
        there = found.files.keys() | found.refused.keys() | found.busy
        keepers = {
            plugin_id: name
            for plugin_id, name in choice.files.items()
            if name in there and (name not in self._known or self._known[name].metadata.id == plugin_id)
        }
        self._first = allot(self._known, self._first, offer, keepers, choice.enabled)
        offer.problems.sort(key=lambda problem: problem.file)
        return offer

    async def news(self) -> None:
        """Waits until files have answered since the last time."""
        await self._questions.news()

    async def quiet(self, seconds: float) -> None:
        """Waits until all files have answered, or so long."""
        await self._questions.quiet(seconds)

    def _take(self, file: PluginFile, said: Metadata | str) -> None:
        self._known.pop(file.name, None)
        self._silent.pop(file.name, None)
        if isinstance(said, str):
            self._silent[file.name] = (file.mark, said)
        else:
            self._known[file.name] = Candidate(file, said)


def allot(
    candidates: Mapping[str, Candidate],
    first: list[str],
    offer: Offer,
    keepers: Mapping[str, str],
    enabled: Collection[str],
) -> list[str]:
    """Puts every candidate into the offer, as a plugin or as a problem.

    Args:
        candidates: by file name.
        first: names of files that were plugins before, and stay it when another one wants their id or route.
        keepers: by id, the name of the file with which it was enabled and which is there.
        enabled: ids.

    Returns:
        The names of the files that are plugins now, in their order.
    """
    places = {name: place for place, name in enumerate(first)}

    def order(name: str) -> tuple[int, int, str]:
        plugin_id = candidates[name].metadata.id
        is_keeper, is_enabled = keepers.get(plugin_id) == name, plugin_id in enabled
        reasons = (is_keeper and is_enabled, name in places, is_enabled, is_keeper, True)
        return reasons.index(True), places.get(name, len(first)), name

    holders: dict[str, str] = {}
    winners: list[str] = []
    for name in sorted(candidates, key=order):
        metadata = candidates[name].metadata
        keeper = keepers.get(metadata.id, name)
        if metadata.id in offer.plugins:
            keeper = offer.plugins[metadata.id].file.name
        if keeper != name:
            reason = f"Its id {metadata.id} is that of {printable(keeper)}."
            offer.problems.append(PluginProblem(printable(name), reason, metadata.id))
        elif metadata.route in holders:
            reason = f"Its route {metadata.route} is that of {printable(holders[metadata.route])}."
            offer.problems.append(PluginProblem(printable(name), reason, metadata.id))
        else:
            offer.plugins[metadata.id] = candidates[name]
            holders[metadata.route] = name
            winners.append(name)
    return winners
