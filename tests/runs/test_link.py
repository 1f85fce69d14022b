"""The connection to a runner: made only when it is taken in, and only by a process of our own user."""

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.unix_socket import NotOurs
from app.runs import link as module
from app.runs.link import RunnerLink, connect


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    """A runner's socket, with room for one that waits."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "1.sock"))
        server.listen(0)
        yield server


async def connected(folder: Path) -> RunnerLink:
    return await connect(folder, "1.sock", lambda link, told: None, lambda link: None)


async def test_a_runner_that_is_busy_is_waited_for(tmp_path: Path, listener: socket.socket) -> None:
    first = await connected(tmp_path)
    waiting = asyncio.create_task(connected(tmp_path))
    done, _ = await asyncio.wait([waiting], timeout=0.1)
    assert not done
    listener.accept()[0].close()
    second = await waiting
    with listener.accept()[0] as runner:
        asking = asyncio.create_task(second.ask("list"))
        assert b'"cmd":"list"' in await asyncio.to_thread(runner.recv, 100)
        second.close()
        with pytest.raises(ConnectionError):
            await asking
    first.close()


async def test_but_not_for_ever(tmp_path: Path, listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ACCEPT_SECONDS", 0.1)
    first = await connected(tmp_path)
    with pytest.raises(TimeoutError):
        await connected(tmp_path)
    first.close()


async def test_a_runner_of_another_user_is_not_spoken_to(
    tmp_path: Path, listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.geteuid()
    monkeypatch.setattr("app.core.unix_socket.os.geteuid", lambda: real + 1)
    with pytest.raises(NotOurs):
        await connected(tmp_path)
