"""The second factor at sign-in: asked for after the right password only, good once, and counted by the lock-out."""

import asyncio
import json

import httpx
import pytest

from app.core.permissions import Actor
from tests.second_factor.support import CARLA, CARLA_PASSWORD, Authenticator, MovedServer, try_sign_in
from tests.support.server import ADMIN, ADMIN_PASSWORD

ASKED = "Type the code of your second factor."
REFUSED = "This code is wrong, or was used already."


@pytest.fixture
async def phone(moved: MovedServer) -> tuple[Authenticator, list[str]]:
    """The administrator's second factor: the authenticator and the recovery codes."""
    async with await moved.sign_in() as admin:
        return await moved.enrol(admin)


async def enter(moved: MovedServer, code: str | None = None, password: str = ADMIN_PASSWORD) -> httpx.Response:
    """The administrator's try, from a browser that nobody knows."""
    async with moved.client() as client:
        return await try_sign_in(client, ADMIN, password, code)


async def test_it_is_asked_for_and_then_lets_in(moved: MovedServer, phone: tuple[Authenticator, list[str]]) -> None:
    for code in (None, ""):
        asked = await enter(moved, code)
        assert asked.status_code == 401
        assert asked.json() == {"success": False, "user": None, "error": ASKED, "second_factor": True}
        assert not asked.cookies
    entered = await enter(moved, phone[0].code())
    assert (entered.status_code, entered.json()["user"]["username"]) == (200, ADMIN)


async def test_the_phones_clock_may_be_a_step_off(moved: MovedServer, phone: tuple[Authenticator, list[str]]) -> None:
    for steps in (-1, 0, 1):
        moved.clock.move(minutes=5)
        assert (await enter(moved, phone[0].code(steps=steps))).status_code == 200, steps


async def test_other_codes_are_refused(moved: MovedServer, phone: tuple[Authenticator, list[str]]) -> None:
    for steps in (-3, -2, 2, 3):
        moved.clock.move(minutes=5)
        refused = await enter(moved, phone[0].code(steps=steps))
        assert refused.json() == {"success": False, "user": None, "error": REFUSED, "second_factor": True}, steps


async def test_the_code_that_set_it_up_is_used_up(moved: MovedServer) -> None:
    async with await moved.sign_in() as admin:
        authenticator, _ = await moved.enrol(admin)
    assert (await enter(moved, authenticator.code(steps=-1))).json()["error"] == REFUSED


