"""A walk over every route and WebSocket of the application, as everybody who may stand in front of it.

The routes are read from the application's own router: one that is not in the table fails the test.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple

import httpx
import pytest
from starlette.routing import Mount, WebSocketRoute

from app.api import METHODS
from app.plugins.proxy_routes import PREFIX, PluginProxy
from app.services import Services
from tests.support.clients import CLIENT, CLIENT_PASSWORD
from tests.support.inprocess import ASGI, BASE_URL
from tests.support.server import ADMIN, ADMIN_PASSWORD

STRANGER = "192.0.2.77"
SCRIPT, OTHER_SCRIPT = "every-route.sh", "every-route-admins.sh"
OPENED = 101


class Expected(NamedTuple):
    """The status that each of them is answered with.

    Attributes:
        nobody: without any credential.
        revoked: with the cookie of a session that has ended.
        foreign: the administrator, from a page of another site.
        client: a user with the role client.
        admin: the administrator.
        runs: a token of the administrator that may only run one quick action.
        reads: a token of the administrator that may only read.
    """

    nobody: int
    revoked: int
    foreign: int
    client: int
    admin: int
    runs: int
    reads: int


def closed(client: int, admin: int, runs: int, reads: int) -> Expected:
    """REST and WebSockets: nothing without a live credential, nothing for another site."""
    return Expected(401, 401, 403, client, admin, runs, reads)


def admins(admin: int, reads: int = 403) -> Expected:
    """The same, for administrators."""
    return closed(403, admin, 403, reads)


def everybodys(status: int) -> Expected:
    """The same answer for all but other sites."""
    return Expected(status, status, 403, status, status, status, status)


def page(client: int, admin: int) -> Expected:
    """Pages lead to the sign-in; a token opens none."""
    return Expected(303, 303, 403, client, admin, 303, 303)


def framework(status: int) -> Expected:
    """NiceGUI's own addresses need a session; a token opens none."""
    return Expected(401, 401, 403, status, status, 401, 401)


class Row(NamedTuple):
    """One route: how it is asked, and what it answers."""

    ask: str
    expected: Expected
    body: Any = None


NEW_USER = {"username": "every-route", "password": "Long-Enough-9"}
NEW_PASSWORD = {"current_password": "x", "new_password": "Long-Enough-9"}
ACTION = {"name": "Every route", "script_path": "../nothing.sh"}

