"""REST of backups, on a real server."""

import asyncio
import io
import tarfile
from typing import Any

import httpx

from tests.support.waiting import eventually


async def made(admin: httpx.AsyncClient, **body: Any) -> str:
    """The name of a backup, once it is there."""
    begun = await admin.post("/api/backups", json=body)
    assert begun.status_code == 202, begun.text
    name = str(begun.json()["name"])

    async def is_there() -> bool:
        state = (await admin.get("/api/backups")).json()
        assert state["failure"] is None
        return state["running_since"] is None

    await eventually(is_there, 50)
    return name


async def test_made_listed_downloaded_deleted(admin: httpx.AsyncClient) -> None:
    name = await made(admin)
    listed = (await admin.get("/api/backups")).json()["backups"]
    assert name in [view["name"] for view in listed]
    answer = await admin.get(f"/api/backups/{name}")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as tar:
        assert "data/toru.db" in tar.getnames()
    assert (await admin.delete(f"/api/backups/{name}")).status_code == 204
    assert (await admin.get(f"/api/backups/{name}")).status_code == 404
    audit = (await admin.get("/api/audit", params={"what": "backup"})).json()["items"]
    whats = [row["what"] for row in audit if row["target"] == name]
    assert whats == ["backup.deleted", "backup.downloaded", "backup.made"]


async def test_encrypted_with_a_passphrase_that_is_told_nowhere(admin: httpx.AsyncClient) -> None:
    name = await made(admin, passphrase="Canary words of ours", outputs=True)
    assert name.endswith(".tar.gz.enc")
    answer = await admin.get(f"/api/backups/{name}")
    assert answer.content.startswith(b"TORUENC1")
    for path in ("/api/audit", "/api/backups", "/api/settings"):
        assert "Canary" not in (await admin.get(path)).text
    await admin.delete(f"/api/backups/{name}")


async def test_names_that_lead_elsewhere_are_not_there(admin: httpx.AsyncClient) -> None:
    for name in ("toru.db", "..%2Ftoru.db", "%2e%2e", "toru-20261123T080000Z.tar.gz%00", "x" * 90):
        assert (await admin.get(f"/api/backups/{name}")).status_code in (400, 404)


async def test_a_client_sees_none_of_it(client: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(
        client.get("/api/backups"), client.post("/api/backups", json={}), client.get("/api/backups/x")
    )
    assert [answer.status_code for answer in answers] == [403, 403, 403]
