"""The logs of plugins: whatever one prints is a JSON line, a flood is counted and never felt, and viewers see it."""

import asyncio
import contextlib
import json
import os
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from app.core import rotating_file
from app.core.clock import Clock
from app.core.errors import Forbidden
from app.core.permissions import Actor, Role
from app.plugins import logs as module
from app.plugins.log_appender import LogAppender
from app.plugins.logs import LogNews, PluginLogs
from tests.support.waiting import eventually

ADMIN = Actor.system()
CLIENT = Actor("1", "carla", "Carla", Role.CLIENT)


class StandingClock(Clock):
    """A clock that goes on only when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def still() -> StandingClock:
    return StandingClock()


@pytest.fixture
async def logs(tmp_path: Path, still: StandingClock) -> AsyncIterator[PluginLogs]:
    """Logs below `tmp_path`, closed in the end; closing them twice does no harm."""
    opened = PluginLogs(tmp_path, still)
    yield opened
    await opened.close()


async def written(logs: PluginLogs, plugin_id: str = "hello") -> list[dict[str, Any]]:
    """Every line of a plugin's log; nothing can be written after that."""
    await logs.close()
    return [json.loads(line) for line in logs.path(plugin_id).read_bytes().splitlines()]


def messages(lines: list[dict[str, Any]]) -> list[str]:
    return [line["message"] for line in lines]


async def test_a_printed_line_becomes_a_line_of_the_contract(logs: PluginLogs, tmp_path: Path) -> None:
    logs.writer("hello").feed(b"serving\n")
    (line,) = await written(logs)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"level": "info", "plugin": "hello", "message": "serving"}
    assert logs.path("hello") == tmp_path / "plugins" / "hello.log"
    assert logs.path("hello").stat().st_mode & 0o777 == 0o640


KEPT = [
    b'{"timestamp":"2026-01-02T03:04:05Z","level":"debug","message":"m"}',
    b'{ "level": "WARN", "message": "\\u00fc", "timestamp": "t", "plugin": "other", "more": [1, {"a": null}] }',
]


@pytest.mark.parametrize("line", KEPT)
async def test_a_log_line_of_the_plugins_own_is_kept_byte_for_byte(line: bytes, logs: PluginLogs) -> None:
    logs.writer("hello").feed(line + b"\r\n")
    await logs.close()
    assert logs.path("hello").read_bytes() == line + b"\n"


@pytest.mark.parametrize(
    "line",
    [
        *('{"level":"info","message":"m"}', '{"timestamp":"t","message":"m"}', '{"timestamp":"t","level":"info"}'),
        *('[{"timestamp":"t","level":"info","message":"m"}]', '{"timestamp":"t","level":"info","message":"m"', "{}"),
        *(
            '{"timestamp":"t","level":"info","message":NaN}',
            '"text"',
            "null",
            "",
            "   ",
            "{" * 5000,
            "panic: x",
            "{}{}",
        ),
        *('{"timestamp":"t","level":"info","message":"m"}{}', "\x1b[31mred\x1b[0m", "\u2028", "a\u0085b", "🚀"),
    ],
)
async def test_anything_else_is_a_message_in_one_line_of_plain_ascii(line: str, logs: PluginLogs) -> None:
    logs.writer("hello").feed(line.encode() + b"\n")
    (told,) = await written(logs)
    assert (told["message"], told["level"], told["plugin"]) == (line, "info", "hello")
    assert all(0x20 <= byte < 0x7F for byte in logs.path("hello").read_bytes()[:-1])


async def test_lines_are_put_together_from_pieces_and_streams_do_not_mix(logs: PluginLogs) -> None:
    stdout, stderr = logs.writer("hello"), logs.writer("hello")
    euro = "€\n".encode()
    stdout.feed(b"one, ")
    stderr.feed(b"err")
    stdout.feed(b"two\nthr" + euro[:1])
    stderr.feed(b"or\n")
    stdout.feed(euro[1:] + b"last")
    stdout.close()
    stderr.close()
    assert messages(await written(logs)) == ["one, two", "error", "thr€", "last"]


