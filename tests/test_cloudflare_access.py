"""The second gate: what opens it, what does not, and that it stands in front of everything but the health check."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from app.cloudflare_access import CloudflareAccess, make_cloudflare_access
from app.core.config import load_config
from app.core.errors import Forbidden, Unavailable
from app.fetch import CannotFetch, fetch
from tests.cli.calling import toru_process
from tests.conftest import StartServer
from tests.support.clients import http_client, open_socket, sign_in
from tests.support.cloudflare import AUDIENCE, KEYS_PATH, Key, KeyServer, Team, encoded
from tests.support.database import MovedClock
from tests.support.server import Server
from tests.support.waiting import eventually

HEADER = "Cf-Access-Jwt-Assertion"
OURS, STRANGERS = Key("ours"), Key("strangers")
TEAM = Team("https://team.cloudflareaccess.com", [OURS])
HOUR = 3600


@pytest.fixture
async def access(clock: MovedClock) -> AsyncIterator[CloudflareAccess]:
    async def source() -> bytes:
        return TEAM.key_set()

    gate = CloudflareAccess(TEAM.issuer, frozenset({AUDIENCE, "another"}), source, clock)
    yield gate
    await gate.close()


async def test_an_assertion_of_our_team_for_our_application_opens(access: CloudflareAccess) -> None:
    await access.check([TEAM.assertion()])
    await access.check([TEAM.assertion(aud=AUDIENCE)])
    await access.check([TEAM.assertion(aud=["x", "another"])])
    await access.check([TEAM.assertion(nbf=None, iat=None, email=None, common_name="a service token")])


def resigned(head: dict[str, Any], payload: Any, key: Key = OURS) -> str:
    content = f"{encoded(head)}.{encoded(payload)}"
    return f"{content}.{key.sign(content)}"


def with_other_claims(assertion: str) -> str:
    head, _, signature = assertion.split(".")
    return f"{head}.{encoded({'aud': [AUDIENCE], 'iss': TEAM.issuer, 'exp': time.time() + HOUR})}.{signature}"


def hmac_with_the_public_key() -> str:
    import hashlib
    import hmac

    content = f"{encoded({'alg': 'HS256', 'kid': 'ours'})}.{encoded({'aud': AUDIENCE, 'iss': TEAM.issuer, 'exp': 9e9})}"
    return f"{content}.{encoded(hmac.digest(json.dumps(OURS.public).encode(), content.encode(), hashlib.sha256))}"


GOOD_HEAD = {"alg": "RS256", "kid": "ours"}
CLAIMS = {"aud": AUDIENCE, "iss": TEAM.issuer, "exp": 9e9}
DEEP, NO_TEXT = b"[" * 5000, b"\xff\xff"

WRONG: dict[str, tuple[Callable[[], list[str]], str]] = {
    "missing": (list, "through Cloudflare Access only"),
    "twice": (lambda: [TEAM.assertion()] * 2, "more than once"),
    "empty": (lambda: [""], "malformed"),
    "two joined by a comma": (lambda: [f"{TEAM.assertion()}, {TEAM.assertion()}"], "malformed"),
    "two parts": (lambda: [TEAM.assertion().rpartition(".")[0]], "malformed"),
    "no signature": (lambda: [TEAM.assertion().rpartition(".")[0] + "."], "malformed"),
    "truncated": (lambda: [TEAM.assertion()[:-10]], "malformed|wrong signature"),
    "padded": (lambda: [TEAM.assertion() + "="], "malformed"),
    "with a line end": (lambda: [TEAM.assertion() + "\n"], "malformed"),
    "20 kB": (lambda: [TEAM.assertion(sub="x" * 20_000)], "malformed"),
    "not base64": (lambda: ["é.é.é"], "malformed"),
    "one character": (lambda: ["a.a.a"], "malformed"),
    "not JSON": (lambda: [f"{encoded(b'{')}.e30.e30"], "malformed"),
    "a list": (lambda: [f"{encoded([])}.e30.e30"], "malformed"),
    "deep": (lambda: [f"{encoded(DEEP)}.e30.e30"], "malformed"),
    "not UTF-8": (lambda: [f"{encoded(NO_TEXT)}.e30.e30"], "malformed"),
    "alg none": (lambda: [f"{encoded({'alg': 'none', 'kid': 'ours'})}.{encoded(CLAIMS)}.e30"], "way that is not taken"),
    "alg NONE": (lambda: [TEAM.assertion({"alg": "NoNe"})], "way that is not taken"),
    "alg missing": (lambda: [TEAM.assertion({"alg": None})], "way that is not taken"),
    "alg HS256": (lambda: [hmac_with_the_public_key()], "way that is not taken"),
    "alg RS512": (lambda: [TEAM.assertion({"alg": "RS512"})], "way that is not taken"),
    "alg a list": (lambda: [TEAM.assertion({"alg": ["RS256"]})], "way that is not taken"),
    "alg an object": (lambda: [TEAM.assertion({"alg": {}})], "way that is not taken"),
    "critical": (lambda: [TEAM.assertion({"crit": ["b64"], "b64": False})], "way that is not taken"),
    "kid missing": (lambda: [TEAM.assertion({"kid": None})], "names no key"),
    "kid a list": (lambda: [TEAM.assertion({"kid": ["ours"]})], "names no key"),
    "kid unknown": (lambda: [TEAM.assertion(key=STRANGERS)], "unknown key"),
    "its own key": (lambda: [TEAM.assertion({"jwk": STRANGERS.public, "kid": "strangers"}, STRANGERS)], "unknown key"),
    "another's key": (lambda: [TEAM.assertion({"kid": "ours"}, STRANGERS)], "wrong signature"),
    "other claims": (lambda: [with_other_claims(TEAM.assertion())], "wrong signature"),
    "claims a list": (lambda: [resigned(GOOD_HEAD, [])], "malformed"),
    "claims NaN": (lambda: [resigned(GOOD_HEAD, {**CLAIMS, "exp": float("nan")})], "malformed"),
    "aud missing": (lambda: [TEAM.assertion(aud=None)], "another application"),
    "aud another": (lambda: [TEAM.assertion(aud=["x"])], "another application"),
    "aud empty": (lambda: [TEAM.assertion(aud=[])], "another application"),
    "aud a part": (lambda: [TEAM.assertion(aud=AUDIENCE[:-1])], "another application"),
    "aud nested": (lambda: [TEAM.assertion(aud=[[AUDIENCE], {}, 1])], "another application"),
    "aud an object": (lambda: [TEAM.assertion(aud={AUDIENCE: 1})], "another application"),
    "iss missing": (lambda: [TEAM.assertion(iss=None)], "another team"),
    "iss another": (lambda: [TEAM.assertion(iss="https://evil.cloudflareaccess.com")], "another team"),
    "iss with a slash": (lambda: [TEAM.assertion(iss=TEAM.issuer + "/")], "another team"),
    "exp missing": (lambda: [TEAM.assertion(exp=None)], "no time `exp`"),
    "exp a text": (lambda: [TEAM.assertion(exp="9999999999")], "no time `exp`"),
    "exp true": (lambda: [TEAM.assertion(exp=True)], "no time `exp`"),
    "exp past": (lambda: [TEAM.assertion(exp=time.time() - 31)], "has expired"),
    "exp long past": (lambda: [TEAM.assertion(exp=-9e18)], "has expired"),
    "nbf to come": (lambda: [TEAM.assertion(nbf=time.time() + 40)], "not valid yet"),
    "nbf a text": (lambda: [TEAM.assertion(nbf="0")], "no time `nbf`"),
}


@pytest.mark.parametrize("kind", WRONG)
async def test_nothing_else_does(kind: str, access: CloudflareAccess) -> None:
    make, told = WRONG[kind]
    with pytest.raises(Forbidden, match=told):
        await access.check(make())


async def test_clocks_may_be_half_a_minute_apart(access: CloudflareAccess, clock: MovedClock) -> None:
    clock.stands_at = clock.now()
    now = clock.now().timestamp()
    await access.check([TEAM.assertion(exp=now - 29, nbf=now + 29)])
    for assertion in (TEAM.assertion(exp=now - 30), TEAM.assertion(nbf=now + 31)):
        with pytest.raises(Forbidden):
            await access.check([assertion])


async def test_an_assertion_ends_in_time(access: CloudflareAccess, clock: MovedClock) -> None:
    assertion = TEAM.assertion()
    await access.check([assertion])
    clock.move(hours=1, minutes=1)
    with pytest.raises(Forbidden, match="has expired"):
        await access.check([assertion])


# -- keys from the team's address and from a file


@pytest.fixture(scope="module")
def key_server() -> Iterator[KeyServer]:
    with KeyServer().serving() as server:
        yield server


@pytest.fixture
def team(key_server: KeyServer) -> Team:
    """A team whose address is the key server's."""
    team = Team(key_server.address, [OURS])
    key_server.answer, key_server.delay = (200, team.key_set()), 0
    key_server.asked.clear()
    return team


