"""The queue in front of a plugin, and the account that slows a plugin down."""

import asyncio

import pytest

from app.plugins import turns
from app.plugins.pace import Allowance
from app.plugins.turns import Turns
from app.plugins.wire import PluginBusy


async def test_so_many_at_once_so_many_waiting_and_no_more() -> None:
    queue, inside, leave = Turns(2, 3), 0, asyncio.Event()

    async def work() -> None:
        nonlocal inside
        async with queue.turn(0):
            inside += 1
            await leave.wait()
            inside -= 1

    working = [asyncio.create_task(work()) for _ in range(6)]
    await asyncio.sleep(0)
    assert (inside, queue.inside) == (2, 5)
    assert isinstance(working[5].exception(), PluginBusy)
    leave.set()
    await asyncio.gather(*working[:5])
    assert (inside, queue.inside) == (0, 0)


async def test_bytes_are_bounded_but_one_is_always_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "MOST_BYTES", 100)
    queue = Turns(5, 5)
    async with queue.turn(1000):
        with pytest.raises(PluginBusy):
            async with queue.turn(1):
                pass
    async with queue.turn(60), queue.turn(40):
        with pytest.raises(PluginBusy):
            async with queue.turn(1):
                pass


async def test_whoever_leaves_the_queue_frees_the_place() -> None:
    queue = Turns(1, 1)
    async with queue.turn(7):
        waiting = asyncio.ensure_future(queue.turn(7).__aenter__())
        await asyncio.sleep(0)
        assert queue.inside == 2
        waiting.cancel()
        await asyncio.wait({waiting})
        assert queue.inside == 1
    assert (queue.inside, queue._bytes) == (0, 0)


def test_an_account_in_credit_asks_for_no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("app.plugins.pace.time.monotonic", lambda: now)
    account = Allowance(rate=10, burst=5)
    assert [account.take(1) for _ in range(5)] == [0, 0, 0, 0, 0]
    assert account.take(1) == pytest.approx(0.1)
    assert account.take(4) == pytest.approx(0.5)
    now += 0.5
    assert account.take(0) == 0
    now += 100
    assert account.take(5) == 0
    assert account.take(1) == pytest.approx(0.1)
