"""The audit page: rows in words, the filter, paging, and the same rows as a file."""

import asyncio
import csv
import json
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from nicegui import ui
from nicegui.testing import User

from app.audit.schemas import AuditView
from app.core.permissions import Actor
from app.services import Services
from tests.support.clients import CLIENT
from tests.support.inprocess import AsUser
from tests.ui.forms import choose
from ui.components.audit_list import AuditList, entry
from ui.components.audit_words import phrase
from ui.components.card import Card
from ui.pages import audit

ADMIN = Actor.system()


@pytest.fixture
async def recorded(services: Services) -> str:
    """A setting was changed twice, which the audit tells."""
    await services.settings.put(ADMIN, "max_runs", "7")
    await services.settings.put(ADMIN, "max_runs", "20")
    return "max_runs"


async def test_the_newest_rows_are_told_in_words(as_user: AsUser, recorded: str) -> None:
    user = await opened(as_user)
    first = rows(user)[0]
    assert (first["phrase"], first["about"], first["actor"]) == ("Setting changed", recorded, "system")
    assert ["Old", "7"] in [list(fact) for fact in first["facts"]]
    assert len(first["hash"]) == len(first["before"]) == 64
    assert first["before"] == rows(user)[1]["hash"]


async def test_the_filter_narrows_and_says_when_nothing_is_left(as_user: AsUser, recorded: str) -> None:
    user = await opened(as_user)
    choose(user, "What", "setting")
    await until(lambda: {row["phrase"] for row in rows(user)} == {"Setting changed"})
    choose(user, "Outcome", "failed")
    await user.should_see("Nothing matches")
    choose(user, "Outcome", "")
    await user.should_see(AuditList)
    user.find("Search user, target, address").type("no such thing")
    await user.should_see("Nothing matches")


async def test_the_links_export_what_the_filter_lets_through(as_user: AsUser, recorded: str) -> None:
    user = await opened(as_user)
    choose(user, "What", "setting")
    choose(user, "Time", "7")
    await until(lambda: "since" in exports(user)[0])
    for link, name in zip(exports(user), ("jsonl", "csv"), strict=True):
        asked = parse_qs(urlsplit(link).query)
        assert (asked["format"], asked["what"]) == ([name], ["setting"])
        answer = await user.http_client.get(link)
        assert answer.status_code == 200
        read: Iterable[dict[str, Any]] = (
            map(json.loads, answer.text.splitlines()) if name == "jsonl" else csv.DictReader(answer.text.splitlines())
        )
        assert {row["what"] for row in read} == {"setting.changed"}


async def test_older_rows_follow_on_demand(
    as_user: AsUser, services: Services, recorded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "PAGE_SIZE", 2)
    user = await opened(as_user)
    assert len(rows(user)) == 2
    user.find("Show older rows").click()
    await until(lambda: len(rows(user)) == 4)
    numbers = [row["key"] for row in rows(user)]
    assert numbers == sorted(numbers, reverse=True)


async def test_a_client_sees_runs_and_its_own_sign_ins_only(as_user: AsUser, recorded: str) -> None:
    user = await opened(as_user, CLIENT)
    assert {card.props["subtitle"] for card in user.find(Card).elements} == {"All runs, and your own sign-ins."}
    assert {row["actor"] for row in rows(user) if not row["phrase"].startswith("Run")} == {CLIENT}


@pytest.mark.parametrize(
    ("what", "outcome", "words"),
    [
        ("sign_in", "ok", "Signed in"),
        ("sign_in", "refused", "Sign-in failed"),
        ("sign_in.code_asked", "ok", "Code asked for"),
        ("run.ended", "failed", "Run ended"),
        ("plugin.something_new", "ok", "Plugin something new"),
    ],
)
def test_every_kind_has_words(what: str, outcome: str, words: str) -> None:
    assert phrase(what, outcome) == words


@pytest.mark.fault("A46")
def test_what_is_known_of_a_row_is_shown_as_text() -> None:
    row = AuditView(
        7, "2026-11-22T10:00:00.000Z", "", None, "", "::1", "sign_in", "", "refused",
        {"reason": "Locked", "seconds_left": 60, "odd": {"a": [True, None]}}, "0" * 64, "1" * 64,
    )  # fmt: skip
    shown = entry(row)
    assert (shown["about"], shown["actor"], shown["tone"], shown["outcome"]) == ("Locked", "somebody", "warn", "")
    assert ("Odd", '{"a":[true,null]}') in shown["facts"]


async def opened(as_user: AsUser, username: str = "admin") -> User:
    user = await as_user(username)
    await user.open("/audit")
    await user.should_see(AuditList)
    return user


def rows(user: User) -> list[dict[str, Any]]:
    [shown] = user.find(AuditList).elements
    return list(shown.props["rows"])


def exports(user: User) -> list[str]:
    links = sorted(user.find(kind=ui.link).elements, key=lambda link: link.id)
    return [str(link.props["href"]) for link in links if "export" in str(link.props["href"])]


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(4):
        while not true():
            await asyncio.sleep(0.02)
