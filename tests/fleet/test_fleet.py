"""The list of machines: who may see and change it, and what Prometheus is told of it."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx
import pytest

from app.core.errors import BadValue, Conflict, Forbidden, NotFound
from app.core.permissions import Actor
from app.fleet import service as module
from app.fleet.service import RESERVED
from app.services import Services
from tests.cli.calling import Done, toru
from tests.conftest import StartServer
from tests.support.clients import http_client, session_cookies
from tests.support.server import Server

SYSTEM = Actor.system()


@pytest.fixture
async def nothing_left(services: Services) -> AsyncIterator[None]:
    yield
    for machine in await services.fleet.list(SYSTEM):
        await services.fleet.remove(SYSTEM, machine.name)


@pytest.mark.usefixtures("nothing_left")
async def test_this_machine_comes_first_where_it_was_asked_and_the_others_by_name(services: Services) -> None:
    fleet = services.fleet
    await fleet.put(SYSTEM, "web-2", "https://two.example.com/", {"client": "Möller & Søn"})
    await fleet.put(SYSTEM, "web-1", "http://[2001:DB8::1]:3000")
    told = [(group.targets, group.labels) for group in await fleet.targets(SYSTEM, "hub.example:3000")]
    assert told == [
        (("hub.example:3000",), {"instance": socket.gethostname(), "__scheme__": "http"}),
        (("[2001:db8::1]:3000",), {"instance": "web-1", "__scheme__": "http"}),
        (("two.example.com:443",), {"client": "Möller & Søn", "instance": "web-2", "__scheme__": "https"}),
    ]


@pytest.mark.usefixtures("nothing_left")
async def test_this_machine_is_told_once_also_when_it_was_registered(services: Services) -> None:
    await services.fleet.put(SYSTEM, "hub", "http://hub.example:80")
    assert [group.targets for group in await services.fleet.targets(SYSTEM, "hub.example")] == [("hub.example:80",)]


@pytest.mark.usefixtures("nothing_left")
async def test_another_machine_may_have_our_name(services: Services) -> None:
    await services.fleet.put(SYSTEM, socket.gethostname(), "https://other.example")
    told = await services.fleet.targets(SYSTEM, "127.0.0.1:3000")
    assert [group.labels["instance"] for group in told] == ["127.0.0.1:3000", socket.gethostname()]


@pytest.mark.usefixtures("nothing_left")
async def test_what_is_put_again_is_replaced_and_the_audit_knows(services: Services) -> None:
    fleet = services.fleet
    first = await fleet.put(SYSTEM, "a", "https://a.example", {"client": "x"})
    assert await fleet.put(SYSTEM, "a", "https://a.example", {"client": "x"}) == first
    changed = await fleet.put(SYSTEM, "a", "https://b.example")
    assert (changed.url, changed.labels, changed.added_at) == ("https://b.example", {}, first.added_at)
    await fleet.remove(SYSTEM, "a")
    with pytest.raises(NotFound):
        await fleet.remove(SYSTEM, "a")
    rows = [row for row in (await services.audit.page(SYSTEM)).items if row.what.startswith("machine.")]
    assert [(row.what, row.target) for row in rows[:3]] == [
        ("machine.removed", "a"),
        ("machine.changed", "a"),
        ("machine.added", "a"),
    ]
    assert rows[1].detail["old_url"] == "https://a.example"


@pytest.mark.usefixtures("nothing_left")
async def test_two_names_do_not_share_an_address_and_there_is_an_end(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    await services.fleet.put(SYSTEM, "a", "https://A.example:443")
    with pytest.raises(Conflict, match=re.escape("https://a.example is a already.")):
        await services.fleet.put(SYSTEM, "b", "https://a.example")
    monkeypatch.setattr(module, "MOST_MACHINES", 1)
    with pytest.raises(Conflict):
        await services.fleet.put(SYSTEM, "c", "https://c.example")
    await services.fleet.put(SYSTEM, "a", "https://c.example")  # which is there already


@pytest.mark.parametrize(
    ("name", "url", "labels"),
    [
        ("", "https://a.example", {}),
        ("a/b", "https://a.example", {}),
        ("x" * 101, "https://a.example", {}),
        ("a", "a.example:3000", {}),
        ("a", "ftp://a.example", {}),
        ("a", "https://a.example/path", {}),
        ("a", "https://user:secret@a.example", {}),
        ("a", "https://a.example:99999", {}),
        ("a", "https://", {}),
        ("a", "https://a.example:0", {}),
        ("a", "https://a b.example", {}),
        ("a", "https://a.exa\nmple", {}),
        ("a", "https://a.example,b.example", {}),
        ("a", 'https://a"}.example', {}),
        ("a", "https://<b>.example", {}),
        ("a", "https://[fe80::1%25eth0]", {}),
        ("a", "javascript:alert(1)", {}),
        ("a", "https://a.example", {"__scheme__": "http"}),
        ("a", "https://a.example", {"instance": "b"}),
        ("a", "https://a.example", {"route": "b"}),
        ("a", "https://a.example", {"with space": "b"}),
        ("a", "https://a.example", {"ä": "b"}),
        ("a", "https://a.example", {"client": ""}),
        ("a", "https://a.example", {"client": "x\ny"}),
        ("a", "https://a.example", {"client": "x" * 201}),
        ("a", "https://a.example", {f"label{number}": "x" for number in range(21)}),
    ],
)
async def test_what_prometheus_could_not_use_is_refused(
    services: Services, name: str, url: str, labels: dict[str, str]
) -> None:
    with pytest.raises(BadValue):
        await services.fleet.put(SYSTEM, name, url, labels)
    assert await services.fleet.list(SYSTEM) == []


async def test_no_label_of_ours_can_be_given_to_a_machine(admin: httpx.AsyncClient) -> None:
    text = (await admin.get("/metrics")).text
    assert set(re.findall(r'[{,]([a-z_]+)="', text)) <= RESERVED


async def test_over_rest(admin: httpx.AsyncClient, client: httpx.AsyncClient) -> None:
    body = {"url": "https://rest.example", "labels": {"client": "acme"}}
    assert (await admin.put("/api/fleet/rest", json=body)).json()["labels"] == {"client": "acme"}
    assert [machine["name"] for machine in (await admin.get("/api/fleet")).json()] == ["rest"]
    token = (await admin.post("/api/tokens", json={"name": "prometheus", "scopes": ["read"]})).json()
    headers = {"Authorization": f"Bearer {token['token']}"}
    async with httpx.AsyncClient(base_url=admin.base_url, headers=headers, trust_env=False, verify=False) as prometheus:
        answer = await prometheus.get("/api/v1/fleet/sd")
        assert (await prometheus.put("/api/fleet/rest", json=body)).status_code == 403
    assert answer.headers["content-type"] == "application/json"
    here, other = answer.json()
    assert here["targets"] == [urlsplit(str(admin.base_url)).netloc]
    assert other == {
        "targets": ["rest.example:443"],
        "labels": {"client": "acme", "instance": "rest", "__scheme__": "https"},
    }
    for path in ("/api/fleet", "/api/v1/fleet/sd"):
        assert (await client.get(path)).status_code == 403
    assert (await admin.delete("/api/fleet/rest")).status_code == 204
    assert (await admin.delete(f"/api/tokens/{token['id']}")).status_code == 204


async def test_the_public_address_wins(start_server: StartServer) -> None:
    server = await start_server(env={"TORU_PUBLIC_URL": "https://hub.example.com"})
    async with http_client(server, await session_cookies(server)) as admin:
        (here,) = (await admin.get("/api/v1/fleet/sd")).json()
    assert (here["targets"], here["labels"]["__scheme__"]) == (["hub.example.com:443"], "https")


def toru_fleet(server: Server, *arguments: str) -> Done:
    """Runs `toru fleet` on the machine of a server."""
    return toru(server.data_dir, "fleet", *arguments)


@pytest.mark.allows_blocking  # a command may hold up its own loop
async def test_a_list_longer_than_a_frame_is_told_whole(admin: httpx.AsyncClient, server: Server) -> None:
    names = [f"many-{number:02}" for number in range(40)]
    labels = {f"label{number}": "😀" * 200 for number in range(20)}
    for name in names:
        answer = await admin.put(f"/api/fleet/{name}", json={"url": f"https://{name}.example", "labels": labels})
        assert answer.status_code == 200
    code, output, complaints = await asyncio.to_thread(toru_fleet, server, "list", "--json")
    assert (code, complaints) == (0, "")
    assert [machine["name"] for machine in json.loads(output)] == names
    for name in names:
        await admin.delete(f"/api/fleet/{name}")


@pytest.mark.allows_blocking
def test_on_the_command_line(server: Server) -> None:
    assert toru_fleet(server, "list") == (0, "No other machines.\n", "")
    code, output, complaints = toru_fleet(server, "add", "cli", "https://cli.example", "-l", "client=acme")
    assert (code, output, complaints) == (
        0,
        "Prometheus is told of cli at https://cli.example from now on.\n",
        "",
    )
    assert json.loads(toru_fleet(server, "list", "--json")[1])[0]["labels"] == {"client": "acme"}
    assert re.fullmatch(r"cli +https://cli.example +client=acme\n", toru_fleet(server, "list")[1])
    code, output, complaints = toru_fleet(server, "add", "cli", "nowhere")
    assert (code, output) == (1, "")
    assert complaints.startswith("toru: A machine's address looks like https://")
    assert toru_fleet(server, "add", "cli", "https://cli.example", "-l", "client")[0] == 2
    assert toru_fleet(server, "remove", "cli") == (0, "Prometheus is not told of cli any more.\n", "")
    assert toru_fleet(server, "remove", "cli")[::2] == (1, "toru: There is no such machine.\n")


async def test_clients_do_not_know_of_each_other(services: Services) -> None:
    from dataclasses import replace

    from app.core.permissions import Role

    with pytest.raises(Forbidden):
        await services.fleet.list(replace(SYSTEM, role=Role.CLIENT))
