"""Viewers of one page: how often they are told, and what becomes of those who do not keep up."""

import asyncio
import json
from typing import Any

import pytest

from app.plugins.pages import audience as pace
from app.plugins.pages.audience import FROM_THE_START, MOST_KEPT, Audience
from app.plugins.pages.batch import Batch
from app.plugins.pages.nodes import MOST_BYTES


class Stage:
    """A page that counts: its tree is the number of what was set last."""

    def __init__(self) -> None:
        self.value = 0
        self.asked = 0
        self.audience = Audience(self.whole, lambda: None)

    def whole(self) -> str:
        self.asked += 1
        return json.dumps({"type": "tree", "tree": self.value})

    def set(self, value: int) -> None:
        self.value = value
        self.audience.add({"id": "n", "set": {"value": value}}, 40)


def values(texts: list[str]) -> list[Any]:
    """What the messages say, as numbers."""
    told = []
    for text in texts:
        message = json.loads(text)
        told.append(message["tree"] if message["type"] == "tree" else message["patches"][-1]["set"]["value"])
    return told


async def test_the_latest_wins_20_times_a_second() -> None:
    stage = Stage()
    stage.audience.enter()
    number, _ = await stage.audience.after(FROM_THE_START)
    loop, seen = asyncio.get_running_loop(), []
    end, count = loop.time() + 0.5, 0
    while loop.time() < end:
        count += 1
        stage.set(count)
        await asyncio.sleep(0.001)
        if stage.audience._number != number:
            number, texts = await stage.audience.after(number)
            seen += values(texts)
    assert 5 <= len(seen) <= 12
    assert seen == sorted(set(seen))
    stage.set(count + 1)
    while not seen or seen[-1] <= count:
        number, texts = await asyncio.wait_for(stage.audience.after(number), 1)
        seen += values(texts)
    assert stage.asked == 1
    stage.audience.leave()


async def test_the_first_change_goes_out_at_once() -> None:
    stage = Stage()
    stage.audience.enter()
    number, _ = await stage.audience.after(FROM_THE_START)
    await asyncio.sleep(pace.INTERVAL)
    began = asyncio.get_running_loop().time()
    stage.set(1)
    stage.set(2)
    _, texts = await stage.audience.after(number)
    assert values(texts) == [2]
    assert asyncio.get_running_loop().time() - began < pace.INTERVAL / 2
    stage.audience.leave()


async def test_a_new_viewer_gets_what_waits_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "INTERVAL", 0.2)
    stage = Stage()
    stage.audience.enter()
    old, _ = await stage.audience.after(FROM_THE_START)
    stage.set(1)
    old, _ = await stage.audience.after(old)
    stage.set(2)  # which waits for its turn
    stage.audience.enter()
    number, texts = await stage.audience.after(FROM_THE_START)
    assert values(texts) == [2]
    stage.set(3)
    assert values((await stage.audience.after(number))[1]) == [3]
    assert [value for text in (await stage.audience.after(old))[1] for value in values([text])] == [2, 3]


async def test_who_is_behind_gets_what_came_or_else_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "INTERVAL", 0)
    stage = Stage()
    stage.audience.enter()
    start, _ = await stage.audience.after(FROM_THE_START)
    for value in range(1, MOST_KEPT + 1):
        stage.set(value)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert values((await stage.audience.after(start))[1]) == list(range(1, MOST_KEPT + 1))
    stage.set(100)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert values((await stage.audience.after(start))[1]) == [100]
    assert stage.asked == 2


async def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "INTERVAL", 0)
    stage = Stage()
    stage.audience.enter()
    for value in range(20):
        stage.audience.add({"id": "n", "set": {"value": f"{value}" + "x" * 60_000}}, 60_100)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert sum(map(len, stage.audience._kept)) <= MOST_BYTES
    stage.audience.leave()
    assert not stage.audience._kept


async def test_nothing_is_kept_for_nobody() -> None:
    stage = Stage()
    stage.set(1)
    assert stage.audience._due is None
    assert not stage.audience._batch


def merged(*patches: Any) -> Any:
    batch = Batch()
    for patch in patches:
        batch.add(patch, 10)
    return json.loads(batch.text())["patches"]


def test_what_is_set_twice_is_told_once() -> None:
    first = {"id": "a", "set": {"x": 1, "y": 1}}
    assert merged(first, {"id": "b", "set": {"x": 0}}, {"id": "a", "set": {"x": 2}}) == [
        {"id": "a", "set": {"x": 2, "y": 1}},
        {"id": "b", "set": {"x": 0}},
    ]
    assert first == {"id": "a", "set": {"x": 1, "y": 1}}  # which others have, too


def test_what_is_added_stays_in_order() -> None:
    assert merged({"id": "l", "lines": ["a"]}, {"id": "l", "lines": ["b"]}) == [{"id": "l", "lines": ["a", "b"]}]
    alternating = [{"id": "l", "lines": ["a"]}, {"id": "l", "set": {"lines": ["b"]}}, {"id": "l", "lines": ["c"]}]
    assert merged(*alternating) == alternating
    nodes_between = [{"id": "l", "lines": ["a"]}, {"id": "p", "append": []}, {"id": "l", "lines": ["b"]}]
    assert merged(*nodes_between) == nodes_between


def test_points_and_rows_are_merged() -> None:
    points = [{"id": "c", "points": {"s": [[n, n]]}, "keep": 3} for n in range(5)]
    assert merged(*points) == [{"id": "c", "points": {"s": [[2, 2], [3, 3], [4, 4]]}, "keep": 3}]
    other = [{"id": "c", "points": {"s": []}, "keep": 3}, {"id": "c", "points": {"s": []}, "keep": 4}]
    assert merged(*other) == other
    assert merged(
        {"id": "t", "rows": [{"key": "a", "n": 1}, {"key": "b"}], "drop": ["z"]},
        {"id": "t", "rows": [{"key": "a", "n": 2}], "drop": ["b"]},
        {"id": "t", "rows": [{"key": "b", "n": 3}], "drop": []},
    ) == [{"id": "t", "rows": [{"key": "a", "n": 2}, {"key": "b", "n": 3}], "drop": ["z", "b"]}]


def test_a_storm_becomes_a_tree() -> None:
    batch = Batch()
    for number in range(3_000):
        batch.add({"id": f"n{number}", "remove": True}, 20)
    assert batch.is_whole
    batch.clear()
    batch.add({"id": "a", "append": []}, MOST_BYTES + 1)
    assert batch.is_whole