TABLE: dict[str, Row] = {
    # the machine
    "GET /api/resources": Row("/api/resources", closed(200, 200, 403, 200)),
    "GET /api/resources/history": Row("/api/resources/history", closed(200, 200, 403, 200)),
    "GET /api/resources/processes": Row("/api/resources/processes", closed(200, 200, 403, 200)),
    "GET /metrics": Row("/metrics", closed(200, 200, 403, 200)),
    # the other machines
    "GET /api/v1/fleet/sd": Row("/api/v1/fleet/sd", admins(200, reads=200)),
    "GET /api/fleet": Row("/api/fleet", admins(200, reads=200)),
    "PUT /api/fleet/{name}": Row("/api/fleet/x", admins(400), {"url": "nowhere"}),
    "DELETE /api/fleet/{name}": Row("/api/fleet/x", admins(404)),
    "WS /api/ws/monitor": Row("/api/ws/monitor", closed(101, 101, 403, 101)),
    # signing in
    "POST /api/auth/login": Row("/api/auth/login", everybodys(422), {}),
    "POST /api/auth/logout": Row("/api/auth/logout", everybodys(200)),
    "GET /api/auth/me": Row("/api/auth/me", everybodys(200)),
    "POST /api/auth/step-up": Row("/api/auth/step-up", closed(409, 409, 403, 403), {"code": "000000"}),
    "GET /api/auth/login-history": Row("/api/auth/login-history", admins(200, reads=403)),
    # one's own account
    "PUT /api/me": Row("/api/me", closed(200, 400, 403, 403), {"display_name": ""}),
    "PUT /api/me/password": Row("/api/me/password", closed(401, 400, 403, 403), NEW_PASSWORD),
    "GET /api/me/sessions": Row("/api/me/sessions", closed(200, 200, 403, 403)),
    "DELETE /api/me/sessions": Row("/api/me/sessions", closed(204, 204, 403, 403)),
    "DELETE /api/me/sessions/{session_id}": Row("/api/me/sessions/x", closed(404, 404, 403, 403)),
    "GET /api/me/second-factor": Row("/api/me/second-factor", closed(200, 200, 403, 403)),
    "POST /api/me/second-factor": Row("/api/me/second-factor", closed(401, 401, 403, 403), {"password": "x"}),
    "PUT /api/me/second-factor": Row("/api/me/second-factor", closed(409, 409, 403, 403), {"code": "x"}),
    "POST /api/me/second-factor/recovery": Row("/api/me/second-factor/recovery", closed(409, 409, 403, 403)),
    "DELETE /api/me/second-factor": Row("/api/me/second-factor", closed(204, 204, 403, 403)),
    # tokens
    "GET /api/tokens": Row("/api/tokens", closed(200, 200, 403, 403)),
    "POST /api/tokens": Row("/api/tokens", closed(400, 400, 403, 403), {"name": "x", "scopes": []}),
    "POST /api/tokens/accept": Row("/api/tokens/accept", admins(400), {"name": "x", "sha256": "x"}),
    "DELETE /api/tokens/{token_id}": Row("/api/tokens/x", closed(404, 404, 403, 403)),
    # users
    "GET /api/users": Row("/api/users", admins(200)),
    "POST /api/users": Row("/api/users", admins(400), {**NEW_USER, "password": "weak"}),
    "GET /api/users/{user_id}": Row("/api/users/x", admins(404)),
    "PUT /api/users/{user_id}": Row("/api/users/x", admins(404), {"display_name": "X"}),
    "DELETE /api/users/{user_id}": Row("/api/users/x", admins(404)),
    "DELETE /api/users/{user_id}/sessions": Row("/api/users/x/sessions", admins(404)),
    "PUT /api/users/{user_id}/password": Row("/api/users/x/password", admins(404), {"password": "Long-Enough-9"}),
    "DELETE /api/users/{user_id}/second-factor": Row("/api/users/x/second-factor", admins(404)),
    # settings, actions
    "GET /api/settings": Row("/api/settings", admins(200)),
    "PUT /api/settings/{key}": Row("/api/settings/x", admins(404), {"value": "1"}),
    "GET /api/quick-actions": Row("/api/quick-actions", closed(200, 200, 403, 200)),
    "POST /api/quick-actions": Row("/api/quick-actions", admins(400), ACTION),
    "PUT /api/quick-actions/order": Row("/api/quick-actions/order", admins(404), {"ids": ["x"]}),
    "PUT /api/quick-actions/{action_id}": Row("/api/quick-actions/x", admins(404), {**ACTION, "script_path": SCRIPT}),
    "DELETE /api/quick-actions/{action_id}": Row("/api/quick-actions/x", admins(404)),
    "POST /api/quick-actions/{action_id}/execute": Row(
        "/api/quick-actions/{action}/execute", closed(200, 200, 200, 403)
    ),
    # runs
    "GET /api/scripts": Row("/api/scripts", admins(200)),
    "GET /api/history": Row("/api/history", closed(200, 200, 403, 200)),
    "GET /api/runs": Row("/api/runs", closed(200, 200, 403, 200)),
    "POST /api/runs": Row("/api/runs", closed(403, 201, 403, 403), {"script": OTHER_SCRIPT}),
    "GET /api/runs/{run_id}": Row("/api/runs/{run}", closed(200, 200, 403, 200)),
    "GET /api/runs/{run_id}/output": Row("/api/runs/{run}/output", closed(200, 200, 403, 200)),
    "GET /api/runs/{run_id}/stream": Row("/api/runs/{run}/stream", closed(200, 200, 403, 200)),
    "POST /api/runs/{run_id}/cancel": Row("/api/runs/{run}/cancel", closed(403, 200, 403, 403)),
    "WS /api/ws": Row("/api/ws", closed(101, 101, 101, 101)),
    "WS /api/ws/runs/{run_id}": Row("/api/ws/runs/x", closed(101, 101, 101, 101)),
    # audit
    "GET /api/audit": Row("/api/audit", closed(200, 200, 403, 200)),
    "GET /api/audit/export": Row("/api/audit/export?format=csv", closed(200, 200, 403, 200)),
    # backups
    "GET /api/backups": Row("/api/backups", admins(200)),
    "POST /api/backups": Row("/api/backups", admins(400), {"passphrase": "two\nlines"}),
    "GET /api/backups/{name}": Row("/api/backups/x", admins(404)),
    "DELETE /api/backups/{name}": Row("/api/backups/x", admins(404)),
    # plugins
    "GET /api/plugins": Row("/api/plugins", closed(200, 200, 403, 200)),
    "GET /api/plugin-problems": Row("/api/plugin-problems", admins(200)),
    "GET /api/plugins/{plugin_id}": Row("/api/plugins/x", closed(404, 404, 403, 404)),
    "POST /api/plugins/{plugin_id}/enable": Row("/api/plugins/x/enable", admins(404)),
    "POST /api/plugins/{plugin_id}/disable": Row("/api/plugins/x/disable", admins(404)),
    "POST /api/plugins/{plugin_id}/restart": Row("/api/plugins/x/restart", admins(404)),
    "GET /api/plugins/{plugin_id}/bundle.js": Row("/api/plugins/x/bundle.js", closed(404, 404, 403, 404)),
    "GET /api/plugins/{plugin_id}/page": Row("/api/plugins/x/page", closed(404, 404, 403, 404)),
    "WS /api/plugins/{plugin_id}/page": Row("/api/plugins/x/page", closed(101, 101, 403, 101)),
    "POST /api/plugins/{plugin_id}/kv": Row(
        "/api/plugins/x/kv", closed(404, 404, 403, 404), {"action": "get", "key": "k"}
    ),
    "GET /api/plugins/{plugin_id}/options": Row("/api/plugins/x/options", closed(404, 404, 403, 404)),
    "PUT /api/plugins/{plugin_id}/options": Row("/api/plugins/x/options", admins(404), {"pages_read_only": True}),
    "GET /api/plugins/{plugin_id}/license": Row("/api/plugins/x/license", admins(404)),
    "PUT /api/plugins/{plugin_id}/license": Row("/api/plugins/x/license", admins(404), {"key": "k"}),
    "DELETE /api/plugins/{plugin_id}/license": Row("/api/plugins/x/license", admins(404)),
    "GET /api/plugins/{plugin_id}/logs": Row("/api/plugins/x/logs", admins(404)),
    "GET /api/plugins/{plugin_id}/logs/stream": Row("/api/plugins/x/logs/stream", admins(404)),
    **{
        f"{method} /api/plugins/route/{{route}}/{{path}}": Row("/api/plugins/route/x/y", closed(404, 404, 403, changes))
        for method in METHODS
        for changes in [404 if method in ("GET", "HEAD", "OPTIONS") else 403]
    },
    "GET /plugin-frame/{plugin_id}": Row("/plugin-frame/x", Expected(303, 303, 403, 404, 404, 303, 303)),
    # the description
    "GET /api/openapi.json": Row("/api/openapi.json", closed(200, 200, 403, 200)),
    "HEAD /api/openapi.json": Row("/api/openapi.json", closed(200, 200, 403, 200)),
    "GET /api/docs": Row("/api/docs", closed(200, 200, 403, 200)),
    "GET /api/docs/start.js": Row("/api/docs/start.js", closed(200, 200, 403, 200)),
    "MOUNT /api/docs/assets": Row("/api/docs/assets/swagger-ui.css", closed(200, 200, 403, 200)),
    # open to everybody
    "GET /api/health": Row("/api/health", everybodys(200)),
    "HEAD /api/health": Row("/api/health", everybodys(200)),
    "GET /login": Row("/login", everybodys(200)),
    "HEAD /login": Row("/login", everybodys(200)),
    **{
        f"{method} {path}": Row(path.replace("{name}", "toru.css"), everybodys(200))
        for path in ("/static/{name}", "/favicon.ico", "/apple-touch-icon.png", "/manifest.webmanifest")
        for method in ("GET", "HEAD")
    },
    # what is not there
    **{
        f"{method} {path}": Row(path.replace("{rest:path}", "nothing/at/all"), closed(404, 404, looks, 404))
        for path in ("/api", "/api/{rest:path}")
        for method in METHODS
        for looks in [403 if method in ("GET", "HEAD") else 404]
    },
    # pages, and the files of their framework
    "GET /": Row("/", page(200, 200)),
    "GET /{rest:path}": Row("/settings", page(303, 200)),
    "MOUNT /_nicegui_ws": Row("/_nicegui_ws/socket.io/?EIO=4&transport=polling", framework(200)),
    "MOUNT /_nicegui/{version}/static": Row("/_nicegui/{version}/static/nicegui.js", framework(200)),
    **{
        f"GET /_nicegui/{{version}}/{rest}": Row(f"/_nicegui/{{version}}/{asked}", framework(404))
        for rest, asked in (
            ("libraries/{key:path}", "libraries/x"),
            ("components/{key:path}", "components/x"),
            ("resources/{key}/{path:path}", "resources/x/y"),
            ("dynamic_resources/{name}", "dynamic_resources/x"),
            ("esm/{key}/{path:path}", "esm/x/y"),
        )
    },
}

