"""What people change of their own accounts is bounded: nobody fills the audit until its oldest rows go."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

from app.core.errors import Limited
from app.core.permissions import Actor
from app.users.service import OWN_CHANGES
from tests.auth.support import CLARA, CLARA_PASSWORD, Door
from tests.support.clients import sign_in
from tests.support.server import Server

NAME, PASSWORD = "changes a lot", "Battery-Staple-8"


@pytest.fixture
async def person(server: Server, admin: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody with an account of this test's own, who has changed it as often as one may within a minute."""
    made = await admin.post("/api/users", json={"username": NAME, "password": PASSWORD})
    async with await sign_in(server, NAME, PASSWORD) as client:
        for number in range(OWN_CHANGES.amount):
            assert (await client.put("/api/me", json={"display_name": f"Carla {number}"})).status_code == 200
        yield client
    await admin.delete(f"/api/users/{made.json()['id']}")


Ask = Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]
CHANGES: dict[str, Ask] = {
    "name": lambda me: me.put("/api/me", json={"display_name": "Carla"}),
    "password": lambda me: me.put("/api/me/password", json={"current_password": "x", "new_password": PASSWORD}),
    "a new token": lambda me: me.post("/api/tokens", json={"name": "mine", "scopes": ["read"]}),
    "a token's end": lambda me: me.delete("/api/tokens/x"),
    "a session's end": lambda me: me.delete("/api/me/sessions/x"),
    "the other sessions' end": lambda me: me.delete("/api/me/sessions"),
    "a second factor": lambda me: me.post("/api/me/second-factor", json={"password": "x"}),
    "its first code": lambda me: me.put("/api/me/second-factor", json={"code": "123456"}),
    "its recovery codes": lambda me: me.post("/api/me/second-factor/recovery"),
    "its end": lambda me: me.delete("/api/me/second-factor"),
}


async def test_past_sixty_changes_a_minute_the_answer_is_429(
    person: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    for what, ask in CHANGES.items():
        answer = await ask(person)
        assert answer.status_code == 429, what
        assert answer.json() == {"error": "You have changed your account too often. Try again in a minute."}
        assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert (await person.get("/api/me/sessions")).status_code == 200, "looking is no change"
    assert (await admin.delete("/api/me/sessions/x")).status_code == 404, "others have a budget of their own"


async def test_rows_are_bounded_and_a_minute_later_it_goes_on(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    await door.add_clara()
    clara = (await door.enter(CLARA, CLARA_PASSWORD)).session.actor("192.0.2.1")
    refused = 0
    for number in range(100):
        try:
            await door.users.change_own_display_name(clara, f"Clara {number}")
        except Limited:
            refused += 1
    rows = (await door.audit.page(Actor.system(), limit=200)).items
    assert (sum(row.what == "user.changed" for row in rows), refused) == (60, 40)
    later = time.time() + 61
    monkeypatch.setattr(time, "time", lambda: later)
    assert (await door.users.change_own_display_name(clara, "Clara C.")).display_name == "Clara C."


async def test_making_and_revoking_tokens_counts_together(door: Door) -> None:
    await door.add_clara()
    clara = (await door.enter(CLARA, CLARA_PASSWORD)).session.actor("192.0.2.1")
    for _ in range(OWN_CHANGES.amount // 2):
        made = await door.tokens.create(clara, "mine", ["read"])
        await door.tokens.revoke(clara, made.view.id)
    with pytest.raises(Limited):
        await door.tokens.create(clara, "mine", ["read"])