async def test_bytes_that_are_no_text_are_replaced(logs: PluginLogs) -> None:
    logs.writer("hello").feed(bytes(range(256)).replace(b"\n", b"") + b"\n")
    (line,) = await written(logs)
    assert line["message"].startswith("\x00\x01")
    assert line["message"].endswith("\ufffd")


async def test_a_line_of_over_64_kib_comes_in_pieces(logs: PluginLogs) -> None:
    writer = logs.writer("hello")
    for _ in range(10):
        writer.feed(b"x" * 20_000)
    writer.feed(b"\n" + b"y" * 70_000 + b"\nz\n")
    kib64 = 64 * 1024
    sizes = [(line["message"][0], len(line["message"])) for line in await written(logs)]
    assert sizes[:4] == [("x", kib64)] * 3 + [("x", 200_000 - 3 * kib64)]
    assert sizes[4:] == [("y", kib64), ("y", 70_000 - kib64), ("z", 1)]


async def test_events_of_the_core_have_their_fields_and_no_flood_hides_them(logs: PluginLogs) -> None:
    writer = logs.writer("hello")
    writer.feed(b"x\n" * 20_000)
    writer.event("error", "ended", event="plugin_crashed", error="exit code 1", pid=7)
    *_, event, dropped = await written(logs)
    del event["timestamp"]
    told = {"level": "error", "plugin": "hello", "message": "ended", "event": "plugin_crashed"}
    assert event == {**told, "error": "exit code 1", "pid": 7}
    assert dropped["event"] == "log_lines_dropped"


async def test_the_supervisor_has_a_log_of_its_own(logs: PluginLogs, tmp_path: Path) -> None:
    logs.supervisor_event("info", "started", event="plugin_started", plugin="hello", pid=7)
    await logs.close()
    line = json.loads((tmp_path / "plugin-supervisor.log").read_bytes())
    del line["timestamp"]
    assert line == {"level": "info", "plugin": "hello", "message": "started", "event": "plugin_started", "pid": 7}


# -- floods


@pytest.mark.fault("G15")
async def test_a_burst_of_5000_lines_is_kept_and_what_is_over_it_counted(logs: PluginLogs) -> None:
    logs.writer("hello").feed(b"".join(b"%d\n" % number for number in range(7_000)))
    *lines, notice = await written(logs)
    assert messages(lines) == [str(number) for number in range(5_000)]
    assert (notice["level"], notice["event"], notice["dropped"]) == ("warn", "log_lines_dropped", 2_000)
    assert notice["message"] == "2000 lines were dropped: more than 1000 a second came."


async def test_a_thousand_lines_a_second_are_kept_for_ever(logs: PluginLogs, still: StandingClock) -> None:
    stdout, stderr = logs.writer("hello"), logs.writer("hello")
    stdout.feed(b"burst\n" * 5_000)
    for _ in range(40):
        still.seconds += 0.25
        stdout.feed(b"x\n" * 125)
        stderr.feed(b"y\n" * 125)
    told = messages(await written(logs))
    assert (told.count("burst"), told.count("x"), told.count("y"), len(told)) == (5_000, 5_000, 5_000, 15_000)


async def test_a_flood_that_goes_on_is_told_of_once_a_second(
    logs: PluginLogs, still: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "NOTICE_SECONDS", 0.05)
    writer = logs.writer("hello")
    watch = logs.follow(ADMIN, "hello")
    news = asyncio.ensure_future(anext(watch))
    await asyncio.sleep(0)
    writer.feed(b"x\n" * 6_000)
    writer.feed(b"x\n" * 4_000)
    await news
    told = await asyncio.wait_for(anext(watch), 5)
    assert [entry.message for entry in told.entries] == ["5000 lines were dropped: more than 1000 a second came."]
    await watch.aclose()
    still.seconds += 2
    writer.feed(b"calm\n")
    assert messages(await written(logs))[-2:] == [told.entries[0].message, "calm"]


