"""What a request may show to be let in: tokens below /api, hostile ones, and never a token beside a cookie."""

from collections.abc import Callable

import pytest

from app.auth.schemas import SessionView
from app.core.permissions import Actor
from app.credentials import BAD_TOKEN, BOTH, DOUBLED
from app.tokens.form import new_token
from app.tokens.schemas import NewToken
from tests.auth.support import Door
from tests.test_guard import PRIVATE_PATHS, Gate, door, gate, session, token

__all__ = ["door", "gate", "session", "token"]


@pytest.fixture(scope="module")
async def made(door: Door) -> NewToken:
    """A token of the administrator."""
    actor = (await door.enter()).session.actor("192.0.2.1")
    return await door.tokens.create(actor, "ci", ["admin"])


@pytest.fixture
def bearer(made: NewToken) -> dict[str, str]:
    """Its header."""
    return {"Authorization": f"Bearer {made.token}"}


async def test_a_token_opens_what_is_below_api_and_nothing_else(gate: Gate, bearer: dict[str, str]) -> None:
    for path in PRIVATE_PATHS:
        answer = await gate.ask(path, headers=bearer)
        assert answer.status_code == (200 if path.startswith("/api/") else 401 if path.startswith("/_") else 303)
    assert [scope["path"] for scope in gate.behind.seen] == [path for path in PRIVATE_PATHS if path.startswith("/api/")]
    assert {scope["state"]["credential"].user.username for scope in gate.behind.seen} == {"Admin"}
    assert {scope["state"]["session"] for scope in gate.behind.seen} == {None}, "no page is built for a token"
    (accepted,) = await gate.open("/api/ws", **bearer)
    assert accepted["type"] == "websocket.accept"
    for path in ("/_nicegui_ws/socket.io/", "/ws"):
        assert (await gate.open(path, **bearer))[0]["status"] == 401


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer "])
async def test_the_scheme_is_told_in_any_case(scheme: str, gate: Gate, made: NewToken) -> None:
    answer = await gate.ask(headers={"Authorization": f"{scheme} {made.token}"})
    assert answer.status_code == 200


HOSTILE: dict[str, Callable[[str], str]] = {
    "nothing": lambda token: "Bearer",
    "empty": lambda token: "Bearer ",
    "truncated": lambda token: f"Bearer {token[:-1]}",
    "longer": lambda token: f"Bearer {token}x",
    "one bit": lambda token: f"Bearer {token[:-1]}{chr(ord(token[-1]) ^ 1)}",
    "another case": lambda token: f"Bearer {token.swapcase()}",
    "well formed but unknown": lambda token: f"Bearer {new_token()}",
    "two in one": lambda token: f"Bearer {token}, Bearer {token}",
    "two words": lambda token: f"Bearer {token} {token}",
    "tab": lambda token: f"Bearer\t{token}",
    "quoted": lambda token: f'Bearer "{token}"',
    "NUL": lambda token: f"Bearer {token}\0",
    "ten thousand": lambda token: "Bearer " + "a" * 10_000,
    "no ASCII": lambda token: f"Bearer {token[:-1]}é",
    "Basic": lambda token: f"Basic {token}",
    "no scheme": lambda token: token,
    "a session's": lambda token: "Bearer " + "a" * 43,
}


@pytest.mark.parametrize("kind", HOSTILE)
async def test_nothing_but_a_token_is_a_token(kind: str, gate: Gate, made: NewToken) -> None:
    header = HOSTILE[kind](made.token).encode("latin-1")
    answer = await gate.ask(headers={b"authorization": header})
    assert answer.status_code == 401
    assert answer.json()["error"] in (BAD_TOKEN, "Not signed in.")
    assert ("www-authenticate" in answer.headers) is (kind not in ("tab", "Basic", "no scheme"))
    assert made.token not in answer.text
    assert gate.behind.seen == []


async def test_two_authorization_headers_are_refused(gate: Gate, made: NewToken) -> None:
    header = ("Authorization", f"Bearer {made.token}")
    answer = await gate.ask(more_headers=[header, header])
    assert (answer.status_code, answer.json()["error"]) == (401, DOUBLED)


@pytest.mark.fault("A45")
@pytest.mark.parametrize("cookie", ["the live one", "session_id=nonsense", "session_id="])
async def test_a_cookie_and_a_token_together_are_refused(
    cookie: str, gate: Gate, session: dict[str, str], bearer: dict[str, str]
) -> None:
    shown = session if cookie == "the live one" else {"Cookie": cookie}
    for path in ("/api/users", "/api/auth/login"):
        answer = await gate.ask(path, headers={**shown, **bearer})
        assert (answer.status_code, answer.json()["error"]) == (401, BOTH)
        assert answer.headers["www-authenticate"] == "Bearer"
    assert (await gate.open("/api/ws", **shown, **bearer))[0]["status"] == 401
    assert gate.behind.seen == []