async def test_the_teams_address_is_asked_for_the_keys(key_server: KeyServer, team: Team, clock: MovedClock) -> None:
    config = load_config({"TORU_ACCESS_TEAM": team.issuer, "TORU_ACCESS_AUDIENCE": AUDIENCE}, env_file=None)
    gate = make_cloudflare_access(config, clock)
    assert gate is not None
    await asyncio.gather(*(gate.check([team.assertion()]) for _ in range(20)))
    assert key_server.asked == [KEYS_PATH]
    await gate.close()


async def test_without_a_team_there_is_no_gate(clock: MovedClock) -> None:
    assert make_cloudflare_access(load_config(env_file=None), clock) is None


@pytest.mark.parametrize("content", [None, b"", b"{}"])
async def test_a_file_that_cannot_be_used_closes_the_gate(
    content: bytes | None, tmp_path: Path, clock: MovedClock
) -> None:
    file = tmp_path / "keys.json"
    file.write_bytes(TEAM.key_set())
    names = {"TORU_ACCESS_TEAM": "team", "TORU_ACCESS_AUDIENCE": AUDIENCE, "TORU_ACCESS_KEYS": str(file)}
    gate = make_cloudflare_access(await asyncio.to_thread(load_config, names, None), clock)
    assert gate is not None
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(Unavailable):
        await gate.check([TEAM.assertion()])
    await gate.close()


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((500, b"no"), "answered with 500"),
        ((301, b"elsewhere"), "answered with 301"),
        ((200, b"x" * 1001), "larger than 1000 bytes"),
        (None, "RemoteProtocolError"),
    ],
)
async def test_an_answer_that_is_none_is_told_in_a_line(
    answer: tuple[int, bytes] | None, told: str, key_server: KeyServer, team: Team
) -> None:
    key_server.answer = answer
    with pytest.raises(CannotFetch, match=told):
        await fetch(team.issuer, most=1000, seconds=10)