SOCKETS = {
    # where no route takes a handshake, or NiceGUI does
    "/": Expected(401, 401, 403, 404, 404, 401, 401),
    "/login": Expected(401, 401, 403, 404, 404, 401, 401),
    "/api/health": closed(404, 404, 404, 404),
    "/api/nothing": closed(404, 404, 403, 404),
    "/_nicegui_ws/socket.io/?EIO=4&transport=websocket": Expected(401, 401, 403, 101, 101, 401, 401),
}


def routes_of(routes: Any, prefix: str = "") -> Iterator[str]:
    """Every route below a router, as the table names it."""
    for route in routes:
        if isinstance(route, PluginProxy):
            yield from (f"{method} {PREFIX}{{route}}/{{path}}" for method in METHODS)
            continue
        included = getattr(route, "original_router", None)
        if included is not None:
            yield from routes_of(included.routes, prefix)
            continue
        path = prefix + route.path
        if isinstance(route, WebSocketRoute):
            yield f"WS {path}"
        elif isinstance(route, Mount):
            inner = getattr(route.app, "routes", None)
            if inner:
                yield from routes_of(inner, path)
            else:
                yield f"MOUNT {path}"
        else:
            yield from (f"{method} {path}" for method in route.methods)


def test_no_route_is_forgotten(outer: Any) -> None:
    from nicegui import __version__

    found = {name.replace(__version__, "{version}") for name in routes_of(outer.inner._inner.router.routes)}
    assert found - TABLE.keys() == set(), "Say in the table who may use these."
    assert TABLE.keys() - found == set(), "These are gone."


