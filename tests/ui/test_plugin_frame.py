"""The document of a plugin's page: for whoever is signed in, to be framed by ourselves only."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.support.clients import CLIENT, http_client, session_cookies
from tests.support.processes import ProcessWatch
from tests.support.server import Server
from tests.ui.plugin_stage import HELLO, Stage, decide, open_stage, put_plugin


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory, process_watch: ProcessWatch) -> AsyncIterator[Stage]:
    server = Server(tmp_path_factory.mktemp("stage"))
    put_plugin(server, "hello", bundle=HELLO, name='"><script>alert(1)</script>')
    decide(server, hello=True)
    async with open_stage(server, process_watch) as opened:
        await opened.until("hello", health="healthy")
        yield opened


async def test_only_we_may_frame_it_and_nothing_but_it(stage: Stage) -> None:
    framed = await stage.admin.get("/plugin-frame/hello")
    assert framed.headers["content-type"].startswith("text/html")
    assert framed.headers["x-frame-options"] == "SAMEORIGIN"
    assert "frame-ancestors 'self'" in framed.headers["content-security-policy"]
    assert "script-src 'self'" in framed.headers["content-security-policy"]
    page = await stage.admin.get("/plugin/hello")
    assert page.headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]


@pytest.mark.fault("A46")
async def test_what_a_plugin_calls_itself_is_text(stage: Stage) -> None:
    text = (await stage.admin.get("/plugin-frame/hello")).text
    assert "<script>alert" not in text
    assert "<title>&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;</title>" in text


async def test_it_is_no_page_of_nicegui(stage: Stage) -> None:
    text = (await stage.admin.get("/plugin-frame/hello")).text
    assert "client_id" not in text
    assert "socket.io" not in text


async def test_every_script_that_it_names_is_there(stage: Stage) -> None:
    scripts = re.findall(r'<script src="([^"]+)"', (await stage.admin.get("/plugin-frame/hello")).text)
    assert len(scripts) == 2
    for script in scripts:
        answer = await stage.admin.get(script)
        assert (answer.status_code, "javascript" in answer.headers["content-type"]) == (200, True)


async def test_strangers_are_led_to_the_sign_in_page(stage: Stage) -> None:
    async with http_client(stage.server) as nobody:
        answer = await nobody.get("/plugin-frame/hello")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/plugin-frame/hello")


@pytest.mark.parametrize("name", ["nobody", "%3Cscript%3E", ".."])
async def test_an_unknown_plugin_has_a_card(stage: Stage, name: str) -> None:
    async with http_client(stage.server, await session_cookies(stage.server, CLIENT)) as client:
        request = httpx.Request("GET", f"{stage.server.url}/plugin-frame/{name}")
        answer = await client.send(client.build_request("GET", request.url))
    if name == "..":
        assert answer.status_code in (200, 303)
        return
    assert answer.status_code == 404
    assert "There is no such plugin." in answer.text
    assert "<script" not in answer.text