async def test_nobody_waits_longer_than_told_for_an_answer(key_server: KeyServer, team: Team) -> None:
    key_server.delay = 20
    began = time.monotonic()
    with pytest.raises(CannotFetch, match="took over 1 seconds"):
        await fetch(team.issuer, most=1000, seconds=1)
    assert time.monotonic() - began < 4


async def test_where_nobody_listens_that_is_told() -> None:
    with pytest.raises(CannotFetch, match="ConnectError"):
        await fetch("http://127.0.0.1:1/", most=1000, seconds=10)


# -- a real server behind it


@pytest.fixture(scope="module")
async def guarded(tmp_path_factory: pytest.TempPathFactory, process_watch: Any) -> AsyncIterator[Server]:
    """A server behind the gate, with its keys in a file."""
    folder = tmp_path_factory.mktemp("guarded")
    keys = folder / "keys.json"
    keys.write_bytes(TEAM.key_set())
    env = {"TORU_ACCESS_TEAM": "team", "TORU_ACCESS_AUDIENCE": AUDIENCE, "TORU_ACCESS_KEYS": str(keys)}
    server = await Server(folder / "server", env=env).start()
    process_watch.keep(server.pid)
    process_watch.keep_runner_of(server.data_dir)
    yield server
    await server.close()


PATHS = (
    *("/", "/login", "/scripts", "/static/toru.css", "/favicon.ico", "/nothing", "//", "/api", "/api/auth/me"),
    *(
        "/api/auth/login",
        "/api/users",
        "/api/docs",
        "/api/openapi.json",
        "/api/health/",
        "/api/health/x",
        "/api/Health",
    ),
    *("/_nicegui_ws/socket.io/?transport=polling", "/_nicegui/3.18.0/static/nicegui.js"),
)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
async def test_it_stands_in_front_of_everything(path: str, method: str, guarded: Server) -> None:
    async with http_client(guarded) as http:
        for headers, told in (
            ({}, "Cloudflare Access only"),
            ({HEADER: TEAM.assertion(aud="x")}, "another application"),
        ):
            answer = await http.request(method, path, headers=headers)
            assert answer.status_code == 403
            assert told in answer.json()["error"]
            assert answer.headers["x-content-type-options"] == "nosniff"
        opened = await http.request(method, path, headers={HEADER: TEAM.assertion()})
        assert opened.status_code != 403


