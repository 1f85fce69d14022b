"""Secrets that are recognised wherever they turn up: after a busy day with many mistakes they must be nowhere."""

import base64
import contextlib
import dataclasses
import importlib
import inspect
import pkgutil
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, get_args
from urllib.parse import quote

import httpx
import pytest
from pydantic import BaseModel
from websockets.exceptions import InvalidStatus

import app
from app.core.clock import Clock
from tests.cli.calling import toru_process
from tests.conftest import StartServer
from tests.second_factor.support import Authenticator
from tests.support.clients import open_socket
from tests.support.server import ADMIN, ROOT, Server

ADMINS, LICENCE = "Canary-Admin-Pass-1", "Canary-Licence-Secret-1"
CARLAS, NEW, NEWER, WEAK, WRONG = (
    *("Canary-Carla-Pass-1", "Canary-Reset-Pass-1", "Canary-Own-Pass-1", "canaryweak", "Canary-Wrong-Pass-1"),
)


@dataclasses.dataclass
class Day:
    """What happened, and the secrets that were told in it.

    Attributes:
        secrets: by what each is; the answer that told it, where one did.
        heard: every answer.
    """

    server: Server
    secrets: dict[str, str] = dataclasses.field(default_factory=dict)
    told_by: dict[str, httpx.Response] = dataclasses.field(default_factory=dict)
    heard: list[httpx.Response] = dataclasses.field(default_factory=list)

    @contextlib.asynccontextmanager
    async def client(self, **options: Any) -> Any:
        """Somebody whose answers are listened to."""

        async def listen(answer: httpx.Response) -> None:
            await answer.aread()
            self.heard.append(answer)

        hooks = {"response": [listen]}
        async with httpx.AsyncClient(
            base_url=self.server.url, trust_env=False, verify=False, timeout=20, event_hooks=hooks, **options
        ) as client:
            yield client

    def learn(self, what: str, secret: str, answer: httpx.Response | None = None) -> str:
        """Notes a secret, and the one answer that may hold it."""
        self.secrets[what] = secret
        if answer is not None:
            self.told_by[what] = answer
        return secret

    async def enter(self, client: httpx.AsyncClient, username: str, password: str, **more: str) -> None:
        """Signs in; the cookies are secrets."""
        body = {"username": username, "password": password, **more}
        answer = await client.post("/api/auth/login", json=body)
        assert answer.status_code == 200, answer.text
        for name, value in answer.cookies.items():
            self.learn(f"{name} of {username}, {len(self.secrets)}", value, answer)


async def strangers_try(day: Day) -> None:
    async with day.client() as http:
        for body in (
            {"username": ADMIN, "password": WRONG},
            {"username": "nobody", "password": WRONG},
            {"username": [ADMIN], "password": WRONG},
            {"username": "x" * 300, "password": WRONG},
            {"username": ADMIN, "password": [WRONG]},
            {"username": ADMIN, "password": {"value": WRONG}},
            {"password": WRONG},
            {"username": ADMIN, "password": WRONG * 60},
        ):
            assert (await http.post("/api/auth/login", json=body)).status_code in (401, 422)
        for content in (f'{{"password": "{WRONG}"', f'"{WRONG}"', f'["{WRONG}"]', f'{{"password": "{WRONG}\udc80"}}'):
            answer = await http.post(
                "/api/auth/login",
                content=content.encode("utf-8", "surrogatepass"),
                headers={"Content-Type": "application/json"},
            )
            assert answer.status_code == 422
        await http.post("/api/auth/login", data={"username": ADMIN, "password": WRONG})
        for path in ("/", "/login", "/api/users", "/api/nothing", f"/static/{WRONG}", f"/{WRONG}", f"/api/{WRONG}"):
            await http.get(f"{path}?password={WRONG}", headers={"Referer": f"/{WRONG}", "User-Agent": "x"})
        await http.get("/api/users", headers={"Authorization": "Basic " + base64.b64encode(WRONG.encode()).decode()})
        await http.get("/api/users", headers={"Authorization": f"Bearer {WRONG}"})


async def the_admin_works(day: Day, http: httpx.AsyncClient) -> None:
    await day.enter(http, ADMIN, ADMINS)
    body = {"username": "carla", "password": CARLAS}
    made = await http.post("/api/users", json=body)
    user = made.json()["id"]
    for wrong in (body, {**body, "password": WEAK}, {**body, "password": [CARLAS]}, {"password": CARLAS}, [CARLAS]):
        assert (await http.post("/api/users", json=wrong)).status_code in (400, 409, 422)
    for password, status in ((WEAK, 400), (NEW, 204), ([NEW], 422)):
        answer = await http.put(f"/api/users/{user}/password", json={"password": password})
        assert answer.status_code == status
    assert (await http.put("/api/users/x/password", json={"password": NEW})).status_code == 404
    for page in ("/", "/users", "/account", "/settings", "/audit", "/api/auth/login-history", "/api/users", "/api/me"):
        await http.get(page)
    cookie = http.cookies["session_id"]
    for path in ("/api/users", "/nothing", "/login", "/api/nothing"):
        await http.get(f"{path}?session_id={cookie}&next=/{cookie}")
    await http.get("/api/users", headers={"Cookie": f"session_id={cookie[:-1]}"})
    await http.get("/api/users", headers={"Cookie": f"session_id={cookie}; session_id={cookie}"})
    with pytest.raises(InvalidStatus):
        async with open_socket(http, f"/api/ws?session_id={cookie}", origin="https://evil.example"):
            pass
    async with open_socket(http, f"/api/ws?session_id={cookie}") as socket:
        await socket.send({"type": "run", "script": cookie})
        assert (await socket.receive())["type"] == "error"


