"""Schemathesis against our own description: thousands of requests, good and bad, always the same ones.

Whatever it sends: no mistake of ours, no answer that the description does not tell, nothing malformed that is taken.
"""

import asyncio
import sys
from pathlib import Path

import httpx
import pytest

from tests.conftest import StartServer
from tests.support.clients import CLIENT, http_client, session_cookies
from tests.support.server import Server

# What is off, and why. `positive_data_acceptance`: a description tells the form of a value, not whether we take it (a
# weak password, a script that is not there); that is a 400. `allow_header_conformance`: /api/quick-actions/order also
# takes what the address of one action takes, and says so. `ignored_auth`: it wants 401 of whoever shows nothing,
# however often; after 1,200 a minute that is 429 (tests/test_every_route.py asks every route once).
OPTIONS = (
    *("--phases", "examples,coverage,fuzzing", "--max-examples", "8", "--generation-deterministic"),
    *("--checks", "all", "--exclude-checks", "positive_data_acceptance,allow_header_conformance,ignored_auth"),
    *("--max-response-time", "5"),
    *("--workers", "1", "--no-color", "--warnings", "off"),
)


async def found_by_schemathesis(server: Server, folder: Path, credential: str, *options: str) -> str:
    """What it complains about, empty for nothing."""
    async with http_client(server, await session_cookies(server)) as admin:
        description = await admin.get("/api/openapi.json")
    (folder / "openapi.json").write_bytes(description.content)
    command = [sys.executable, "-m", "schemathesis.cli", "run", "openapi.json", "--url", server.url, "-H", credential]
    process = await asyncio.create_subprocess_exec(
        *(*command, *OPTIONS, *options),
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "NO_PROXY": "127.0.0.1", "HOME": str(folder)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told, _ = await process.communicate()
    return "" if process.returncode == 0 else told.decode()


async def admin_token(server: Server) -> str:
    """A token that may do everything but what a person must."""
    async with http_client(server, await session_cookies(server)) as admin:
        made = await admin.post("/api/tokens", json={"name": "schemathesis", "scopes": ["admin"]})
    return f"Authorization: Bearer {made.json()['token']}"


@pytest.mark.timeout(300)
async def test_as_an_administrators_automation(start_server: StartServer, tmp_path: Path) -> None:
    server = await start_server()
    server.script("hello.sh", "echo hello")
    found = await found_by_schemathesis(server, tmp_path, await admin_token(server))
    assert not found, found


@pytest.mark.timeout(300)
async def test_as_a_person_on_the_own_account(start_server: StartServer, tmp_path: Path) -> None:
    server = await start_server()
    (cookie,) = [
        f"Cookie: {name}={value}" for name, value in (await session_cookies(server, CLIENT)).items() if "sess" in name
    ]
    # Signing out and in would end the session that all other requests need.
    mine = ("--include-path-regex", "^/api/(me|tokens|auth|audit)", "--exclude-path-regex", "/auth/(login|logout)$")
    found = await found_by_schemathesis(server, tmp_path, cookie, *mine)
    assert not found, found
    async with httpx.AsyncClient(base_url=server.url, trust_env=False, verify=False) as http:
        assert (await http.get("/api/health")).status_code == 200
