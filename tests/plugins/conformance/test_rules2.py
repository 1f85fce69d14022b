"""The rules of protocol 2, each broken once."""

import re
from pathlib import Path

import pytest

from app.plugins.conformance.findings import Result
from tests.plugins.conformance.support import SAMPLES, Changes, broken, findings, findings_of_each, plugin, sample

TWO = sample("plain-two")
READY = 'self.send("ready", {"protocol": "2"})'
PONG = 'self.send("pong", {})'
ANSWER = 'self.send("http", await self.reply(request), number)'
KNOWN = 'elif kind == "kv" and number in self.calls:\n            self.calls[number].set_result(payload)'


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits half a minute for an answer that never comes."""
    monkeypatch.setattr("app.plugins.conformance.speaker2.ANSWER_SECONDS", 2)
    monkeypatch.setattr("app.plugins.conformance.speaker2.START_SECONDS", 2)
    monkeypatch.setattr("app.plugins.conformance.rules2.PONG_SECONDS", 1)


async def test_a_good_plugin_keeps_every_rule() -> None:
    assert broken(await findings(SAMPLES / "plain-two.binary")) == {}


async def test_a_plugin_that_asks_for_values_all_the_time_keeps_every_rule(tmp_path: Path) -> None:
    """Also amid a frame that arrives in pieces: what it is told comes before or after that frame."""
    asks = 'self.send("kv", {"action": "get", "key": "a"}, str(time.monotonic_ns()))'
    again = "        asyncio.get_running_loop().call_later(0.005, self.chat)"
    chats = (READY, f"{READY}\n        self.chat()")
    chat = (
        "    async def answer(",
        f"    def chat(self):\n        {asks}\n{again}\n\n    async def answer(",
    )
    assert broken(await findings(plugin(tmp_path, TWO, chats, chat))) == {}


FATAL: list[tuple[Changes, str, str]] = [
    ([(READY, "pass")], "start", r"^It did not answer init with ready within 2 seconds\.$"),
    ([(READY, 'self.send("ready", {"protocol": "3"})')], "start", "chose the protocol '3', which was not offered"),
    ([(READY, 'self.send("ready", None)')], "start", "chose the protocol None"),
    ([(READY, "self.writer.close()")], "start", "^It ended with exit code 0"),
    ([(READY, 'self.writer.write(b"HTTP/1.1 400")')], "start", "a frame of 1213486160 bytes"),
    ([(ANSWER, "pass")], "http-answer", "did not answer within 2 seconds"),
    ([(ANSWER, ANSWER.replace("number)", '"x")'))], "http-answer", "did not answer within 2 seconds"),
    ([(ANSWER, "os._exit(6)")], "http-answer", "it ended with exit code 6"),
    ([('"body": told}', '"body": "x", "body_encoding": "base64"}')], "http-answer", "is not base64"),
    ([('"body": told}', '"body": told, "body_encoding": "gzip"}')], "http-answer", "unknown body_encoding"),
    (
        [('"body": len(raw)}', '"body": float("inf")}'), ("told = json.dumps({**request", "told = ({**request")],
        "http-answer",
        "JSON has no Infinity",
    ),
]


@pytest.mark.timeout(180)
async def test_a_rule_that_all_others_need_is_the_last_one(tmp_path: Path) -> None:
    all_found = await findings_of_each(tmp_path, TWO, [(changes, ()) for changes, _, _ in FATAL])
    for (changes, rule, says), found in zip(FATAL, all_found, strict=True):
        assert set(broken(found)) == {rule}, changes
        assert list(found)[-1] == rule, changes
        assert found[rule].result is Result.FAILED, changes
        assert re.search(says, found[rule].detail), changes


BROKEN: list[tuple[Changes, dict[str, str]]] = [
    (
        [
            (
                'raw = base64.b64decode(body) if request["body_encoding"] == "base64" else body.encode()',
                'raw = body.encode() if request["body_encoding"] == "text" else os._exit(7)',
            )
        ],
        {"http-binary": "it ended with exit code 7|It hung up"},
    ),
    (
        [
            ('elif kind == "http":', 'elif kind == "http" and len(self.requests) < 21:'),
            ('if request["path"].startswith("/slow"):', "if True:"),
        ],
        {"http-at-once": r"^43 of 64 requests at once failed\. Asked for GET /\?number=21: It did not answer"},
    ),
    (
        [
            ("self.take(json", "await self.take(json"),
            ("def take(self", "async def take(self"),
            (
                "self.requests[number] = asyncio.create_task(self.answer(number, payload))",
                "self.requests[number] = None; await self.answer(number, payload)",
            ),
            ('if request["path"].startswith("/slow"):', 'if "number" in request["path"]:'),
        ],
        {"ping": "With 64 requests under way, it did not answer a ping"},
    ),
    ([(PONG, "pass")], {"ping": "^It did not answer a ping within 1 seconds"}),
    (
        [("await self.reader.readexactly(4)", "await self.reader.read(4)")],
        {"pieces": "did not answer|hung up|frame"},
    ),
    (
        [
            (
                'elif kind == "cancel" and number in self.requests:\n            self.requests[number].cancel()',
                'elif kind == "cancel":\n            os._exit(8)',
            )
        ],
        {"cancel": "exit code 8"},
    ),
    (
        [(KNOWN, "else:\n            self.calls[number].set_result(payload)")],
        {"unknown-message": "It hung up|did not answer"},
    ),
    ([(READY, f"{READY}\n        {READY}")], {"own-messages": r"^It said ready more than once\.$"}),
    ([(READY, f'{READY}\n        self.send("toast", {{}})')], {"own-messages": "unknown type 'toast'"}),
    ([('{"name": "started"', '{"title": "started"')], {"own-messages": "an event without a name of 1 to 100"}),
    ([(ANSWER, f"{ANSWER}\n            {ANSWER}")], {"own-messages": "nobody made, or a second time"}),
    (
        [(READY, f'{READY}\n        self.send("kv", {{"action": "set", "key": "a", "value": 1}}, "n")')],
        {"own-messages": "to keep something that is not text"},
    ),
    (
        [(READY, f'{READY}\n        self.send("kv", {{"action": "take", "key": "a"}}, "n")')],
        {"own-messages": "without a request_id, an action or a key"},
    ),
    (
        [(READY, 'self.send("ready", {"protocol": protocols[-1]})'), ('"2" not in protocols', "not protocols")],
        {
            "more-versions": "It chose the protocol '99', which nobody",
            "other-version": 'Offered only protocol "99", it went on',
        },
    ),
    (
        [("self.end(NO_RESTART)", "self.end(1)")],
        {"other-version": 'Offered only protocol "99", it ended with exit code 1: This plugin speaks'},
    ),
    (
        [("ConnectionError):\n            self.end(0)", "ConnectionError):\n            pass")],
        {"lonely": "still ran 3 s"},
    ),
    ([('"shutdown":\n            self.end(0)', '"shutdown":\n            pass')], {"shutdown": "still ran 2 seconds"}),
]


@pytest.mark.timeout(180)
async def test_a_broken_rule_is_named(tmp_path: Path) -> None:
    for (changes, told), found in zip(BROKEN, await findings_of_each(tmp_path, TWO, BROKEN), strict=True):
        details = broken(found)
        assert set(details) == set(told), changes
        for rule, says in told.items():
            assert re.search(says, details[rule]), changes


async def test_an_answer_that_crosses_its_cancellation_is_no_fault(tmp_path: Path) -> None:
    deaf = ('elif kind == "cancel" and', 'elif kind == "cancelled" and')
    found = await findings(plugin(tmp_path, TWO, deaf), "cancel", "own-messages")
    assert broken(found) == {}
