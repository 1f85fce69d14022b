"""The conformance kit: a good plugin keeps every rule; one that breaks a rule is told which, and what it did."""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from app.plugins.conformance.findings import Result
from tests.plugins.conformance.support import SAMPLES, Changes, broken, findings, findings_of_each, plugin, sample
from tests.support.waiting import eventually

ONE = sample("plain-one")
IS_HTTP = 'if message["type"] == "http"'
REPLY = '"payload": answer(message["payload"]["payload"]),'
WRITE = "write_message(connection, reply)"


async def test_a_good_plugin_keeps_every_rule() -> None:
    found = await findings(SAMPLES / "plain-one.binary")
    assert broken(found) == {}
    assert found["metadata"].detail == "plain-one 1.0.0, protocol 1, at /plain-one"


async def test_the_wrapped_answer_is_as_good(tmp_path: Path) -> None:
    wrapped = (
        '"payload": {"type": "http", "request_id": message["request_id"], "payload": {"method": "RESPONSE", '
        '"path": "", "headers": {}, "body": json.dumps(answer(message["payload"]["payload"]))}},'
    )
    assert broken(await findings(plugin(tmp_path, ONE, (REPLY, wrapped)))) == {}


@pytest.mark.parametrize("times", [1, 3])
async def test_an_echo_of_8_mib_may_be_too_large(times: int, tmp_path: Path) -> None:
    echo = (
        f'"payload": {{"status": 200, "body": "it was: " + (message["payload"]["payload"]["body"] or "") * {times}}},'
    )
    assert broken(await findings(plugin(tmp_path, ONE, (REPLY, echo)))) == {}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits half a minute for an answer that never comes."""
    monkeypatch.setattr("app.plugins.conformance.rules1.ANSWER_SECONDS", 2)


FATAL: list[tuple[Changes, str, str]] = [
    ([('"id": "plain-one",\n', "\n")], "metadata", "Its id .* must be 1 to 48 letters"),
    ([("print(json.dumps(METADATA))", "time.sleep(60)")], "metadata", "did not end within 5 seconds"),
    ([("print(json.dumps(METADATA))", "print('x' * 70000)")], "metadata", "more than 64 KiB"),
    ([("listener.listen(16)", "sys.exit('no port')")], "start", r"^It ended with exit code 1: no port\.$"),
    (
        [("serve(connection)\n                except", "sys.exit(3)\n                except")],
        "start",
        "[Ii]t ended with exit code 3 without a word",  # at init, or when looked at after it
    ),
    ([(f"{IS_HTTP}:", "if False:")], "http-answer", r"^Asked for GET /: It did not answer within 2 seconds\.$"),
    ([(WRITE, "return")], "http-answer", r"It hung up without an answer\."),
    ([(WRITE, "sys.exit('tired')")], "http-answer", r"^Asked for GET /, it ended with exit code 1: tired\.$"),
    ([('"request_id": message["request_id"]', '"request_id": "x"')], "http-answer", "another request_id than"),
    ([('"type": "http",\n', '"type": "reply",\n')], "http-answer", "a message of the type 'reply'"),
    ([(REPLY, '"payload": {"status": "200"},')], "http-answer", "no status from 200 to 599"),
    ([(REPLY, '"payload": {"status": 99},')], "http-answer", "no status from 200 to 599"),
    ([(REPLY, '"payload": [],')], "http-answer", "is not a JSON object"),
    ([(REPLY, '"payload": {"status": 200, "headers": []},')], "http-answer", "headers .* are not an object"),
    ([(REPLY, '"payload": {"status": 200, "body": "x" * (9 << 20)},')], "http-answer", "larger than 8 MiB"),
    ([(REPLY, '"payload": {"status": float("nan")},')], "http-answer", r"not JSON: JSON has no NaN\."),
    ([("json.dumps(message).encode()", "json.dumps(message)[:9].encode()")], "http-answer", "not JSON: "),
    ([("json.dumps(message).encode()", "json.dumps(message).encode('utf-16')")], "http-answer", "is not UTF-8"),
    ([("json.dumps(message).encode()", "b'[]'")], "http-answer", "not a JSON object"),
    ([('to_bytes(4, "big") + body', 'to_bytes(4, "little") + body')], "http-answer", r"frame of \d+ bytes; 1677"),
    (
        [(WRITE, 'return connection.sendall(b"\\0\\0\\0\\x09{")')],
        "http-answer",
        "amid a frame, 9 bytes of which 1 ",
    ),
]


@pytest.mark.timeout(180)
async def test_a_rule_that_all_others_need_is_the_last_one(tmp_path: Path) -> None:
    all_found = await findings_of_each(tmp_path, ONE, [(changes, ()) for changes, _, _ in FATAL])
    for (changes, rule, says), found in zip(FATAL, all_found, strict=True):
        assert set(broken(found)) == {rule}, changes
        assert list(found)[-1] == rule, changes
        assert found[rule].result is Result.FAILED, changes
        assert re.search(says, found[rule].detail), changes


BROKEN: list[tuple[Changes, dict[str, str]]] = [
    (
        [('"version": "1.0.0"', '"version": str(time.time_ns())')],
        {"metadata-again": "differs from the first time"},
    ),
    (
        [(f"{IS_HTTP}:", f'{IS_HTTP} and message["payload"]["payload"]["method"] != "PUT":')],
        {"http-methods": r"^Asked for PUT /: It did not answer within 2 seconds\.$"},
    ),
    (
        [("def answer(request):", 'def answer(request):\n    assert len(request["path"]) < 2000')],
        {"http-path": "^Asked for GET /long/long/.*…, it ended with exit code 1: AssertionError"},
    ),
    (
        [("def answer(request):", 'def answer(request):\n    (request["body"] or "").encode("ascii")')],
        {"http-body": "^Asked for POST /: It hung up without an answer"},
    ),
    (
        [("while len(taken) < count:", "if count:"), ("min(count - len(taken), 65536)", "count")],
        {"http-large": "^Asked for POST /: It hung up without an answer"},
    ),
    (
        [
            ("def serve(connection):", "def serve(connection, asked=[]):\n    asked.append(1)"),
            ("while (message :=", "while len(asked) < 30 and (message :="),
        ],
        {"http-sequence": r"^Asked for GET /\?number=\d+: It hung up without an answer"},
    ),
    (
        [('"Content-Type": "application/json"', '"Set-Cookie": "a=b", "Server": "x", "X-Frame-Options": "x"')],
        {"http-headers": r"with headers that are not passed on: Set-Cookie, X-Frame-Options\.$"},
    ),
    ([(WRITE, f"{WRITE}\n            {WRITE}")], {"http-once": "a second message"}),
    (
        [
            ("except (OSError, ValueError, KeyError) as error", "except ZeroDivisionError as error"),
            (WRITE, f"time.sleep(0.02)\n            {WRITE}\n            connection.getpeername()"),
        ],
        {"hang-up": "BrokenPipeError|ConnectionResetError"},
    ),
    (
        [("return None\n        taken", "return sys.exit(4) if taken else None\n        taken")],
        {"broken-frame": "exit code 4"},
    ),
    (
        [(f"{IS_HTTP}:", f'if message["type"] == "news":\n            sys.exit("what?")\n        {IS_HTTP}:')],
        {"unknown-type": "exit code 1: what"},
    ),
    ([("sys.exit(0)\n        if", "pass\n        if")], {"shutdown": "it still ran 2 seconds later"}),
    (
        [("lambda *_: sys.exit(0)", "signal.SIG_IGN")],
        {"sigterm": "3 seconds after SIGTERM", "leftovers": "did not end"},
    ),
    (
        [("signal.signal(signal.SIGTERM", 'os.system("setsid sleep 60 &")\n    signal.signal(signal.SIGTERM')],
        {"leftovers": "1 processes that it started went on"},
    ),
]


@pytest.mark.timeout(180)
async def test_a_broken_rule_is_named(tmp_path: Path) -> None:
    for (changes, told), found in zip(BROKEN, await findings_of_each(tmp_path, ONE, BROKEN), strict=True):
        details = broken(found)
        assert set(details) == set(told), changes
        for rule, says in told.items():
            assert re.search(says, details[rule]), changes


async def test_what_ends_by_itself_soon_after_is_not_left_behind(tmp_path: Path) -> None:
    last_word = ("lambda *_: sys.exit(0)", "lambda *_: os.system('setsid sleep 0.3 &') or sys.exit(0)")
    assert broken(await findings(plugin(tmp_path, ONE, last_word))) == {}


async def test_the_other_rules_are_tried_after_a_broken_one(tmp_path: Path) -> None:
    """Even when the plugin ended in between."""
    dies = ("def answer(request):", 'def answer(request):\n    if request["method"] == "PUT":\n        sys.exit(5)')
    found = await findings(plugin(tmp_path, ONE, dies))
    assert list(broken(found)) == ["http-methods"]
    assert list(found)[-1] == "leftovers"


async def test_an_end_after_the_answer_is_noticed(tmp_path: Path) -> None:
    dies = (WRITE, f"{WRITE}\n            sys.exit(6)")
    found = await findings(plugin(tmp_path, ONE, dies))
    # Rules that ask more than once may meet its end, too.
    assert broken(found)["http-answer"] == "Afterwards it ended with exit code 6 without a word on stderr."


async def test_what_costs_only_a_little_is_advice(tmp_path: Path) -> None:
    header = ('"Content-Type": "application/json"', '"Set-Cookie": "a=b"')
    found = await findings(plugin(tmp_path, ONE, header), "http-headers")
    assert found["http-headers"].result is Result.ADVICE


def make_directory(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize(
    ("spoil", "result", "says"),
    [
        (lambda file: file.chmod(0o644), Result.FAILED, "chmod +x"),
        (lambda file: file.chmod(0o757), Result.FAILED, "chmod o-w"),
        (make_directory, Result.FAILED, "It is not a file."),
        (lambda file: file.unlink(), Result.FAILED, "No such file"),
    ],
)
async def test_the_file_itself(spoil: Callable[[Path], None], result: Result, says: str, tmp_path: Path) -> None:
    file = plugin(tmp_path, ONE)
    spoil(file)
    found = await findings(file, "http-answer")
    assert found["file"].result is result
    assert says in found["file"].detail


async def test_a_name_without_the_ending_is_advice(tmp_path: Path) -> None:
    file = plugin(tmp_path, ONE).rename(tmp_path / "made")
    assert (await findings(file, "http-answer"))["file"].result is Result.ADVICE


async def test_an_interrupted_check_leaves_nothing_behind(tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    file = plugin(tmp_path, ONE, (f"{IS_HTTP}:", f"open({str(asked)!r}, 'w').close()\n        if False:"))
    check = asyncio.create_task(findings(file))
    await eventually(asked.exists)
    assert len(running(file)) == 1
    check.cancel()
    await asyncio.wait([check])
    assert running(file) == []


def running(file: Path) -> list[psutil.Process]:
    """The processes of a plugin."""
    return [one for one in psutil.Process().children(recursive=True) if str(file) in one.cmdline()]
