"""The rules for plugins that describe their page, each broken once."""

import re
from pathlib import Path

import pytest

from tests.plugins.conformance.support import SAMPLES, broken, findings, findings_of_each, sample

PAGE = sample("plain-page")
TWO = sample("plain-two")
SHOW = "            self.show()\n"
KIND = '"kind": "error", "message": "This is not there."'
UNKNOWN = 'self.send("page", {"action": "done", "kind": "error", "message": "This is not there."}, number)'
HANG_UP = "self.connection.shutdown(socket.SHUT_RDWR), __import__('time').sleep(2)"
RULES = ("page-shown", "page-event", "page-news", "own-messages")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits half a minute for an answer that never comes."""
    monkeypatch.setattr("app.plugins.conformance.speaker2.ANSWER_SECONDS", 2)
    monkeypatch.setattr("app.plugins.conformance.page_rules.START_SECONDS", 1)


async def test_a_good_page_keeps_every_rule() -> None:
    found = await findings(SAMPLES / "plain-page.binary")
    assert broken(found) == {}
    assert set(RULES) <= set(found)


async def test_plugins_without_such_a_page_are_not_asked_for_one() -> None:
    assert not {"page-shown", "page-event", "page-news"} & set(await findings(SAMPLES / "plain-two.binary", *RULES))


BROKEN: list[tuple[list[tuple[str, str]], dict[str, str]]] = [
    ([(SHOW, "")], {"page-shown": "^Watched, it showed no tree within 1 seconds"}),
    (
        [('"label": "Pressed"', '"title": "Pressed"')],
        {
            "page-shown": r"^What it showed is refused: count: label is missing\.$",
            "own-messages": r"^What it showed is refused: count: label is missing\.$",
        },
    ),
    ([(UNKNOWN, "pass")], {"page-event": "did not answer an event for an unknown id"}),
    ([(UNKNOWN, "sys.exit(9)")], {"page-event": "^Sent an event for an unknown id, it ended with exit code 9"}),
    ([(UNKNOWN, HANG_UP)], {"page-event": "hung up"}),
    ([(KIND, '"message": "Done."')], {"page-event": "with the kind success"}),
    ([(KIND, '"kind": "bad"')], {"page-event": "what is no answer. done: kind must be one of"}),
    (
        [('elif kind == "page" and payload.get("action") == "event":', 'elif kind == "page":')],
        {"page-shown": "exit code|hung up", "page-news": "exit code 1|hung up"},
    ),
    (
        [(SHOW, SHOW + '            self.send("page", {"action": "done"}, "nobody")\n')],
        {"own-messages": "not due, with the action 'done'"},
    ),
    (
        [('    "page": "tree",\n', "")],
        {"own-messages": "its metadata does not say that it has one like that"},
    ),
]


@pytest.mark.timeout(180)
async def test_each_rule_is_noticed(tmp_path: Path) -> None:
    all_found = await findings_of_each(tmp_path, PAGE, [(changes, RULES) for changes, _ in BROKEN])
    for (changes, expected), found in zip(BROKEN, map(broken, all_found), strict=True):
        assert found.keys() == expected.keys(), (changes, found)
        for rule, says in expected.items():
            assert re.search(says, found[rule]), changes
