"""What a server acknowledged, noted outside of it, while it is being used and killed; and whether it kept its word."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx

VISITOR, VISITOR_PASSWORD = "visitor", "Visitor-Pass-1"
"""Who signs in again and again: of one user the oldest sessions end, and the harness needs its own."""

SETTLE_SECONDS = 60.0
PAGE = 200
NO_TIMEOUT = "0"
FIRST_TIMEOUT = 100_000


@dataclass(frozen=True)
class Expected:
    """How a script ends and what it writes."""

    exit_code: int
    digest: str

    @property
    def state(self) -> str:
        """The state of its ended run."""
        return "failed" if self.exit_code else "succeeded"


@dataclass
class Ledger:
    """Acknowledged writes. One that was under way when the server died may have happened or not.

    Attributes:
        scripts: what may be run.
        runs: the script of each run whose start was acknowledged.
        actions: quick actions that were made, and whose deletion nobody asked for.
        deleted_actions: those whose deletion was acknowledged.
        timeouts: the values that the setting may have: the last one acknowledged, and one under way.
        tokens: cookies of sessions.
        written: how many writes were acknowledged.
    """

    scripts: dict[str, Expected]
    runs: dict[str, str] = field(default_factory=dict)
    actions: set[str] = field(default_factory=set)
    deleted_actions: set[str] = field(default_factory=set)
    timeouts: list[str] = field(default_factory=lambda: [NO_TIMEOUT])
    tokens: list[dict[str, str]] = field(default_factory=list)
    written: int = 0

    @asynccontextmanager
    async def load(self, client: httpx.AsyncClient) -> AsyncIterator[None]:
        """Uses the server in four ways at once until it is gone."""
        ways = (self._start_runs, self._change_actions, self._change_setting, self._sign_in)
        tasks = [asyncio.create_task(self._until_gone(way(client))) for way in ways]
        try:
            yield
        finally:
            await asyncio.gather(*tasks)

    async def _until_gone(self, steps: AsyncIterator[None]) -> None:
        with suppress(httpx.TransportError):
            async for _ in steps:
                self.written += 1

    async def _start_runs(self, client: httpx.AsyncClient) -> AsyncIterator[None]:
        while True:
            for script in self.scripts:
                answer = await client.post("/api/runs", json={"script": script})
                if answer.status_code == 201:
                    self.runs[answer.json()["id"]] = script
                    yield
                await asyncio.sleep(0.01)

    async def _change_actions(self, client: httpx.AsyncClient) -> AsyncIterator[None]:
        for number in count():
            body = {"name": f"Action {number}", "script_path": next(iter(self.scripts))}
            made = _ok(await client.post("/api/quick-actions", json=body))["id"]
            self.actions.add(made)
            yield
            if number % 2:
                self.actions.remove(made)
                _ok(await client.delete(f"/api/quick-actions/{made}"))
                self.deleted_actions.add(made)
                yield

    async def _change_setting(self, client: httpx.AsyncClient) -> AsyncIterator[None]:
        for number in count(FIRST_TIMEOUT + self.written):
            self.timeouts.append(str(number))
            _ok(await client.put("/api/settings/run_timeout", json={"value": str(number)}))
            self.timeouts = [str(number)]
            yield

    async def _sign_in(self, client: httpx.AsyncClient) -> AsyncIterator[None]:
        async with httpx.AsyncClient(base_url=client.base_url, timeout=30, trust_env=False) as browser:
            for number in count(len(self.tokens)):
                browser.cookies.clear()
                answer = await browser.post(
                    "/api/auth/login",
                    json={"username": VISITOR, "password": VISITOR_PASSWORD},
                    headers={"CF-Connecting-IP": f"10.7.{number >> 8}.{number & 255}"},
                )
                _ok(answer)
                self.tokens.append(dict(answer.cookies))
                yield

    async def faults(self, client: httpx.AsyncClient, living: str) -> list[str]:
        """What the server, started again, does not know any more or says wrongly. `living` is a run that goes on."""
        # A sign-in that the kill cut short counts as a failure; a success is what keeps three of them from a lock.
        await anext(self._sign_in(client))
        found = await self._settled(client, living)
        kept = {action["id"] for action in _ok(await client.get("/api/quick-actions"))}
        if self.actions - kept or kept & self.deleted_actions:
            found.append(f"quick actions: {len(self.actions - kept)} lost, {len(kept & self.deleted_actions)} back")
        settings = {one["key"]: one["value"] for one in _ok(await client.get("/api/settings"))["settings"]}
        if settings["run_timeout"] not in self.timeouts:
            found.append(f"the setting is {settings['run_timeout']}, acknowledged was {self.timeouts}")
        self.timeouts = [settings["run_timeout"]]
        for token in self.tokens[-5:]:
            cookie = "; ".join(f"{name}={value}" for name, value in token.items())
            if not _ok(await client.get("/api/auth/me", headers={"Cookie": cookie}))["authenticated"]:
                found.append("a session is lost")
        return found

    async def _settled(self, client: httpx.AsyncClient, living: str) -> list[str]:
        """Every run that was acknowledged has ended as it must, with all its output, and no other shows as running."""
        found = []
        try:
            async with asyncio.timeout(SETTLE_SECONDS):
                while await _unfinished(client) - {living}:
                    await asyncio.sleep(0.05)
        except TimeoutError:
            found.append(f"still shown as running: {await _unfinished(client) - {living}}")
        if living not in await _unfinished(client):
            found.append("the run that lives is not shown as running")
        for run_id, script in self.runs.items():
            found += await _run_faults(client, run_id, script, self.scripts[script])
        self.runs.clear()
        return found


async def _run_faults(client: httpx.AsyncClient, run_id: str, script: str, expected: Expected) -> list[str]:
    answer = await client.get(f"/api/runs/{run_id}")
    if answer.status_code != 200:
        return [f"run {run_id} was acknowledged and is lost: {answer.status_code}"]
    run = answer.json()
    found = []
    if (run["state"], run["exit_code"]) != (expected.state, expected.exit_code):
        found.append(f"{script}: {run['state']} {run['exit_code']} {run['reason']}")
    output = (await client.get(f"/api/runs/{run_id}/output")).content
    if hashlib.sha256(output).hexdigest() != expected.digest:
        found.append(f"{script}: the output is not what was written, {len(output)} bytes")
    return found


async def _unfinished(client: httpx.AsyncClient) -> set[str]:
    found: set[str] = set()
    for state in ("running", "queued"):
        page = _ok(await client.get("/api/runs", params={"state": state, "limit": PAGE}))
        found |= {run["id"] for run in page["runs"]}
    return found


def _ok(answer: httpx.Response) -> Any:
    if not answer.is_success:
        raise RuntimeError(f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}")
    return answer.json()