class Everybody:
    """All who may stand in front of a route; whoever was signed out by one comes in again."""

    def __init__(self, outer: ASGI, services: Services) -> None:
        self.outer = outer
        self.services = services
        self.tokens: dict[str, str] = {}
        self.made: dict[str, str] = {}  # what stands in the table's addresses
        self._cookies: dict[str, str] = {}
        self._addresses = (f"192.0.2.{number}" for number in range(100, 250))

    def http(self, address: str = STRANGER) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.outer, client=(address, 50000))
        return httpx.AsyncClient(transport=transport, base_url=BASE_URL, timeout=10)

    async def cookie(self, username: str) -> str:
        """Of a live session."""
        held = self._cookies.get(username, "")
        if self.services.auth.session(held.partition("=")[2]) is None:
            password = ADMIN_PASSWORD if username == ADMIN else CLIENT_PASSWORD
            async with self.http(next(self._addresses)) as http:
                answer = await http.post("/api/auth/login", json={"username": username, "password": password})
                answer.raise_for_status()
            self._cookies[username] = f"session_id={answer.cookies['session_id']}"
        return self._cookies[username]

    async def ended(self) -> str:
        """Of a session that was signed out."""
        held = await self.cookie(CLIENT)
        async with self.http() as http:
            await http.post("/api/auth/logout", headers={"Cookie": held})
        return held

    async def headers(self, who: str) -> dict[str, str]:
        """What somebody's requests carry."""
        if who == "nobody":
            return {}
        if who == "revoked":
            return {"Cookie": self.tokens["revoked"]}
        if who in ("runs", "reads"):
            return {"Authorization": f"Bearer {self.tokens[who]}"}
        headers = {"Cookie": await self.cookie(CLIENT if who == "client" else ADMIN)}
        return headers | ({"Origin": "https://evil.example"} if who == "foreign" else {})

    async def ask(self, who: str, method: str, path: str, body: Any) -> int:
        """The status of the answer to a request."""
        async with self.http() as http:
            content = {} if body is None else {"json": body}
            return (await http.request(method, path, headers=await self.headers(who), **content)).status_code

    async def open(self, who: str, path: str) -> int:
        """The status of the answer to a WebSocket's handshake."""
        plain, _, query = path.partition("?")
        fields = {"Host": "127.0.0.1:3000", "Upgrade": "websocket", "Connection": "Upgrade", **await self.headers(who)}
        sent: asyncio.Queue[Any] = asyncio.Queue()
        incoming: asyncio.Queue[Any] = asyncio.Queue()
        incoming.put_nowait({"type": "websocket.connect"})
        scope = {
            "type": "websocket",
            "scheme": "ws",
            "path": plain,
            "raw_path": plain.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode()) for name, value in fields.items()],
            "client": (STRANGER, 50000),
            "server": ("127.0.0.1", 3000),
            "subprotocols": [],
            "extensions": {"websocket.http.response": {}},
        }
        serving = asyncio.ensure_future(self.outer(scope, incoming.get, sent.put))
        async with asyncio.timeout(10):
            first = await sent.get()
            incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})
            await serving
        return OPENED if first["type"] == "websocket.accept" else int(first["status"])


