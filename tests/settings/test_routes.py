"""Settings over HTTP, as the contract has it."""

import uuid

import httpx
import pytest

from tests.conftest import StartServer
from tests.support.clients import http_client, session_cookies


async def test_settings_are_keys_and_texts(admin: httpx.AsyncClient) -> None:
    listed = (await admin.get("/api/settings")).json()
    assert list(listed) == ["settings"]
    assert all(set(entry) == {"key", "value"} and isinstance(entry["value"], str) for entry in listed["settings"])
    values = {entry["key"]: entry["value"] for entry in listed["settings"]}
    assert "scripts_dir" in values
    assert uuid.UUID(values["instance_id"]).version == 4


@pytest.mark.parametrize(
    ("key", "body", "status"),
    [
        ("max_runs", {"value": "0"}, 400),
        ("max_runs", {"value": 7}, 422),
        ("max_runs", {"value": ["7"]}, 422),
        ("max_runs", {"value": "7" * 5000}, 422),
        ("max_runs", {}, 422),
        ("scripts_dir", {"value": "/no/such/folder"}, 400),
        ("scripts_dir", {"value": "a\0b"}, 400),
        ("instance_id", {"value": "mine"}, 403),
        ("colour", {"value": "red"}, 404),
        ("%00", {"value": "red"}, 404),
    ],
)
async def test_what_is_refused(key: str, body: dict[str, object], status: int, admin: httpx.AsyncClient) -> None:
    answer = await admin.put(f"/api/settings/{key}", json=body)
    assert answer.status_code == status
    assert list(answer.json()) == ["error"]


async def test_a_new_scripts_folder_holds_at_once_and_after_a_restart(start_server: StartServer) -> None:
    server = await start_server()
    other = server.folder / "other"
    other.mkdir()
    (other / "there.sh").write_text("#!/bin/sh\n")
    async with http_client(server, await session_cookies(server)) as admin:
        assert (await admin.get("/api/scripts")).json() == []
        changed = await admin.put("/api/settings/scripts_dir", json={"value": str(other)})
        assert (changed.status_code, changed.json()) == (200, {"key": "scripts_dir", "value": str(other)})
        assert (await admin.get("/api/scripts")).json() == ["there.sh"]
    await server.stop()
    await server.restart()
    async with http_client(server, await session_cookies(server)) as admin:
        assert (await admin.get("/api/scripts")).json() == ["there.sh"]