async def carla_works(day: Day, http: httpx.AsyncClient) -> None:
    await day.enter(http, "carla", NEW)
    for current, new, status in ((WRONG, NEWER, 401), (NEW, WEAK, 400), (NEW, NEWER, 204)):
        answer = await http.put("/api/me/password", json={"current_password": current, "new_password": new})
        assert answer.status_code == status, answer.text
    await http.post("/api/auth/logout")
    await day.enter(http, "carla", NEWER)


async def tokens_are_used(day: Day, http: httpx.AsyncClient) -> None:
    answer = await http.post("/api/tokens", json={"name": "canary", "scopes": ["admin"]})
    token = day.learn("API token", answer.json()["token"], answer)
    async with day.client() as machine:
        good = {"Authorization": f"Bearer {token}"}
        assert (await machine.get("/api/users", headers=good)).status_code == 200
        for headers in (
            {"Authorization": f"Bearer {token[:-1]}"},
            {"Authorization": f"Bearer {token}x"},
            {"Authorization": f"Bearer {token} {token}"},
            {"Authorization": token},
            {"Authorization": f"Token {token}"},
            {"Authorization": f"Bearer {token}", "Cookie": "session_id=x"},
            {"Cookie": f"session_id={token}"},
            {"X-Api-Key": token},
        ):
            assert (await machine.get("/api/users", headers=headers)).status_code == 401
        for path in ("/api/users", "/login", "/", "/api/nothing"):
            await machine.get(f"{path}?token={token}&access_token={token}", headers={"Referer": f"/?token={token}"})
        assert (await machine.post("/api/me/password", json={"current_password": ADMINS}, headers=good)).is_error
        async with open_socket(machine, f"/api/ws?token={token}", headers=good) as socket:
            await socket.send({"type": token})
            assert (await socket.receive())["type"] == "error"
    assert (await http.delete(f"/api/tokens/{answer.json()['id']}")).status_code == 204
    async with day.client(headers=good) as machine:
        assert (await machine.get("/api/users")).status_code == 401


async def a_second_factor_is_used(day: Day, http: httpx.AsyncClient) -> None:
    assert (await http.post("/api/me/second-factor", json={"password": NEWER + "x"})).status_code == 401
    begun = await http.post("/api/me/second-factor", json={"password": NEWER})
    secret = day.learn("TOTP secret", begun.json()["secret"].replace(" ", ""), begun)
    day.learn("TOTP secret as shown", begun.json()["secret"], begun)
    phone = Authenticator(secret, Clock())
    await http.put("/api/me/second-factor", json={"code": phone.wrong_code()})
    await http.put("/api/me/second-factor", json={"code": [secret]})
    confirmed = await http.put("/api/me/second-factor", json={"code": phone.code()})
    codes = [day.learn(f"recovery {n}", code, confirmed) for n, code in enumerate(confirmed.json()["recovery"])]
    assert len(codes) == 10
    async with day.client() as other:
        body = {"username": "carla", "password": NEWER}
        assert (await other.post("/api/auth/login", json=body)).json()["second_factor"] is True
        await other.post(
            "/api/auth/login", json={**body, "code": codes[0][:-1] + ("3" if codes[0][-1] == "2" else "2")}
        )
        await day.enter(other, "carla", NEWER, code=codes[0])
        assert (await other.post("/api/auth/login", json={**body, "code": codes[0]})).status_code == 401
        await other.get(f"/api/auth/step-up?code={codes[1]}")
        assert (await other.post("/api/auth/step-up", json={"code": codes[2]})).status_code == 204
        renewed = await other.post("/api/me/second-factor/recovery")
        for number, code in enumerate(renewed.json()["recovery"]):
            day.learn(f"renewed recovery {number}", code, renewed)


