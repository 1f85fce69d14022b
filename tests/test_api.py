"""REST as a whole: every route behind the gate, one shape for every refusal, and a description that is right."""

import itertools
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect
from websockets.exceptions import InvalidStatus

from tests.conftest import StartServer
from tests.support.clients import CLIENT, open_socket
from tests.support.inprocess import ASGI, BASE_URL
from tests.support.server import ADMIN

MUTATING = {"POST", "PUT", "PATCH", "DELETE"}
PUBLIC = {"/api/auth/login", "/api/auth/logout", "/api/auth/me", "/api/health"}
ADMIN_ONLY = [
    ("GET", "/api/auth/login-history"),
    ("GET", "/api/scripts"),
    ("GET", "/api/settings"),
    ("PUT", "/api/settings/x"),
    ("POST", "/api/quick-actions"),
    ("DELETE", "/api/quick-actions/x"),
    ("GET", "/api/users"),
    ("POST", "/api/users"),
    ("GET", "/api/users/x"),
    ("PUT", "/api/users/x"),
    ("DELETE", "/api/users/x"),
    ("PUT", "/api/users/x/password"),
]


def client_of(outer: ASGI, cookies: dict[str, str] | None = None) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(outer, client=("127.0.0.1", 50000))
    return httpx.AsyncClient(transport=transport, base_url=BASE_URL, cookies=cookies)


@pytest.fixture
async def admin(outer: ASGI, session_tokens: dict[str, dict[str, str]]) -> AsyncIterator[httpx.AsyncClient]:
    """The administrator, without a network."""
    async with client_of(outer, session_tokens[ADMIN]) as client:
        yield client


@pytest.fixture
async def client(outer: ASGI, session_tokens: dict[str, dict[str, str]]) -> AsyncIterator[httpx.AsyncClient]:
    """A client account, without a network."""
    async with client_of(outer, session_tokens[CLIENT]) as client:
        yield client


@pytest.fixture
async def described(admin: httpx.AsyncClient) -> dict[str, Any]:
    """The API's own description."""
    answer = await admin.get("/api/openapi.json")
    assert answer.status_code == 200
    return dict(answer.json())


