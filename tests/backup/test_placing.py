"""Putting files in place: stopped anywhere, the old state or the new one, never a mixture."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.backup.placing import LIST, Move, commit, finish_restore
from app.backup.sources import STAGE


class Stopped(BaseException):
    """The power is gone."""


class Power:
    """Goes before the step number `until` that changes something on the disk; 0 for never."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.until = self.steps = 0
        for name in ("rename", "unlink", "mkdir"):
            monkeypatch.setattr(Path, name, self.counted(getattr(Path, name)))
        monkeypatch.setattr(os, "fsync", self.counted(os.fsync))

    def counted(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any, **named: Any) -> Any:
            self.steps += 1
            if self.until and self.steps >= self.until:
                raise Stopped
            return work(*arguments, **named)

        return step

    def lasts(self, steps: int) -> None:
        self.steps, self.until = 0, steps


NAMES = ("data/toru.db", "data/runs", "plugins/a.binary", "scripts/a.sh")
ADDED = "scripts/b.sh"


def lay_out(folder: Path) -> tuple[list[Move], list[Path]]:
    """An old state, a new one in the stages, and the moves from the one to the other."""
    roots = [folder / root for root in ("data", "plugins", "scripts")]
    for root in roots:
        (root / STAGE).mkdir(parents=True)
    moves: list[Move] = []
    for name in (*NAMES, ADDED):
        below, top = name.split("/")
        place, stage = folder / below / top, folder / below / STAGE / top
        if name != ADDED:
            place.write_text("old")
            moves.append((place, folder / below / "before" / top))
        stage.write_text("new")
        moves.append((stage, place))
    return moves, roots


def state_of(folder: Path) -> str:
    found = {(folder / name).read_text() for name in NAMES}
    assert len(found) == 1, "a mixture"
    state = found.pop()
    assert (folder / ADDED).exists() is (state == "new")
    return state


def test_stopped_anywhere_and_stopped_again_while_it_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    power, seen, count = Power(monkeypatch), set(), 0
    while "whole" not in seen:
        count += 1
        folder = tmp_path / str(count)
        power.lasts(0)
        moves, roots = lay_out(folder)
        try:
            power.lasts(count)
            commit(folder / "data", moves, roots)
            seen.add("whole")
        except Stopped:
            decided = (folder / "data" / LIST).exists()
            for more in (2, 5, 9):
                try:
                    power.lasts(more)
                    finish_restore(folder / "data")
                except Stopped:
                    pass
            power.lasts(0)
            finish_restore(folder / "data")
            if decided:
                assert state_of(folder) == "new"
            seen.add(state_of(folder))
        power.lasts(0)
        assert not (folder / "data" / LIST).exists()
        if state_of(folder) == "new":
            assert {(folder / name.replace("/", "/before/")).read_text() for name in NAMES} == {"old"}
    assert seen == {"old", "new", "whole"}
    assert count > 20


def test_without_a_list_there_is_nothing_to_finish(tmp_path: Path) -> None:
    assert finish_restore(tmp_path) is False
