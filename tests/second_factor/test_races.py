"""A second factor that comes or goes while somebody is signing in: no session may take the world for what it was."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from app.core.database import Database
from tests.second_factor.support import STEP, Authenticator, MovedServer, begin, enrol, try_sign_in
from tests.support.server import ADMIN, ADMIN_PASSWORD

MINE = "/api/me/second-factor"
Step = Callable[[], Awaitable[httpx.Response]]
Interrupt = Callable[[str, Step], None]


@pytest.fixture
async def admin(moved: MovedServer) -> AsyncIterator[httpx.AsyncClient]:
    """The administrator, without a second factor yet."""
    async with await moved.sign_in() as client:
        yield client


@pytest.fixture
def interrupt(monkeypatch: pytest.MonkeyPatch) -> Interrupt:
    """Has something happen right before or after the next session is stored."""
    waiting: dict[str, Step] = {}
    write = Database.write

    async def interrupted(database: Database, work: Callable[[Any], Any]) -> Any:
        stores = work.__qualname__ == "Sessions.issue.<locals>.insert"
        if stores and (step := waiting.pop("before", None)) is not None:
            (await step()).raise_for_status()
        result = await write(database, work)
        if stores and (step := waiting.pop("after", None)) is not None:
            (await step()).raise_for_status()
        return result

    monkeypatch.setattr(Database, "write", interrupted)
    return waiting.__setitem__


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_sign_in_without_a_code_does_not_outrun_a_second_factor(
    when: str, moved: MovedServer, admin: httpx.AsyncClient, interrupt: Interrupt
) -> None:
    begun = await begin(admin)
    phone = Authenticator(begun.json()["secret"], moved.clock)
    interrupt(when, lambda: admin.put(MINE, json={"code": phone.code()}))
    async with moved.client() as thief:
        answer = await try_sign_in(thief, ADMIN, ADMIN_PASSWORD)
        assert answer.status_code == (401 if when == "before" else 200)
        removed = await thief.delete(MINE)
        assert removed.status_code == (401 if when == "before" else 403)
        assert when == "before" or removed.json()["step_up"] is True
    assert (await admin.get(MINE)).json()["enabled"] is True


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_proof_does_not_outlive_the_second_factor_that_it_was_of(
    when: str, moved: MovedServer, admin: httpx.AsyncClient, interrupt: Interrupt
) -> None:
    phone, _ = await moved.enrol(admin)

    async def replace_it() -> httpx.Response:
        removed = await admin.delete(MINE)
        moved.clock.move(seconds=STEP)
        await enrol(admin, moved.clock)
        return removed

    interrupt(when, replace_it)
    async with moved.client() as other:
        answer = await try_sign_in(other, ADMIN, ADMIN_PASSWORD, phone.code())
        assert answer.status_code == (401 if when == "before" else 200)
        removed = await other.delete(MINE)
        assert removed.status_code == (401 if when == "before" else 403)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_sign_in_with_a_code_does_not_outlive_its_removal(
    when: str, moved: MovedServer, admin: httpx.AsyncClient, interrupt: Interrupt
) -> None:
    phone, _ = await moved.enrol(admin)
    interrupt(when, lambda: admin.delete(MINE))
    async with moved.client() as other:
        answer = await try_sign_in(other, ADMIN, ADMIN_PASSWORD, phone.code())
        assert answer.status_code == (401 if when == "before" else 200)
        if when == "after":
            assert (await other.delete("/api/users/x")).status_code == 404, "there is no factor to be asked for"
