"""Following through breaks, on a machine made up: which byte is asked for next, and when it gives up."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from app.cli import following
from app.cli.doors import Broken, End, Gap, Output, Refused, Run
from app.cli.following import exit_code, follow

Event = Output | Gap | End | Exception
DONE = End({"state": "succeeded", "code": 0, "signal": None, "reason": None})


class MadeUp:
    """A machine that tells what it was made to tell, a connection after the other."""

    def __init__(self, *connections: list[Event], is_there: bool = True) -> None:
        self.asked: list[int] = []
        self._connections = iter(connections)
        self._is_there = is_there

    async def page(self, wanted: dict[str, str | int]) -> dict[str, Any]:
        if not self._is_there:
            raise Broken("Nobody.")
        return {"runs": []}

    async def start(self, script: str, args: list[str], time_limit: int | None, key: str | None) -> Run:
        raise NotImplementedError

    async def cancel(self, run_id: str) -> Run:
        raise NotImplementedError

    async def follow(self, run_id: str, offset: int) -> AsyncGenerator[Output | Gap | End, None]:
        self.asked.append(offset)
        for event in next(self._connections, [Broken("Nobody.")]):
            if isinstance(event, Exception):
                raise event
            yield event


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "PAUSES", (0.0,))


async def test_each_break_goes_on_at_the_next_byte(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    door = MadeUp(
        [Output(b"ab"), Broken("Gone.")],
        [Broken("Gone.")],
        [Output("é".encode()), Output(b"c"), Broken("Gone.")],
        [Gap(95, 100), Output(b"z"), Broken("Gone.")],
        [DONE],
    )
    assert await follow(door, "x", 0, 60) == DONE.outcome
    written = capsysbinary.readouterr()
    assert written.out == "abécz".encode()
    assert door.asked == [0, 2, 2, 5, 101]
    told = written.err.decode().splitlines()
    assert told[:2] == [
        "toru: Gone. The run goes on; this is tried again.",
        "toru: It is back, and goes on at byte 2.",
    ]
    assert "95 bytes of output are not kept" in "".join(told)


async def test_what_never_answered_is_not_waited_for() -> None:
    door = MadeUp(is_there=False)
    with pytest.raises(Broken, match="Nobody"):
        await follow(door, "x", 0, 60)
    assert door.asked == [0]


async def test_it_gives_up_in_the_end(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    door = MadeUp([Output(b"a"), Broken("Gone.")])
    with pytest.raises(Broken, match="Nobody"):
        await follow(door, "x", 0, 0)
    assert capsysbinary.readouterr().out == b"a"
    assert len(door.asked) >= 2


async def test_a_refusal_is_none_to_be_tried_again() -> None:
    door = MadeUp([Output(b"a"), Broken("Gone.")], [Refused("The token is not accepted.")])
    with pytest.raises(Refused):
        await follow(door, "x", 0, 60)


@pytest.mark.parametrize(
    ("state", "code", "signal", "expected"),
    [
        ("succeeded", 0, None, 0),
        ("failed", 3, None, 3),
        ("failed", 255, None, 255),
        ("killed", -1, 9, 137),
        ("cancelled", -1, 15, 143),
        ("cancelled", -1, None, 143),
        ("cancelled", -1, 9, 137),
        ("timed_out", -1, 15, 124),
        ("interrupted", -1, None, 125),
        ("spawn_failed", -1, None, 126),
    ],
)
def test_the_end_of_a_run_is_an_exit_code(state: str, code: int, signal: int | None, expected: int) -> None:
    assert exit_code({"state": state, "code": code, "signal": signal}) == expected