async def test_on_a_page_the_session_decides_and_a_token_counts_for_nothing(
    gate: Gate, session: dict[str, str], bearer: dict[str, str]
) -> None:
    for shown in (bearer, {"Authorization": f"Bearer {new_token()}"}, {"Authorization": "Bearer wrong"}):
        assert (await gate.ask("/", headers=shown)).status_code == 303
        assert (await gate.ask("/", headers={**session, **shown})).status_code == 200
    assert {type(scope["state"]["credential"]) for scope in gate.behind.seen} == {SessionView}


async def test_a_proxy_that_asks_for_a_password_itself_disturbs_no_session(gate: Gate, session: dict[str, str]) -> None:
    answer = await gate.ask(headers={**session, "Authorization": "Basic dXNlcjpwYXNz"})
    assert answer.json()["user"] == "Admin"


async def test_what_answers_everybody_answers_a_bad_token_too(gate: Gate) -> None:
    for path in ("/api/health", "/api/auth/me"):
        answer = await gate.ask(path, headers={"Authorization": "Bearer wrong"})
        assert (answer.status_code, answer.json()["user"]) == (200, None)


@pytest.mark.fault("A45")
@pytest.mark.parametrize(
    "foreign", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
)
async def test_no_origin_is_foreign_to_a_token(foreign: dict[str, str], gate: Gate, bearer: dict[str, str]) -> None:
    for method in ("GET", "POST", "DELETE"):
        assert (await gate.ask("/api/users", method, headers={**foreign, **bearer})).status_code == 200
    (accepted,) = await gate.open("/api/ws", **foreign, **bearer)
    assert accepted["type"] == "websocket.accept"
    bad = {"Authorization": "Bearer " + new_token()}
    assert (await gate.ask("/api/auth/login", "POST", headers={**foreign, **bad})).status_code == 401
    assert (await gate.ask("/", headers={**foreign, **bearer})).status_code == 403, "a page knows no tokens"


async def test_guessing_tokens_costs_a_strangers_budget_and_using_one_does_not(
    gate: Gate, bearer: dict[str, str]
) -> None:
    for _ in range(1250):
        assert (await gate.ask(headers=bearer, peer="192.0.2.66")).status_code == 200
    guesses = [
        await gate.ask(headers={"Authorization": f"Bearer {new_token()}"}, peer="192.0.2.66") for _ in range(1201)
    ]
    assert {answer.status_code for answer in guesses[:1200]} == {401}
    assert guesses[1200].status_code == 429
    assert (await gate.ask(headers=bearer, peer="192.0.2.66")).status_code == 200, "who is known goes on"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        *(("GET", "/api/resources", 403), ("HEAD", "/api/resources", 403), ("GET", "/api/openapi.json", 403)),
        *(("GET", "/api/runs", 403), ("GET", "/api/quick-actions", 403), ("GET", "/api/history", 403)),
        *(("GET", "/api/plugins/x/bundle.js", 403), ("GET", "/api/audit", 403), ("GET", "/api/whatever", 403)),
        *(
            ("GET", "/api/runs/x/anything", 403),
            ("GET", "/api/runs/x/output/x", 403),
            ("GET", "/api/runs//x", 403),
            ("GET", "/api/auth/me/x", 403),
        ),
        *(("GET", "/api/auth/me", 200), ("GET", "/api/health", 200), ("GET", "/api/runs/x", 200)),
        *(("GET", "/api/runs/x/output", 200), ("GET", "/api/runs/x/stream", 200), ("POST", "/api/runs", 200)),
        *(("POST", "/api/quick-actions/x/execute", 200), ("POST", "/api/runs/x/cancel", 200)),
    ],
)
async def test_a_token_that_may_only_run_sees_nothing_but_what_services_decide(
    method: str, path: str, status: int, gate: Gate, door: Door
) -> None:
    action = await door.actions.create(Actor.system(), "Deploy", "deploy.sh")
    actor = (await door.enter()).session.actor("192.0.2.1")
    made = await door.tokens.create(actor, "deploy", [f"run:{action.id}"])
    answer = await gate.ask(path, method, headers={"Authorization": f"Bearer {made.token}"})
    assert answer.status_code == status
    if status == 403 and method != "HEAD":
        assert answer.json() == {"error": "This token lacks the scope read."}
    await door.tokens.revoke(actor, made.view.id)
