"""Who sees which rows, in which pages, and through which filter."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from sqlmodel import Session

from app.audit import store
from app.audit.schemas import AuditFilter, AuditView
from app.audit.trail import Outcome
from app.core.errors import BadValue, Forbidden
from app.core.permissions import ADMIN as ADMIN_SCOPE
from app.core.permissions import READ, Actor, Role, TokenRights
from tests.audit.support import ADMIN, BORIS, CARLA, Audit
from tests.support.database import MovedClock


def told(rows: tuple[AuditView, ...]) -> list[tuple[str, str]]:
    return [(row.actor, row.what) for row in rows]


async def test_an_admin_sees_everything_newest_first(audit: Audit) -> None:
    page = await audit.service.page(ADMIN)
    assert [row.id for row in page.items] == list(range(10, 0, -1))
    assert page.next_before is None
    assert page.items[4].detail == {"display_name": "Dörte = Dora"}


async def test_a_client_sees_every_run_and_its_own_coming_and_going(audit: Audit) -> None:
    assert told(await audit.rows(CARLA)) == [
        ("carla", "sign_in"),
        ("Carla", "sign_in"),  # somebody who tried under her name
        ("boris", "run.started"),
        ("boris", "run.ended"),
        ("carla", "sign_out"),
    ]


@pytest.mark.parametrize(
    ("scopes", "number"),
    [({READ}, 3), ({ADMIN_SCOPE}, 10)],
    ids=["read is what a client sees", "admin is all"],
)
async def test_a_token_sees_what_its_scope_gives(audit: Audit, scopes: set[str], number: int) -> None:
    token = TokenRights("t", frozenset(scopes))
    rows = await audit.rows(Actor(None, "admin", "Administrator", Role.ADMIN, token=token))
    assert len(rows) == number
    assert ("nobody", "sign_in") not in told(rows) or number == 10


async def test_a_token_that_may_only_run_sees_nothing(audit: Audit) -> None:
    token = TokenRights("t", frozenset({"run:a1"}))
    with pytest.raises(Forbidden, match="read"):
        await audit.service.page(Actor("c1", "carla", "Carla", Role.CLIENT, token=token))


FILTERS = {
    "one kind": (AuditFilter(what="run.ended"), [8]),
    "all of runs": (AuditFilter(what="run"), [7, 8]),
    "the same with a dot": (AuditFilter(what="run."), [7, 8]),
    "no kind begins in the middle of a word": (AuditFilter(what="ru"), []),
    "an actor": (AuditFilter(actor="boris"), [3, 7, 8]),
    "an outcome": (AuditFilter(outcome=Outcome.FAILED), [8]),
    "part of a target": (AuditFilter(search="DEPLOY"), [7, 8]),
    "part of an address": (AuditFilter(search="203.0."), [4, 5]),
    "part of a fact": (AuditFilter(search="dörte ="), [6]),
    "no pattern": (AuditFilter(search="%"), []),
    "no SQL": (AuditFilter(search="' OR 1=1 --", actor="' OR 1=1 --"), []),
    "several at once": (AuditFilter(what="sign_in", outcome=Outcome.REFUSED, search="carla"), [5]),
}


@pytest.mark.parametrize("what", FILTERS)
async def test_a_filter_lets_through_what_is_asked_for(audit: Audit, what: str) -> None:
    wanted, numbers = FILTERS[what]
    page = await audit.service.page(ADMIN, wanted)
    assert [row.id for row in page.items[::-1]] == numbers


async def test_a_filter_by_time_includes_its_ends(audit: Audit, clock: MovedClock) -> None:
    for hour in range(3):
        clock.stands_at = datetime(2030, 1, 1, hour, tzinfo=UTC)
        await audit.trail.record(ADMIN, "setting.changed", f"s{hour}")
    east = datetime(2030, 1, 1, 3, tzinfo=datetime.strptime("+0200", "%z").tzinfo)  # 01:00 UTC
    found = await audit.service.page(ADMIN, AuditFilter(since=east, until=east + timedelta(hours=1)))
    assert [row.target for row in found.items] == ["s2", "s1"]
    assert (await audit.service.page(ADMIN, AuditFilter(until=east, what="setting"))).items[0].target == "s1"


async def test_pages_follow_each_other_without_a_gap(audit: Audit) -> None:
    pages = [await audit.service.page(ADMIN, limit=3)]
    while pages[-1].next_before is not None:
        pages.append(await audit.service.page(ADMIN, limit=3, before=pages[-1].next_before))
    numbers = [row.id for page in pages for row in page.items]
    assert [len(page.items) for page in pages] == [3, 3, 3, 1]
    assert all(one - other == 1 for one, other in pairwise(numbers))


@pytest.mark.parametrize("limit", [0, -1, 201])
async def test_a_page_has_its_bounds(audit: Audit, limit: int) -> None:
    with pytest.raises(BadValue, match="1 to 200"):
        await audit.service.page(ADMIN, limit=limit)


async def test_rare_rows_are_found_far_back(audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(session: Session) -> None:
        for _ in range(300):
            audit.trail.append(session, BORIS, "run.started", "often.sh")

    await audit.database.write(write)
    monkeypatch.setattr(store, "STRETCH", 50)
    monkeypatch.setattr("app.audit.service.STRETCH", 50)
    found = await audit.service.page(ADMIN, AuditFilter(search="dora"), limit=5)
    assert [row.id for row in found.items] == [6]
    everything = await audit.service.page(ADMIN, limit=200)
    assert (len(everything.items), everything.next_before) == (200, 111)


async def test_what_was_made_unreadable_is_shown_as_that(audit: Audit) -> None:
    audit.tamper("UPDATE audit SET target = CAST(X'FF41' AS TEXT), detail = 'no JSON' WHERE id = 7")
    row = (await audit.rows(CARLA))[2]
    assert (row.target, row.detail) == ("\N{REPLACEMENT CHARACTER}A", {"unreadable": "no JSON"})