@pytest.fixture(scope="module")
async def everybody(outer: ASGI, services: Services, accounts: dict[str, str]) -> AsyncIterator[Everybody]:
    """With a quick action that one of the tokens may run, and a run that has nothing to do with it."""
    from nicegui import __version__

    scripts = [services.config.scripts_dir / name for name in (SCRIPT, OTHER_SCRIPT)]
    for script in scripts:
        script.write_text("#!/bin/sh\necho hello\n")
        script.chmod(0o755)
    everybody = Everybody(outer, services)
    async with everybody.http() as http:
        http.headers["Cookie"] = await everybody.cookie(ADMIN)
        made = await http.post("/api/quick-actions", json={"name": "Every route", "script_path": SCRIPT})
        run = await http.post("/api/runs", json={"script": OTHER_SCRIPT})
        everybody.made = {"version": __version__, "action": made.json()["id"], "run": run.json()["id"]}
        for name, scope in (("runs", f"run:{everybody.made['action']}"), ("reads", "read")):
            answer = await http.post("/api/tokens", json={"name": f"every route {name}", "scopes": [scope]})
            everybody.tokens[name] = answer.json()["token"]
        everybody.tokens["revoked"] = await everybody.ended()
        yield everybody
        http.headers["Cookie"] = await everybody.cookie(ADMIN)
        for token in (await http.get("/api/tokens")).json():
            await http.delete(f"/api/tokens/{token['id']}")
        await http.delete(f"/api/quick-actions/{everybody.made['action']}")
    for script in scripts:
        script.unlink()


@pytest.mark.parametrize("name", TABLE)
async def test_each_is_answered_as_the_table_says(name: str, everybody: Everybody) -> None:
    method, row = name.partition(" ")[0].replace("MOUNT", "GET"), TABLE[name]
    path = row.ask.format(**everybody.made)
    found = {}
    for who in Expected._fields:
        asked = everybody.open(who, path) if method == "WS" else everybody.ask(who, method, path, row.body)
        found[who] = await asked
    assert found == row.expected._asdict()


@pytest.mark.parametrize("path", SOCKETS)
async def test_a_handshake_elsewhere_opens_nothing(path: str, everybody: Everybody) -> None:
    found = {who: await everybody.open(who, path) for who in Expected._fields}
    assert found == SOCKETS[path]._asdict()