@pytest.mark.parametrize(
    "path", ["/api/ws", "/api/ws/monitor", "/_nicegui_ws/socket.io/?transport=websocket", "/api/health"]
)
async def test_it_stands_in_front_of_every_socket(path: str, guarded: Server) -> None:
    async with http_client(guarded) as http:
        for headers, status in (({}, 403), ({HEADER: TEAM.assertion(exp=1)}, 403), ({HEADER: TEAM.assertion()}, 401)):
            with pytest.raises(InvalidStatus) as told:
                async with open_socket(http, path, headers=headers):
                    pass
            assert told.value.response.status_code == status


async def test_health_needs_no_assertion(guarded: Server) -> None:
    async with http_client(guarded) as http:
        assert (await http.get("/api/health")).json() == {"status": "ok"}


async def test_behind_it_everything_works_as_ever(guarded: Server) -> None:
    async with http_client(guarded) as http:
        http.headers[HEADER] = TEAM.assertion()
        body = {"username": "admin", "password": guarded.password}
        assert (await http.post("/api/auth/login", json=body)).status_code == 200
        assert (await http.get("/api/users")).status_code == 200
        assert (await http.get("/")).status_code == 200
        async with open_socket(http, "/api/ws", headers={HEADER: TEAM.assertion()}) as socket:
            await socket.send({"type": "nothing"})
            assert (await socket.receive())["type"] == "error"
        del http.headers[HEADER]
        assert (await http.get("/api/users")).status_code == 403, "a session alone does not pass"


async def test_without_keys_it_says_so_until_they_are_there(
    start_server: StartServer, key_server: KeyServer, team: Team
) -> None:
    key_server.answer = (500, b"")
    server = await start_server(env={"TORU_ACCESS_TEAM": team.issuer, "TORU_ACCESS_AUDIENCE": AUDIENCE})
    async with http_client(server) as http:
        http.headers[HEADER] = team.assertion()
        refused = await http.get("/login")
        assert refused.status_code == 503
        assert refused.json() == {"error": "The keys of Cloudflare Access cannot be had right now."}
        assert refused.headers["retry-after"] == "5"
        assert (await http.get("/api/health")).status_code == 200
        key_server.answer = (200, team.key_set())
        async with asyncio.timeout(20):
            while (await http.get("/login")).status_code == 503:
                await asyncio.sleep(0.2)
        assert (await http.get("/login")).status_code == 200
        key_server.answer = None
        assert (await http.get("/login")).status_code == 200, "they are kept"
    assert "answered with 500" in server.log.path.read_text()


async def test_no_loop_waits_for_keys(start_server: StartServer, key_server: KeyServer, team: Team) -> None:
    key_server.delay = 3
    server = await start_server(env={"TORU_ACCESS_TEAM": team.issuer, "TORU_ACCESS_AUDIENCE": AUDIENCE})
    async with http_client(server) as http:
        waiting = asyncio.create_task(http.get("/login", headers={HEADER: team.assertion()}))
        await eventually(lambda: key_server.asked)
        slowest = 0.0
        for _ in range(20):
            began = time.monotonic()
            assert (await http.get("/api/health")).status_code == 200
            slowest = max(slowest, time.monotonic() - began)
        assert not waiting.done()
        assert slowest < 1
        assert (await waiting).status_code == 200


async def test_commands_on_the_machine_need_no_assertion(guarded: Server) -> None:
    done = await asyncio.to_thread(
        toru_process, guarded.data_dir, "user", "add", "dora", "--password-stdin", text="Long-Enough-9\n"
    )
    assert (done.code, done.err) == (0, "")


async def test_a_session_of_before_is_no_way_around(start_server: StartServer, team: Team) -> None:
    server = await start_server()
    async with await sign_in(server) as client:
        assert (await client.get("/api/users")).status_code == 200
        cookies = dict(client.cookies)
    await server.stop()
    server._env.update(TORU_ACCESS_TEAM=team.issuer, TORU_ACCESS_AUDIENCE=AUDIENCE)
    await server.restart()
    async with http_client(server, cookies) as client:
        assert (await client.get("/api/users")).status_code == 403
        assert (await client.get("/api/users", headers={HEADER: team.assertion()})).status_code == 200


async def test_an_assertion_is_nowhere_in_the_logs(guarded: Server) -> None:
    assertion = TEAM.assertion()
    async with httpx.AsyncClient(base_url=guarded.url, trust_env=False, verify=False) as http:
        await http.get("/login", headers={HEADER: assertion})
        await http.get("/login", headers={HEADER: assertion + "x"})
    for part in assertion.split(".")[1:]:
        assert part not in guarded.output
        for file in guarded.folder.rglob("*"):
            assert not file.is_file() or part.encode() not in file.read_bytes()
