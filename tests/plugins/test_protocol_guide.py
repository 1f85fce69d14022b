"""plugins/PROTOCOL.md says what is true: its examples, its limits, its vectors, its commands and its list of rules."""

import asyncio
import hmac
import json
import re
import shlex
from base64 import b64decode
from collections.abc import Awaitable, Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.core.framing import FrameReader
from app.plugins import (
    answers,
    body_room,
    calls,
    folder,
    frames,
    life,
    logs,
    metadata,
    protocol1,
    protocol2,
    turns,
    values,
    wire,
)
from app.plugins.calls import Calls
from app.plugins.channel import encode
from app.plugins.conformance.kit import every_rule
from app.plugins.conformance.page_rules import PAGE_RULES
from app.plugins.conformance.rules1 import RULES1
from app.plugins.conformance.rules2 import RULES2
from app.plugins.licences import make_hmac_key, make_signed_key, public_key_text, read_day, read_key, read_public_key
from app.plugins.metadata import Metadata
from app.plugins.process import ALLOWED
from app.plugins.protocol1 import Connection1
from app.plugins.protocol2 import Connection2
from app.plugins.wire import PluginRequest
from tests.cli.calling import Done, toru
from tests.support.server import ROOT
from tests.support.waiting import eventually

GUIDE = (ROOT / "plugins" / "PROTOCOL.md").read_text()
EXAMPLES = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)]
MESSAGES = [example for example in EXAMPLES if "payload" in example]
INIT = {"instance_id": "i", "plugin_socket": "s", "log_path": "l"}