async def test_a_code_is_good_once(moved: MovedServer, phone: tuple[Authenticator, list[str]]) -> None:
    code = phone[0].code()
    answers = await asyncio.gather(*(enter(moved, code) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401]


async def test_after_a_newer_code_an_older_one_is_refused(
    moved: MovedServer, phone: tuple[Authenticator, list[str]]
) -> None:
    older, newer = phone[0].code(), phone[0].code(steps=1)
    assert (await enter(moved, newer)).status_code == 200
    assert (await enter(moved, older)).status_code == 401


async def test_each_recovery_code_is_good_once(moved: MovedServer, phone: tuple[Authenticator, list[str]]) -> None:
    first, second = phone[1][:2]
    async with await moved.sign_in(code=first) as admin:
        assert (await admin.get("/api/me/second-factor")).json()["recovery_left"] == 9
    assert (await enter(moved, first)).json()["error"] == REFUSED
    typed = second.upper().replace("-", " ")
    answers = await asyncio.gather(*(enter(moved, typed) for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 401]


async def test_nothing_tells_of_it_before_the_password_was_right(
    moved: MovedServer, phone: tuple[Authenticator, list[str]]
) -> None:
    await moved.add_carla()
    code = phone[0].code()
    answers = []
    for username in (ADMIN, CARLA, "nobody"):
        async with moved.client() as client:
            answers.append((await try_sign_in(client, username, "wrong", code)).json())
    assert answers == [{"success": False, "user": None, "error": "Wrong user name or password."}] * 3
    moved.clock.move(hours=2)  # past the lock that three failures bring to the address
    assert (await enter(moved, phone[0].code())).status_code == 200


async def test_a_wrong_password_uses_no_code_up(moved: MovedServer, phone: tuple[Authenticator, list[str]]) -> None:
    assert (await enter(moved, phone[0].code(), "wrong")).status_code == 401
    assert (await enter(moved, phone[0].code())).status_code == 200


async def test_wrong_codes_lock_like_wrong_passwords(
    moved: MovedServer, phone: tuple[Authenticator, list[str]]
) -> None:
    for _ in range(3):
        assert (await enter(moved, phone[0].wrong_code())).status_code == 401
        asked = await enter(moved)  # neither a success, which would clear the failures, nor another one
    assert asked.status_code == 429
    locked = await enter(moved, phone[0].code())
    assert (locked.status_code, locked.json()["locked_until"], locked.headers["Retry-After"]) == (429, 60, "60")
    moved.clock.move(seconds=61)
    assert (await enter(moved, phone[0].code())).status_code == 200


async def test_being_asked_is_no_failure(moved: MovedServer, phone: tuple[Authenticator, list[str]]) -> None:
    for _ in range(5):
        assert (await enter(moved)).json()["error"] == ASKED
    async with await moved.sign_in(code=phone[0].code()) as admin:
        tries = (await admin.get("/api/auth/login-history")).json()
    assert [attempt["success"] for attempt in tries] == [True, *[False] * 5, True, True], (
        "setting it up took the password, too"
    )
    assert {attempt["failure_reason"] for attempt in tries if not attempt["success"]} == {"Second factor asked for"}
    assert await moved.services.auth.failures_24h(Actor.system()) == 0


async def test_sixty_guesses_at_once_are_at_most_three(
    moved: MovedServer, phone: tuple[Authenticator, list[str]]
) -> None:
    wrong = phone[0].wrong_code()
    answers = await asyncio.gather(*(enter(moved, wrong) for _ in range(60)))
    codes = sorted(answer.status_code for answer in answers)
    assert codes == [401] * 3 + [429] * 57


async def test_whatever_is_typed_is_a_wrong_code(moved: MovedServer, phone: tuple[Authenticator, list[str]]) -> None:
    for code in ("x", "1234567", "zzzzz-zzzzz", "\0", "🚀" * 16, "'; DROP TABLE users"):
        moved.clock.move(hours=2)
        answer = await enter(moved, code)
        assert (answer.status_code, answer.json()["error"]) == (401, REFUSED), code


async def test_what_cannot_be_a_code_is_malformed(moved: MovedServer) -> None:
    async with moved.client() as client:
        for code in ("1" * 65, 123456, ["123456"], {"code": "1"}, True, "1" * 500_000, "\ud800" * 6):
            body = json.dumps({"username": ADMIN, "password": ADMIN_PASSWORD, "code": code})
            headers = {"Content-Type": "application/json"}
            answer = await client.post("/api/auth/login", content=body.encode(), headers=headers)
            assert answer.status_code == 422, code
            assert answer.json()["error"].startswith("code: "), code
            assert ADMIN_PASSWORD not in answer.text


async def test_a_client_has_one_of_its_own(moved: MovedServer, phone: tuple[Authenticator, list[str]]) -> None:
    await moved.add_carla()
    async with await moved.sign_in(CARLA, CARLA_PASSWORD) as carla:
        theirs, recovery = await moved.enrol(carla)
    async with moved.client() as client:
        for code in (phone[0].code(), phone[1][0]):
            assert (await try_sign_in(client, CARLA, CARLA_PASSWORD, code)).status_code == 401
        assert (await try_sign_in(client, CARLA, CARLA_PASSWORD, theirs.code())).status_code == 200
    assert set(recovery).isdisjoint(phone[1])
