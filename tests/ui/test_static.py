"""Files for browsers: they are there for everybody, kept for ever under their versioned address, and small."""

import gzip
import re

import httpx
import pytest

from tests.support.inprocess import AsUser
from ui.static import assets, static_url


@pytest.mark.parametrize("name", sorted(assets()))
async def test_every_file_is_there_for_everybody(http: httpx.AsyncClient, name: str) -> None:
    answer = await http.get(static_url(name))
    assert answer.status_code == 200
    assert answer.content == assets()[name].body
    assert answer.headers["content-type"].split(";")[0] == assets()[name].media_type
    assert "immutable" in answer.headers["cache-control"]


async def test_without_the_right_version_a_browser_asks_again(http: httpx.AsyncClient) -> None:
    first = await http.get("/static/toru.css")
    assert "immutable" not in first.headers["cache-control"]
    again = await http.get("/static/toru.css", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (await http.get("/static/toru.css?v=0")).headers["cache-control"] == first.headers["cache-control"]


async def test_text_goes_out_packed(http: httpx.AsyncClient) -> None:
    packed = await http.get("/static/toru.css", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    plain = await http.get("/static/toru.css", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == packed.content == assets()["toru.css"].body
    assert len(gzip.compress(plain.content)) < 17_000, "the whole look is one small file"


@pytest.mark.parametrize(
    "path", ["/static/none.css", "/static/../theme/tokens.py", "/static/%2e%2e/tokens.py", "/static/"]
)
async def test_nothing_else_is_served(http: httpx.AsyncClient, path: str) -> None:
    assert (await http.get(path)).status_code in (303, 404)


async def test_the_dashboard_can_be_installed(http: httpx.AsyncClient) -> None:
    manifest = (await http.get("/manifest.webmanifest")).json()
    assert (manifest["start_url"], manifest["display"]) == ("/", "standalone")
    wanted = {("192x192", "any"), ("512x512", "any"), ("512x512", "maskable")}
    assert {(icon["sizes"], icon["purpose"]) for icon in manifest["icons"]} == wanted
    for icon in manifest["icons"]:
        assert (await http.get(icon["src"])).headers["content-type"] == "image/png"
    assert (await http.get("/favicon.ico")).status_code == 200


async def test_a_page_bears_our_icon(as_user: AsUser) -> None:
    user = await as_user()
    page = (await user.http_client.get("/account")).text
    assert re.findall(r'<link[^>]*href="([^"?]+)[^>]*rel="shortcut icon"', page) == ["/favicon.ico"]
    assert re.findall(r'<link rel="icon"[^>]*href="([^"?]+)', page) == ["/static/favicon.svg"]


def test_nothing_comes_from_another_host() -> None:
    for asset in assets().values():
        if asset.name.endswith((".css", ".js")):
            found = re.findall(rb"(?:https?:)?//[\w.-]+\.\w+", asset.body)
            assert not found, asset.name