def part(title: str) -> str:
    """One chapter."""
    return GUIDE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def shape(value: Any) -> Any:
    """What stays of a message when its values do not matter: names and kinds."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    return None if value is None else type(value).__name__


def examples_in(title: str) -> list[dict[str, Any]]:
    return [json.loads(text) for text in re.findall(r"```json\n(.*?)```", part(title), re.DOTALL)]


# -- what Toru sends


Arrived = Callable[[int], Awaitable[None]]
"""Waits until so many messages have arrived."""


async def heard(
    work: Callable[[str, Arrived], Awaitable[None]], folder: Path, answer: bytes = b""
) -> list[dict[str, Any]]:
    """The messages that arrive at a socket while `work(its path, arrived)` is done; each gets an answer."""
    messages: list[dict[str, Any]] = []

    async def arrived(count: int) -> None:
        await eventually(lambda: len(messages) >= count)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frames = FrameReader(wire.MAX_FRAME)
        while data := await reader.read(65536):
            messages.extend(frames.feed(data))
            writer.write(answer)
        writer.close()

    path = str(folder / "s")
    async with await asyncio.start_unix_server(serve, path) as server:
        await work(path, arrived)
        server.close()
    return messages


async def test_protocol_1_is_sent_as_written(tmp_path: Path) -> None:
    async def talk(path: str, arrived: Arrived) -> None:
        connection = Connection1(path, INIT)
        await connection.open()
        asking = asyncio.ensure_future(connection.request(PluginRequest("GET", "/disks?all=1", {"accept": "*/*"})))
        await arrived(2)
        asking.cancel()
        await connection.shutdown()
        await arrived(3)

    told = await heard(talk, tmp_path)
    init, shutdown, request, *_ = examples_in("Protocol 1")
    assert [shape(message) for message in told] == [shape(init), shape(request), shape(shutdown)]


async def test_protocol_2_is_sent_as_written(tmp_path: Path) -> None:
    async def talk(path: str, arrived: Arrived) -> None:
        async def handle(*_: object) -> str | None:
            return None

        connection = Connection2(path, {**INIT, "license_key": None}, Calls(handle, lambda *_: None))
        await connection.open()
        request = PluginRequest("POST", "/disks?all=1", {"content-type": "text/plain"}, b"\xff")
        asking = asyncio.ensure_future(connection.request(request))
        await arrived(2)
        asking.cancel()
        await arrived(3)
        await connection.shutdown()
        await arrived(4)
        connection.close()

    told = await heard(talk, tmp_path, encode("ready", {"protocol": "2"}))
    init, _, request, *_ = examples_in("Protocol 2")
    assert shape(told[0]) == shape(init)
    assert shape(told[1]) == shape(request)
    assert (told[2]["type"], told[2]["payload"], told[2]["request_id"]) == ("cancel", {}, told[1]["request_id"])
    assert (told[3]["type"], told[3]["payload"]) == ("lifecycle", {"action": "shutdown"})


# -- what Toru understands


def test_the_answers_of_the_examples_are_answers() -> None:
    direct, wrapped = examples_in("Protocol 1")[3:5]
    assert answers.read_answer1(direct["payload"]).body == b"sda: 81 %"
    assert answers.read_answer1(wrapped["payload"]).body == b"sda: 81 %"
    binary = examples_in("Protocol 2")[3]
    answer = answers.read_answer2(binary["payload"])
    assert answer.body == b64decode("iVBORw0KGgo=")
    assert answer.headers[1:] == [("X-Note", "one"), ("X-Note", "two")]


def test_the_metadata_of_the_example_is_some_and_every_field_is_told() -> None:
    assert metadata.parse(json.dumps(EXAMPLES[0]).encode()).id == "disk-watch"
    told = set(re.findall(r"(?m)^\| `(\w+)` \|", part("Metadata")))
    known = {field.name for field in fields(Metadata)} - {"needs_license"} | {"license"}
    assert told == known
    assert set(EXAMPLES[0]) <= known


def test_every_message_of_protocol_2_is_told() -> None:
    table = re.findall(r"(?m)^\| `(\w+)` \| (?:Toru|plugin)", part("Protocol 2"))
    assert set(table) == {"lifecycle", "ready", "http", "cancel", "ping", "pong", "kv", "event", "page"}
    assert {message["type"] for message in MESSAGES} <= set(table)


async def test_the_events_and_calls_of_the_examples_are_taken() -> None:
    happened: list[tuple[str, object]] = []

    async def handle(action: object, key: object, value: object) -> str | None:
        return f"{action} {key} {value}"

    taken = Calls(handle, lambda name, data: happened.append((name, data)))
    for message in (message for message in MESSAGES if message["type"] == "event"):
        assert taken.take("event", None, message["payload"])
    assert happened == [("toast", {"message": "sda is nearly full.", "kind": "error"})]
    (call,) = (message for message in MESSAGES if message["type"] == "kv" and "action" in message["payload"])
    assert await taken._answer(call["payload"]) == {"value": "set threshold 80"}


# -- numbers


@pytest.mark.parametrize(
    ("sentence", "holds"),
    [
        ("within 5 seconds, in at most 64 KiB", (metadata.SECONDS, metadata.MOST_BYTES) == (5, 64 << 10)),
        ("must listen within 10 seconds", life.START_SECONDS == 10),
        ("SIGTERM to the process group 2 seconds later and SIGKILL 5 seconds after",
         (life.TERM_SECONDS, life.KILL_SECONDS) == (2, 5)),
        ("78 means", life.NO_RESTART == 78),
        ("at most 16 MiB = 16,777,216", wire.MAX_FRAME == 16_777_216),
        ("A frame above 256 KiB is made of at most 100,000",
         (frames.SMALL, frames.MOST_VALUES) == (256 << 10, 100_000)),
        ("values in a frame above 256 KiB | 100,000", frames.MOST_VALUES == 100_000),
        ("of at most 64 MiB that is too large", frames.SKIPPED_FRAME == 64 << 20),
        ("first or last 4 KiB", frames.EDGE == 4 << 10),
        ("within 30 seconds of its first byte", protocol2.FRAME_SECONDS == 30),
        ("up to 64 wait in Toru", protocol1.WAITING == 64),
        ("Up to 64 are under way at the same time, answered in any order; 256 more",
         (protocol2.AT_ONCE, protocol2.WAITING) == (64, 256)),
        ("Every 10 seconds, also amid requests. After 3 without an answer the plugin is shown as unhealthy; after 45",
         (protocol2.PING_SECONDS, protocol2.MISSED, protocol2.SILENT_SECONDS) == (10, 3, 45)),
        ("at most 500 a second", (calls.CALLS_A_SECOND, calls.MOST_WAITING) == (500, 64)),
        ("At most 10 a second, 50 at once", (calls.EVENTS_A_SECOND, calls.EVENTS_AT_ONCE) == (10, 50)),
        ("1 to 100 printable characters, `data` any JSON value of at most 8 KiB",
         (calls.MOST_NAME, calls.MOST_DATA) == (100, 8192)),
        ("| an answer | 30 seconds |", wire.ANSWER_SECONDS == 30),
        ("8 MiB; larger requests", wire.MAX_BODY == 8 << 20),
        ("| bodies on their way to one plugin | 32 MiB |", turns.MOST_BYTES == 32 << 20),
        ("| bodies on their way to all plugins | 64 MiB |", body_room.MOST_BYTES == 64 << 20),
        ("| a key | 1 KiB |", values.MAX_KEY == 1024),
        ("| a value | 1 MiB |", values.MAX_VALUE == 1 << 20),
        ("10 MiB, 64 bytes an entry included", (values.QUOTA, values.ENTRY) == (10 << 20, 64)),
        ("Of more than 1,000 lines a second (5,000 at once)", (logs.LINES_A_SECOND, logs.BURST) == (1000, 5000)),
        ("Lines above 64 KiB", logs.MAX_LINE == 64 << 10),
        ("executable file `<name>.binary`", folder.ENDING == ".binary"),
        ("| `PATH` `HOME` `LANG` `TZ` |", ALLOWED == ("PATH", "HOME", "LANG", "TZ")),
        ("Missing, it is 500", answers.MISSING_STATUS == 500),
    ],
)  # fmt: skip
def test_every_number_is_the_cores(sentence: str, holds: bool) -> None:
    assert sentence in GUIDE
    assert holds


def test_the_smallest_frame_is_one() -> None:
    (frame,) = re.findall(r"byte by byte: `([0-9a-f ]+)`", GUIDE)
    assert FrameReader().feed(bytes.fromhex(frame)) == [{}]


# -- licences


def vectors() -> dict[str, str]:
    (text,) = re.findall(r"```text\n(.*?)```", GUIDE, re.DOTALL)
    return dict(re.split(r"  +", line) for line in text.splitlines())


def test_the_vectors_are_ours_and_the_plain_libraries() -> None:
    given, instance, day = vectors(), "3f2b8c1e-5d47-4a90-9c1b-7e6f0a1d2c3b", read_day("2030-12-31")
    assert make_hmac_key(given["HMAC secret"].encode(), instance, day) == given["HMAC key"]
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(given["private key"]))
    assert public_key_text(private.public_key().public_bytes_raw()) == given["public key"]
    assert make_signed_key(private, given["plugin"], instance, day) == given["v2 key"]
    read_key(given["v2 key"]).require_signed_for(read_public_key(given["public key"]))
    head, _, signature = b64decode(given["HMAC key"]).decode().rpartition(":")
    assert hmac.digest(given["HMAC secret"].encode(), head.encode(), "sha256") == b64decode(signature)


def test_the_commands_of_the_maker_work(tmp_path: Path) -> None:
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(vectors()["private key"]))
    (block,) = re.findall(r"```sh\n(\./toru license.*?)```", GUIDE, re.DOTALL)
    keypair, generate, validate = block.splitlines()
    assert typed(keypair, tmp_path).code == 0
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "maker.pem").write_bytes(pem)
    made = typed(generate, tmp_path)
    assert made.out.strip() == vectors()["v2 key"]
    done = typed(validate.removesuffix(" <key"), tmp_path, made.out)
    assert (done.code, done.out.splitlines()[0]) == (0, "This licence key is good.")


def typed(line: str, folder: Path, text: str = "") -> Done:
    """What a line of the guide does, as if typed in a folder."""
    return toru(Path("/nowhere"), *shlex.split(line)[1:], text=text, TORU_CALLED_FROM=str(folder))


# -- rules


def test_every_rule_is_listed_with_its_protocol() -> None:
    rows = re.findall(r"(?m)^\| `([\w-]+)` \| (1 and 2|1|2) \| (.*?)( \(note\))? \|$", part("Rules"))
    assert {name: says for name, _, says, _ in rows} == every_rule()
    assert len(rows) == len(every_rule())
    one, two = ({rule.name: rule for rule in rules} for rules in (RULES1, (*RULES2, *PAGE_RULES)))
    for name, protocol, _, note in rows:
        kinds = {"1": (True, False), "2": (False, True)}.get(protocol, (name in one, name in one))
        assert (name in one, name in two) == kinds, name
        rule = one.get(name) or two.get(name)
        assert rule is None or rule.must is not bool(note), name
