"""What processes of ours use of the memory. Reads block: the kernel walks the pages, a millisecond for 100 MB."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of one process or of several together.

    Attributes:
        resident: what is there, memory that is shared with others included.
        proportional: the same, with what is shared divided among those who share it.
    """

    resident: int
    proportional: int


def memory_of(pids: Iterable[int | str]) -> Memory | None:
    """The processes together, `self` for this one; None where the kernel does not tell of one of them."""
    resident = proportional = 0
    try:
        for pid in pids:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            fields = {line.partition(":")[0]: line.split()[1] for line in rollup.splitlines()[1:]}
            resident += int(fields["Rss"]) * 1024
            proportional += int(fields["Pss"]) * 1024
    except (OSError, KeyError, IndexError):
        return None
    return Memory(resident, proportional)