async def test_at_the_end_of_a_process_what_was_dropped_is_told_at_once(logs: PluginLogs) -> None:
    writer = logs.writer("hello")
    writer.feed(b"x\n" * 6_000)
    writer.close()
    logs.writer("hello").event("info", "started again")
    *_, notice, last = await written(logs)
    assert (notice["dropped"], last["message"]) == (1_000, "started again")


@pytest.mark.fault("G15")
async def test_a_flood_without_a_line_end_is_limited_too(logs: PluginLogs) -> None:
    writer = logs.writer("hello")
    writer.feed(b"x\n" * 4_998)
    for _ in range(100):
        writer.feed(b"\xff" * 64 * 1024)
    *_, notice = await written(logs)
    assert notice["dropped"] == 97  # a piece is written when more than it is there


@pytest.mark.fault("G15")
async def test_a_flood_costs_the_core_next_to_nothing(logs: PluginLogs) -> None:
    writer = logs.writer("hello")
    flood = b"some words that nobody reads\n" * 9_000  # 256 KiB
    writer.feed(flood)
    began = time.process_time()
    for _ in range(1_000):  # 256 MB
        writer.feed(flood)
    assert time.process_time() - began < 2
    assert (await written(logs))[-1]["dropped"] == 9_000 * 1_001 - 5_000


async def test_one_plugins_flood_is_no_other_plugins_limit(logs: PluginLogs) -> None:
    logs.writer("loud").feed(b"x\n" * 50_000)
    logs.writer("calm").feed(b"y\n" * 5_000)
    assert len(await written(logs, "calm")) == 5_000


