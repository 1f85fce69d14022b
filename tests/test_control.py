"""The control socket: commands of `toru` reach the running core, and only those of its own user."""

import asyncio
import socket
import stat
import subprocess
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from app import control as module
from app.control import ControlServer, NoAnswer, NotRunning, call, stream
from app.core.errors import BadValue, ToruError
from app.core.framing import FrameReader, encode
from app.core.ownership import AnotherUsers
from tests.support.server import ROOT
from tests.support.unprivileged import AS_NOBODY, open_folder, open_python
from tests.support.waiting import eventually


async def greet(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"hello": fields["name"]}


async def refuse(_: Mapping[str, Any]) -> None:
    raise BadValue("Not like that.")


async def break_down(_: Mapping[str, Any]) -> None:
    raise KeyError("a mistake")


@pytest.fixture
async def folder(tmp_path: Path) -> AsyncIterator[Path]:
    """A data folder with a core that knows three commands."""
    server = ControlServer(tmp_path, {"greet": greet, "refuse": refuse, "break": break_down})
    await server.open()
    yield tmp_path
    await server.close()


async def test_a_command_is_answered(folder: Path) -> None:
    assert await call(folder, "greet", {"name": "ü" * 100_000}) == {"hello": "ü" * 100_000}


async def test_many_commands_at_once_are_each_answered(folder: Path) -> None:
    answers = await asyncio.gather(*(call(folder, "greet", {"name": number}) for number in range(50)))
    assert [answer["hello"] for answer in answers] == list(range(50))


async def test_a_refusal_is_its_sentence(folder: Path) -> None:
    with pytest.raises(ToruError, match=r"Not like that\."):
        await call(folder, "refuse", {})


async def test_a_command_that_the_core_does_not_know_is_told(folder: Path) -> None:
    with pytest.raises(ToruError, match="does not know this command; is it another version"):
        await call(folder, "upgrade", {})


@pytest.mark.allows_errors("a command failed")
async def test_a_mistake_in_the_core_is_told_and_logged(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ToruError, match="Its log says what"):
        await call(folder, "break", {})
    assert caplog.records[0].exc_info is not None


async def test_where_no_core_runs_that_is_told(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(NotRunning, match="No Toru runs on"):
            await call(folder, "greet", {})


async def test_the_socket_of_a_core_that_was_killed_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "control.sock"))
    with pytest.raises(NotRunning):
        await call(tmp_path, "greet", {})
    server = ControlServer(tmp_path, {"greet": greet})
    await server.open()
    assert await call(tmp_path, "greet", {"name": 1}) == {"hello": 1}
    await server.close()
    assert list(tmp_path.iterdir()) == []


async def test_the_path_may_be_longer_than_a_sockets(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 100) / ("y" * 100)
    deep.mkdir(parents=True)
    server = ControlServer(deep, {"greet": greet})
    await server.open()
    assert await call(deep, "greet", {"name": 1}) == {"hello": 1}
    await server.close()


async def test_the_socket_is_the_owners_only(folder: Path) -> None:
    mode = (folder / "control.sock").stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600


@pytest.mark.allows_errors("a command failed")
@pytest.mark.parametrize(
    "frame",
    [
        b"\0\0\0\5{bad}",
        b"\xff\xff\xff\xff",
        b"\0\0\0\2[]",
        encode({"fields": {}}),
        encode({"command": ["greet"]}),
        encode({"command": "greet", "fields": [1]}),
        b"GET / HTTP/1.1\r\n\r\n",
    ],
)
async def test_nonsense_ends_its_connection_and_nothing_else(frame: bytes, folder: Path) -> None:
    reader, writer = await asyncio.open_unix_connection(folder / "control.sock")
    writer.write(frame)
    async with asyncio.timeout(5):
        answer = await reader.read()
    assert not answer or "error" in FrameReader().feed(answer)[0]
    writer.close()
    assert await call(folder, "greet", {"name": 1}) == {"hello": 1}


async def test_a_connection_that_says_nothing_is_closed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.1)
    reader, writer = await asyncio.open_unix_connection(folder / "control.sock")
    async with asyncio.timeout(5):
        assert await reader.read() == b""
    writer.close()


async def test_a_core_that_does_not_answer_is_told(tmp_path: Path) -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_unix_server(hang_up, tmp_path / "control.sock")
    with pytest.raises(NotRunning, match="did not answer"):
        await call(tmp_path, "greet", {})
    server.close()
    await server.wait_closed()