async def the_database_is_held(day: Day) -> None:
    """Whoever signs in then is told so, and the log what happened."""
    with contextlib.closing(sqlite3.connect(day.server.data_dir / "toru.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        async with day.client() as stranger:
            body = {"username": ADMIN, "password": ADMINS}
            assert (await stranger.post("/api/auth/login", json=body)).status_code == 503


def forms_of(secret: str) -> Iterator[bytes]:
    """A secret as it may be written."""
    plain = secret.encode()
    yield from {plain, base64.b64encode(plain).rstrip(b"="), plain.hex().encode(), quote(secret).encode(), plain[::-1]}
    if re.fullmatch(r"[A-Z2-7]{32}", secret):
        raw = base64.b32decode(secret)
        yield from (raw, raw.hex().encode(), base64.b64encode(raw).rstrip(b"="))
    elif re.fullmatch(r"[A-Za-z0-9_-]{43}", secret):
        raw = base64.urlsafe_b64decode(secret + "=")
        yield from (raw, raw.hex().encode())
    if "-" in secret and secret.islower():
        yield secret.replace("-", "").encode()


@pytest.mark.fault("A43", "O12")
async def test_no_secret_is_anywhere_after_a_busy_day(start_server: StartServer) -> None:
    server = await start_server(password=ADMINS, licence_secret=LICENCE, fresh=True)
    day = Day(server)
    for name, secret in (("licence", LICENCE), ("admin", ADMINS), ("carla", CARLAS), ("new", NEW), ("newer", NEWER)):
        day.learn(name, secret)
    day.learn("weak", WEAK)
    day.learn("wrong", WRONG)
    async with day.client() as admin, day.client() as carla:
        await the_admin_works(day, admin)
        await carla_works(day, carla)
        await tokens_are_used(day, admin)
        await a_second_factor_is_used(day, carla)
        await the_database_is_held(day)
        await strangers_try(day)
        for path in ("/api/audit", "/api/audit/export?format=csv", "/api/auth/login-history", "/api/settings"):
            assert (await admin.get(path)).status_code == 200
    await server.stop()
    await server.restart()
    async with day.client() as admin:
        await day.enter(admin, ADMIN, ADMINS)
    await server.stop()
    audit = toru_process(server.data_dir, "audit", "export")
    assert '"sign_in' in audit.out

    where: dict[str, bytes] = {"what the core printed": server.output.encode(), "the audit": audit.out.encode()}
    for file in server.folder.rglob("*"):
        if file.is_file():
            where[str(file.relative_to(server.folder))] = file.read_bytes()
    assert {"data/toru.db", "data/logs/toru.log"} <= where.keys()
    assert len(day.heard) > 80
    assert len(day.secrets) > 30
    assert found_in(day, where) == []
    in_the_open = dataclasses.replace(day, secrets={"a name": "carla"})
    assert {"a name in data/toru.db", "a name in the audit"} <= set(found_in(in_the_open, where)), "it does look"


def found_in(day: Day, where: dict[str, bytes]) -> list[str]:
    """Every place where a secret is."""
    found = []
    for what, secret in day.secrets.items():
        forms = list(forms_of(secret))
        found += [f"{what} in {place}" for place, content in where.items() if any(form in content for form in forms)]
        for answer in day.heard:
            told = answer.content + repr(answer.headers.raw).encode()
            if answer is not day.told_by.get(what) and any(form in told for form in forms) and not is_echo(answer):
                found.append(f"{what} in the answer to {answer.request.method} {answer.request.url.path}")
    return found


def is_echo(answer: httpx.Response) -> bool:
    """A stranger who asks for a page is sent to the sign-in, which leads back to the address that was asked for."""
    return answer.status_code == 303 and answer.headers["location"].startswith("/login?next=")


SECRET_NAMES = re.compile(r"(.*_)?(password|password_hash|secret|token|code|recovery|uri|svg|device|licen[cs]e)")
NOT_SECRET = {"exit_code", "wanted_code"}


def records() -> Iterator[tuple[type, str, Any, bool]]:
    """Every field of a record of the product that by its name and type holds a secret, and whether repr shows it."""
    for module in pkgutil.walk_packages(app.__path__, "app."):
        if ".__main__" in module.name or ".migrations" in module.name or module.name.endswith(".models"):
            continue
        for _, kind in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if kind.__module__ != module.name:
                continue
            fields: list[tuple[str, Any, bool]]
            if issubclass(kind, BaseModel):
                fields = [(name, field.annotation, field.repr) for name, field in kind.model_fields.items()]
            elif dataclasses.is_dataclass(kind):
                fields = [(field.name, field.type, field.repr) for field in dataclasses.fields(kind)]
            else:
                continue
            yield from ((kind, name, annotation, shown) for name, annotation, shown in fields)


@pytest.mark.fault("A43", "O12")
def test_no_record_shows_its_secret() -> None:
    found = []
    for kind, name, annotation, shown in records():
        is_text = annotation is str or str in get_args(annotation) or annotation in ("str", "str | None")
        if shown and is_text and SECRET_NAMES.fullmatch(name) and name not in NOT_SECRET:
            found.append(f"{kind.__module__}.{kind.__qualname__}.{name}")
    assert found == [], "Give these fields repr=False: what is shown in a traceback or a log is no secret any more."
    assert len(list(records())) > 100


@pytest.mark.fault("O12")
def test_a_configuration_that_is_wrong_shows_no_secret(tmp_path: Any) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "serve"],
        cwd=ROOT,
        env={"PATH": "/usr/bin", "ADMIN_PASSWORD": WEAK + "\x01" * 2000, "STEERING_PORT": "x", "PRODUCTION": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 78
    assert WEAK not in done.stdout + done.stderr