async def test_what_the_disk_is_too_slow_for_is_counted_and_told(
    logs: PluginLogs, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold, held = threading.Event(), threading.Event()
    append = rotating_file.RotatingFile.append

    def slow(self: rotating_file.RotatingFile, lines: bytes) -> None:
        held.set()
        hold.wait(10)
        append(self, lines)

    monkeypatch.setattr(rotating_file.RotatingFile, "append", slow)
    writer = logs.writer("hello")
    writer.feed(b"first\n")
    await asyncio.to_thread(held.wait, 10)
    began = time.monotonic()
    writer.feed((b"x" * 60_000 + b"\n") * 200)  # 12 MB, of which 4 MiB may wait
    assert time.monotonic() - began < 8
    hold.set()
    lines = await written(logs)
    lost = next(line for line in lines if line.get("event") == "log_lines_lost")
    assert len(lines) == 1 + 200 - lost["lost"] + 1
    assert 120 < lost["lost"] < 140
    assert lost["message"] == f"{lost['lost']} log lines were lost: the disk was full or too slow."


@pytest.mark.fault("O11")
async def test_a_folder_that_cannot_be_written_stops_nobody_and_its_losses_are_told(
    logs: PluginLogs, tmp_path: Path
) -> None:
    (tmp_path / "plugins").write_text("in the way")
    writer = logs.writer("hello")
    writer.feed(b"a\n")
    target = writer._log._target
    await eventually(lambda: target.lost)
    (tmp_path / "plugins").unlink()
    writer.feed(b"c\n")
    lines = await written(logs)
    assert messages(lines) == ["1 log lines were lost: the disk was full or too slow.", "c"]


@pytest.mark.fault("O10")
async def test_files_rotate_and_no_line_is_torn(logs: PluginLogs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotating_file, "MAX_BYTES", 50_000)
    writer = logs.writer("hello")
    for start in range(0, 5_000, 50):
        writer.feed(b"".join(b"%06d\n" % number for number in range(start, start + 50)))
        await asyncio.sleep(0.001)
    await logs.close()
    files = sorted(logs.path("hello").parent.iterdir())
    assert [file.name for file in files] == ["hello.log", *(f"hello.log.{number}" for number in range(1, 6))]
    told = [int(json.loads(line)["message"]) for file in reversed(files) for line in file.read_bytes().splitlines()]
    newest_last = told[-len(files[0].read_bytes().splitlines()) :]
    assert newest_last[-1] == 4_999
    assert sorted(told) == list(range(5_000 - len(told), 5_000))


# -- the thread


async def test_there_is_no_thread_before_the_first_line_and_none_after_the_end(tmp_path: Path) -> None:
    def alive() -> bool:
        return any(thread.name == "plugin-logs" for thread in threading.enumerate())

    logs = PluginLogs(tmp_path, Clock())
    assert not alive()
    logs.writer("hello").feed(b"x\n")
    logs.writer("other").feed(b"x\n")
    assert alive()
    await logs.close()
    assert not alive()


async def test_an_idle_plugin_holds_no_file_open(logs: PluginLogs) -> None:
    logs.writer("hello").feed(b"x\n")
    path = logs.path("hello")
    await eventually(lambda: path.exists() and path.stat().st_size)
    await eventually(lambda: str(path) not in _held())


def _held() -> list[str]:
    """The files that this process holds open."""
    found = []
    for fd in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            found.append(os.readlink(f"/proc/self/fd/{fd}"))
    return found


async def test_nothing_is_lost_between_a_line_and_the_end(tmp_path: Path) -> None:
    for number in range(30):
        logs = PluginLogs(tmp_path / str(number), Clock())
        logs.writer("hello").feed(b"x\n" * 10)
        assert len(await written(logs)) == 10


async def test_closing_what_never_wrote_takes_no_time(tmp_path: Path) -> None:
    await LogAppender().close()
    await PluginLogs(tmp_path, Clock()).close()
    assert list(tmp_path.iterdir()) == []


# -- watching


async def test_whoever_watches_sees_lines_as_they_come(logs: PluginLogs) -> None:
    seen: list[LogNews] = []

    async def watch() -> None:
        async for news in logs.follow(ADMIN, "hello"):
            seen.append(news)  # noqa: PERF401 - it is looked at meanwhile

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0)
    writer = logs.writer("hello")
    writer.feed(b'one\n{"timestamp":"t","level":"WARNING","message":"two","error":"e","pid":7}\n')
    while not seen:
        await asyncio.sleep(0)
    logs.writer("other").feed(b"not for us\n")
    writer.event("error", "three", event="plugin_crashed")
    while len(seen) < 2:
        await asyncio.sleep(0)
    entries = [entry for news in seen for entry in news.entries]
    assert [(entry.level, entry.message) for entry in entries] == [("info", "one"), ("warn", "two"), ("error", "three")]
    assert entries[1].as_dict() == {
        "timestamp": "t",
        "level": "warn",
        "plugin": "hello",
        "message": "two",
        "error": "e",
        "pid": 7,
    }
    watching.cancel()
    await asyncio.wait({watching})
    assert not logs._log("hello").followers


async def test_a_viewer_who_does_not_keep_up_costs_nothing_and_is_told(logs: PluginLogs) -> None:
    watch = logs.follow(ADMIN, "hello")
    news = asyncio.ensure_future(anext(watch))
    await asyncio.sleep(0)
    logs.writer("hello").feed(b"".join(b"%d\n" % number for number in range(3_000)))
    got = await news
    assert (got.skipped, len(got.entries)) == (2_000, 1_000)
    assert (got.entries[0].message, got.entries[-1].message) == ("2000", "2999")
    await watch.aclose()


async def test_long_lines_take_no_more_memory_than_short_ones(logs: PluginLogs) -> None:
    watch = logs.follow(ADMIN, "hello")
    news = asyncio.ensure_future(anext(watch))
    await asyncio.sleep(0)
    logs.writer("hello").feed((b"x" * 60_000 + b"\n") * 200)
    got = await news
    assert (got.skipped, len(got.entries)) == (183, 17)
    again = asyncio.ensure_future(anext(watch))
    await asyncio.sleep(0)
    logs.writer("hello").feed((b"y" * 60_000 + b"\n") * 3)
    got = await again
    assert (got.skipped, [entry.message[0] for entry in got.entries]) == (0, ["y"] * 3)
    await watch.aclose()


async def test_only_admins_watch(logs: PluginLogs) -> None:
    with pytest.raises(Forbidden):
        await anext(logs.follow(CLIENT, "hello"))