class Fountain:
    """Streams numbers, `pause` seconds apart, and knows whether somebody still listens."""

    def __init__(self) -> None:
        self.flowing = 0

    async def flow(self, fields: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        self.flowing += 1
        try:
            for number in range(fields["count"]):
                yield {"number": number, "padding": "x" * fields.get("size", 0)}
                await asyncio.sleep(fields.get("pause", 0))
            if fields.get("fails"):
                raise BadValue("It ran dry.")
        finally:
            self.flowing -= 1


@pytest.fixture
async def fountain(tmp_path: Path) -> AsyncIterator[Fountain]:
    """What a core on `tmp_path` streams."""
    made = Fountain()
    server = ControlServer(tmp_path, {}, {"flow": made.flow})
    await server.open()
    yield made
    await server.close()
    assert made.flowing == 0


async def test_what_takes_long_comes_bit_by_bit(fountain: Fountain, tmp_path: Path) -> None:
    came = [item["number"] async for item in stream(tmp_path, "flow", {"count": 300, "size": 10_000})]
    assert came == list(range(300))
    with pytest.raises(ToruError, match=r"It ran dry\."):
        [item async for item in stream(tmp_path, "flow", {"count": 2, "fails": True})]


async def test_a_stream_that_has_nothing_to_tell_says_that_it_lives(
    fountain: Fountain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BEAT_SECONDS", 0.02)
    monkeypatch.setattr(module, "ANSWER_SECONDS", 1)
    came = [item["number"] async for item in stream(tmp_path, "flow", {"count": 2, "pause": 1.2})]
    assert came == [0, 1]
    monkeypatch.setattr(module, "BEAT_SECONDS", 100)
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.2)
    with pytest.raises(NoAnswer):
        [item async for item in stream(tmp_path, "flow", {"count": 2, "pause": 60})]


async def test_a_stream_ends_with_who_reads_it(fountain: Fountain, tmp_path: Path) -> None:
    following = stream(tmp_path, "flow", {"count": 2, "pause": 1000})
    assert (await anext(following))["number"] == 0
    assert fountain.flowing == 1
    await following.aclose()
    await eventually(lambda: fountain.flowing == 0)


async def test_the_reader_sets_the_pace(fountain: Fountain, tmp_path: Path) -> None:
    """Nothing is made for one that does not read but what the two sockets hold."""
    made = 0

    async def flow(_: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        nonlocal made
        while True:
            made += 1
            yield {"padding": "x" * 100_000}

    folder = tmp_path / "other"
    folder.mkdir()
    server = ControlServer(folder, {}, {"flow": flow})
    await server.open()
    _, writer = await asyncio.open_unix_connection(folder / "control.sock", limit=1)
    writer.write(encode({"command": "flow", "fields": {}}))
    await eventually(lambda: made > 2)
    before = 0
    while made != before:  # until it has come to rest
        before = made
        await asyncio.sleep(0.1)
    assert made < 100
    writer.close()
    await server.close()


async def test_not_everybody_can_follow_at_once(
    fountain: Fountain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_STREAMS", 1)
    following = stream(tmp_path, "flow", {"count": 2, "pause": 1000})
    await anext(following)
    with pytest.raises(ToruError, match="1 commands follow something already"):
        [item async for item in stream(tmp_path, "flow", {"count": 1})]
    await following.aclose()


async def test_a_command_that_leaves_is_no_trouble_of_the_core(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """`toru status` tells the newest warning; somebody's Ctrl-C is none."""
    arrived, left = asyncio.Event(), asyncio.Event()

    async def wait(_: Mapping[str, Any]) -> str:
        arrived.set()
        await left.wait()
        return "x" * (module.MAX_FRAME // 2)

    server = ControlServer(tmp_path, {"wait": wait})
    await server.open()
    try:
        _, writer = await asyncio.open_unix_connection(tmp_path / "control.sock")
        writer.write(encode({"command": "wait", "fields": {}}))
        await arrived.wait()
        writer.close()
        await writer.wait_closed()
        with caplog.at_level("INFO"):
            left.set()
            await eventually(lambda: any("left before" in record.message for record in caplog.records))
    finally:
        await server.close()
    assert [record.levelname for record in caplog.records if "left before" in record.message] == ["INFO"]


TRY_TO_CALL = """
import asyncio, sys
from pathlib import Path
from app.control import call
try:
    print(asyncio.run(call(Path(sys.argv[1]), "greet", {"name": 1})))
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.mark.needs("root", "nobody")
async def test_another_user_gets_no_answer_even_where_modes_would_let_it_in(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = open_folder()
    server = ControlServer(folder, {"greet": greet})
    await server.open()
    try:
        assert (await as_nobody(folder)).startswith("AnotherUsers ")
        (folder / "control.sock").chmod(0o666)
        assert (await as_nobody(folder)).startswith("NoAnswer ")
    finally:
        await server.close()
        folder.rmdir()
    assert issubclass(AnotherUsers, ToruError)


async def as_nobody(folder: Path) -> str:
    command = [*AS_NOBODY, str(open_python()), "-c", TRY_TO_CALL]
    done = await asyncio.to_thread(
        subprocess.run, [*command, str(folder)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return str(done.stdout)
