"""Which file is which plugin: metadata read once a version, ids and routes given to whoever came first."""

import asyncio
from dataclasses import dataclass, field

from app.plugins.folder import PluginFile, PluginFolder, printable
from app.plugins.metadata import BadMetadata, Metadata, read_metadata
from app.plugins.process import Starter
from app.plugins.schemas import PluginProblem

AT_ONCE = 4
"""Files that are asked for their metadata at the same time."""


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
        is_settled: whether nothing is still being written.
    """

    plugins: dict[str, Candidate] = field(default_factory=dict)
    problems: list[PluginProblem] = field(default_factory=list)
    is_settled: bool = True


class Catalog:
    """Reads the folder; one caller at a time."""

    def __init__(self, folder: PluginFolder, starter: Starter) -> None:
        self._folder = folder
        self._starter = starter
        self._asking = asyncio.Semaphore(AT_ONCE)
        self._known: dict[str, Candidate] = {}
        self._silent: dict[str, tuple[PluginFile, str]] = {}
        self._first: list[str] = []

    def forget_problems(self) -> None:
        """Has files asked again that gave no good answer."""
        self._silent.clear()

    async def look(self) -> Offer:
        """What the folder offers now; asks files that are new or have changed."""
        found = await asyncio.to_thread(self._folder.look)
        # A plugin whose file is being overwritten is what it was until the new version is whole.
        names = {*found.files, *(found.busy & self._known.keys())}
        self._known = {name: known for name, known in self._known.items() if name in names}
        self._silent = {name: known for name, known in self._silent.items() if name in found.files}
        await asyncio.gather(*(self._ask(file) for file in found.files.values()))
        offer = Offer(is_settled=not found.busy)
        offer.problems = [PluginProblem(printable(name), reason) for name, reason in found.refused.items()]
        offer.problems += [PluginProblem(printable(name), reason) for name, (_, reason) in self._silent.items()]
        self._first = allot(self._known, self._first, offer)
        offer.problems.sort(key=lambda problem: problem.file)
        return offer

    async def _ask(self, file: PluginFile) -> None:
        known, silent = self._known.get(file.name), self._silent.get(file.name)
        if known is not None and known.file.mark == file.mark:
            self._known[file.name] = Candidate(file, known.metadata)
            return
        if silent is not None and silent[0].mark == file.mark:
            return
        self._known.pop(file.name, None)
        self._silent.pop(file.name, None)
        try:
            async with self._asking:
                self._known[file.name] = Candidate(file, await read_metadata(file.path, self._starter))
        except BadMetadata as error:
            self._silent[file.name] = (file, str(error))


def allot(candidates: dict[str, Candidate], first: list[str], offer: Offer) -> list[str]:
    """Puts every candidate into the offer, as a plugin or as a problem.

    Args:
        candidates: by file name.
        first: names of files that were plugins before, and stay it when another one wants their id or route.

    Returns:
        The names of the files that are plugins now, in their order.
    """
    holders: dict[str, str] = {}
    winners: list[str] = []
    for name in [*(name for name in first if name in candidates), *sorted(candidates.keys() - set(first))]:
        metadata = candidates[name].metadata
        if metadata.id in offer.plugins:
            reason = f"Its id {metadata.id} is that of {printable(offer.plugins[metadata.id].file.name)}."
            offer.problems.append(PluginProblem(printable(name), reason, metadata.id))
        elif metadata.route in holders:
            reason = f"Its route {metadata.route} is that of {printable(holders[metadata.route])}."
            offer.problems.append(PluginProblem(printable(name), reason, metadata.id))
        else:
            offer.plugins[metadata.id] = candidates[name]
            holders[metadata.route] = name
            winners.append(name)
    return winners
