"""The hashes that were written to the log: who cuts off an end of the audit would have to change the log, too."""

import json
import logging
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from app.audit.schemas import Mark
from app.core.clock import now_iso
from app.core.rotating_file import KEPT_FILES

log = logging.getLogger(__name__)

EVENT = "audit_head"
CUT_EVENT = "audit_pruned"
RESTORED_EVENT = "audit_restored"
EVENTS = (EVENT, CUT_EVENT, RESTORED_EVENT)
MOST = 20_000
"""Heads that are looked at, the newest: one an hour for two years."""


@dataclass(frozen=True, slots=True)
class Head:
    """What the log said at a moment.

    Attributes:
        is_cut: whether it told of the last row that goes as one of the oldest; else of the newest row.
        is_restored: whether a backup with this newest row took the place of whatever was there.
    """

    at: str
    mark: Mark
    is_cut: bool
    is_restored: bool = False


def log_head(mark: Mark, instance_id: str) -> None:
    """Writes the newest row's number and hash to the log."""
    extra = {"event": EVENT, "number": mark.number, "hash": mark.hash, "instance": instance_id}
    log.info("the newest row of the audit is %s, its hash %s", mark.number, mark.hash, extra=extra)


def log_cut(mark: Mark, rows: int, instance_id: str) -> None:
    """Writes to the log that the oldest rows go, and the number and hash of the last of them."""
    extra = {"event": CUT_EVENT, "number": mark.number, "hash": mark.hash, "instance": instance_id}
    log.info("the oldest %s rows of the audit are removed, up to row %s", rows, mark.number, extra=extra)


def restored_line(mark: Mark, instance_id: str) -> dict[str, object]:
    """What the log says before a backup takes the audit back to a row: what it told of later ones is over.

    A line of its own making: the command that restores has no log of the core's.
    """
    message = f"a backup is restored, whose newest row of the audit is {mark.number}"
    about = {"timestamp": now_iso(), "level": "info", "plugin": "toru", "message": message, "event": RESTORED_EVENT}
    return {**about, "number": mark.number, "hash": mark.hash, "instance": instance_id}


def read_heads(log_dir: Path, instance_id: str) -> list[Head]:
    """What the log files that are still there say, lowest number first. Blocks."""
    heads: deque[Head] = deque(maxlen=MOST)

    def hear(head: Head) -> None:
        if head.is_restored:
            kept = [one for one in heads if one.mark.number <= head.mark.number]
            heads.clear()
            heads.extend(kept)
        else:
            heads.append(head)

    for place in range(KEPT_FILES, -1, -1):
        path = log_dir / (f"toru.log.{place}" if place else "toru.log")
        try:
            with path.open("rb") as lines:
                for line in lines:
                    if (head := _head(line, instance_id)) is not None:
                        hear(head)
        except OSError:
            continue
    return sorted(heads, key=lambda head: head.mark.number)


def _head(line: bytes, instance_id: str) -> Head | None:
    if not any(event.encode() in line for event in EVENTS):
        return None
    try:
        told = json.loads(line)
        if told["event"] not in EVENTS or told["instance"] != instance_id:
            return None
        mark = Mark(int(told["number"]), str(told["hash"]))
        event = told["event"]
        return Head(str(told["timestamp"]), mark, is_cut=event == CUT_EVENT, is_restored=event == RESTORED_EVENT)
    except (ValueError, TypeError, KeyError):
        return None  # half a line, or something else that only looks like it