def operations(described: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every method and path, with something in place of each parameter."""
    for path, methods in described["paths"].items():
        for method in methods:
            yield method.upper(), "/".join("x" if part.startswith("{") else part for part in path.split("/"))


async def test_every_route_is_described(described: dict[str, Any]) -> None:
    found = set(operations(described))
    assert {("POST", "/api/auth/login"), ("GET", "/api/health"), ("GET", "/api/resources"), *ADMIN_ONLY} <= found
    assert len(found) > 30


async def test_every_route_but_four_is_closed_to_strangers(http: httpx.AsyncClient, described: dict[str, Any]) -> None:
    for method, path in operations(described):
        answer = await http.request(method, path, json={})
        if path not in PUBLIC:
            assert (answer.status_code, answer.json()) == (401, {"error": "Not signed in."}), (method, path)


async def test_the_description_tells_what_each_route_takes(described: dict[str, Any]) -> None:
    schemes = described["components"]["securitySchemes"]
    assert {key: schemes["session"][key] for key in ("type", "in", "name")} == {
        "type": "apiKey",
        "in": "cookie",
        "name": "session_id",
    }
    assert (schemes["token"]["type"], schemes["token"]["scheme"]) == ("http", "bearer")
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            taken = operation.get("security", described["security"])
            assert taken == ([] if path in PUBLIC else [{"session": []}, {"token": []}]), (method, path)


@pytest.mark.fault("A31")
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example", "Content-Type": "text/plain"},
        {"Origin": "https://evil.example", "Content-Type": "multipart/form-data; boundary=x"},
    ],
)
async def test_nothing_is_changed_for_another_site(
    headers: dict[str, str], admin: httpx.AsyncClient, described: dict[str, Any]
) -> None:
    mutating = [(method, path) for method, path in operations(described) if method in MUTATING]
    assert len(mutating) > 10
    for method, path in mutating:
        answer = await admin.request(method, path, content=b"{}", headers=headers)
        assert answer.status_code == 403, (method, path)


@pytest.mark.fault("A50")
async def test_a_client_may_do_nothing_that_is_an_admins(client: httpx.AsyncClient) -> None:
    body = {"value": "1", "name": "x", "script_path": "x", "username": "x", "password": "x"}
    for method, path in ADMIN_ONLY:
        answer = await client.request(method, path, json=body)
        assert (answer.status_code, answer.json()) == (403, {"error": "Only an administrator may do this."}), path


async def test_the_description_tells_every_refusal_as_it_is(described: dict[str, Any]) -> None:
    error = {"$ref": "#/components/schemas/ErrorAnswer"}
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            refusal = operation["responses"]["default"]["content"]["application/json"]["schema"]
            assert refusal == error, (method, path)
            assert "422" not in operation["responses"], (method, path)
            assert operation.get("summary"), (method, path)
            assert operation.get("description"), (method, path)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api", 404),
        ("GET", "/api/", 404),
        ("GET", "/api/nothing", 404),
        ("POST", "/api/nothing/at/all", 404),
        ("GET", "/api/users/unknown", 404),
        ("DELETE", "/api/users/unknown", 404),
        ("DELETE", "/api/health", 405),
        ("POST", "/api/users/x", 405),
        ("TRACE", "/api/users", 405),
        ("OPTIONS", "/api/users", 405),
        ("PUT", "/api/settings/colour", 404),
    ],
)
async def test_what_is_not_there_is_told_in_json(method: str, path: str, status: int, admin: httpx.AsyncClient) -> None:
    answer = await admin.request(method, path, json={"value": "1"})
    assert answer.status_code == status
    assert list(answer.json()) == ["error"]
    assert "Set-Cookie" not in answer.headers
    if status == 405:
        assert method not in answer.headers["allow"]


async def test_health_is_for_everybody_and_for_every_kind_of_watchdog(http: httpx.AsyncClient) -> None:
    assert (await http.get("/api/health")).json() == {"status": "ok"}
    head = await http.head("/api/health")
    assert head.status_code == 200


DEEP = "[" * 100_000


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"{bad", 422),
        (b"null", 422),
        (b"[]", 422),
        (b'"text"', 422),
        (b"\xff\xfe\xfa", 422),
        (DEEP.encode(), 422),
        (b'{"username": ' + DEEP.encode() + b"}", 422),
        (b'{"username": ["a"], "password": "b"}', 422),
        (b'{"username": {"$ne": 1}, "password": "b"}', 422),
        (b'{"username": 1, "password": "b"}', 422),
        (b'{"username": null, "password": "b"}', 422),
        (b'{"username": "\\ud800", "password": "b"}', 422),
        (b'{"username": "a", "password": "\\udfff"}', 422),
        (b'{"username": "' + b"x" * 257 + b'", "password": "b"}', 422),
        (b'{"username": "a", "password": "' + b"x" * 1001 + b'"}', 422),
        (b'{"username": NaN, "password": Infinity}', 422),
        (b"x" * (1024 * 1024 + 1), 413),
    ],
)
async def test_a_request_that_cannot_be_understood_is_told_without_its_values(
    body: bytes, status: int, http: httpx.AsyncClient
) -> None:
    answer = await http.post("/api/auth/login", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert list(answer.json()) == ["error"]
    assert len(answer.json()["error"]) < 200
    assert "xxx" not in answer.text


async def test_a_body_that_does_not_tell_its_size_is_bounded_too(http: httpx.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x" * 65536

    answer = await http.post("/api/auth/login", content=pieces(), headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()) == (413, {"error": "The request is too large."})


@pytest.mark.fault("A50")
@pytest.mark.parametrize("page", ["-1", "1000000000000000000000", "x", "'; DROP TABLE users; --", "\0"])
@pytest.mark.parametrize("name", ["limit", "before", "state", "user"])
async def test_a_page_that_cannot_be_turned_is_no_mistake_of_ours(
    name: str, page: str, admin: httpx.AsyncClient
) -> None:
    answer = await admin.get("/api/runs", params={name: page})
    assert answer.status_code in (200, 400, 422)


@pytest.mark.fault("A46")
async def test_every_answer_carries_the_security_headers(admin: httpx.AsyncClient, http: httpx.AsyncClient) -> None:
    asked = itertools.product((admin, http), ("/api/health", "/api/users", "/api/nothing", "/login", "/", "/api/docs"))
    for client, path in asked:
        headers = (await client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "default-src" in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"
        assert "strict-transport-security" not in headers
        assert "server" not in headers


@pytest.mark.allows_errors("boom")
async def test_a_mistake_of_ours_is_one_sentence(
    admin: httpx.AsyncClient, outer: ASGI, services: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("boom, and a secret: Canary-12")

    monkeypatch.setattr(services.settings, "list", fail)
    transport = httpx.ASGITransport(outer, client=("127.0.0.1", 50000), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL, cookies=admin.cookies) as client:
        answer = await client.get("/api/settings")
    assert (answer.status_code, answer.json()) == (500, {"error": "Something went wrong here. The log says what."})


async def test_the_description_page_is_for_the_signed_in_and_loads_nothing_from_elsewhere(
    admin: httpx.AsyncClient, http: httpx.AsyncClient
) -> None:
    assert (await http.get("/api/docs")).status_code == 401
    assert (await http.get("/api/openapi.json")).status_code == 401
    page = await admin.get("/api/docs")
    assert page.status_code == 200
    assert "//" not in page.text.replace("<!doctype", "")
    for asset in ("swagger-ui.css", "swagger-ui-bundle.js"):
        assert (await admin.get(f"/api/docs/assets/{asset}")).status_code == 200
        assert (await http.get(f"/api/docs/assets/{asset}")).status_code == 401


@pytest.mark.needs("browser")
async def test_the_description_page_works_in_a_browser_under_its_policy(open_page: Any, server: Any) -> None:
    page: Page = await open_page(None)
    elsewhere: list[str] = []
    page.on("request", lambda request: None if request.url.startswith(server.url) else elsewhere.append(request.url))
    await page.goto("/api/docs")
    await page.get_by_role("heading", name="Toru Steering Center").wait_for()
    for path, locks in (("/api/resources", 1), ("/api/health", 0)):
        operation = page.locator(".opblock", has=page.get_by_role("button", name=f"get {path}", exact=True))
        await expect(operation.get_by_role("button", name="authorization button unlocked")).to_have_count(locks)
    await page.get_by_role("button", name="get /api/health", exact=True).click()
    await page.get_by_role("button", name="Try it out", exact=True).click()
    await page.get_by_role("button", name="Execute", exact=True).click()
    await page.get_by_text('"status": "ok"').first.wait_for()
    assert [url for url in elsewhere if not url.startswith("data:")] == []


@pytest.mark.fault("A26")
@pytest.mark.parametrize("how", ["PRODUCTION", "SECURE_COOKIES"])
async def test_in_production_every_cookie_is_ours_alone(how: str, start_server: StartServer) -> None:
    server = await start_server(env={how: "true"})
    async with httpx.AsyncClient(base_url=server.url, trust_env=False, verify=False) as http:
        credentials = {"username": ADMIN, "password": server.password}
        signed_in = await http.post("/api/auth/login", json=credentials)
        assert signed_in.status_code == 200
        assert signed_in.headers["strict-transport-security"] == "max-age=31536000"
        cookies = signed_in.headers.get_list("set-cookie")
        assert [cookie.partition("=")[0] for cookie in cookies] == ["__Host-session_id", "__Host-device_id"]
        session = {"Cookie": cookies[0].partition(";")[0]}
        schemes = (await http.get("/api/openapi.json", headers=session)).json()["components"]["securitySchemes"]
        assert schemes["session"]["name"] == "__Host-session_id"
        for path in ("/", "/login", "/api/auth/me", "/api/users", "/api/docs", "/_nicegui/x", "/static/toru.css"):
            cookies += (await http.get(path, headers=session)).headers.get_list("set-cookie")
        signed_out = await http.post("/api/auth/logout", headers=session)
        cookies += signed_out.headers.get_list("set-cookie")
    assert len(cookies) == 3
    for cookie in cookies:
        attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert {"httponly", "secure", "samesite=strict", "path=/"} <= attributes
        assert not any(part.startswith("domain") for part in attributes)


def test_the_sentence_for_a_problem_never_holds_the_value() -> None:
    from app.api import sentence_for

    problem = {"loc": ("body", "password"), "msg": "String should have at least 8 characters", "input": "Canary"}
    assert sentence_for([problem]) == "password: String should have at least 8 characters."
    assert sentence_for([{"type": "json_invalid", "loc": ("body", 3), "msg": "x"}]) == "The request is not valid JSON."
    assert sentence_for([]) == "The request: cannot be understood."
    assert "Canary" not in json.dumps(sentence_for([problem]))


@pytest.mark.fault("A43")
async def test_a_token_that_somebody_puts_into_an_address_is_found_nowhere(start_server: StartServer) -> None:
    server = await start_server()
    canary = "Canary" * 7 + "x"
    async with httpx.AsyncClient(
        base_url=server.url, trust_env=False, verify=False, headers={"Referer": f"/{canary}"}
    ) as http:
        told = [
            await http.get(path + f"?token={canary}&session_id={canary}", headers={"Cookie": f"session_id={canary}"})
            for path in (
                "/",
                "/api/users",
                "/api/nothing",
                "/login",
                "/_nicegui/x",
                f"/static/{canary}",
                "/api/auth/me",
            )
        ]
        told.append(await http.post("/api/auth/login", json={"username": [canary], "password": canary}))
        told.append(await http.post("/api/auth/login", json={"username": "a", "password": canary}))
        told.append(await http.post("/api/auth/login", content=canary, headers={"Content-Type": "application/json"}))
        with pytest.raises(InvalidStatus):
            async with open_socket(http, f"/api/ws?token={canary}"):
                pass
    for answer in told:
        assert canary not in answer.text, answer.url
    assert canary not in server.output
    for file in server.folder.rglob("*"):
        if file.is_file():
            assert canary.encode() not in file.read_bytes(), file
