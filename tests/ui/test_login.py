"""The sign-in page: plain HTML for everybody, without a NiceGUI client, under a strict policy."""

import re

import httpx
import pytest
from nicegui import Client

from ui.login import login_html


@pytest.mark.fault("A42")
async def test_the_page_is_open_and_creates_no_client(http: httpx.AsyncClient) -> None:
    before = set(Client.instances)
    for path in ("/login", "/login?next=/settings", "/login?ended=1"):
        answer = await http.get(path)
        assert answer.status_code == 200
        assert "_nicegui" not in answer.text
    assert set(Client.instances) == before


@pytest.mark.fault("A46")
async def test_no_script_or_style_stands_in_the_page(http: httpx.AsyncClient) -> None:
    answer = await http.get("/login")
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "nonce" not in policy
    assert not re.search(r"<style|\son\w+=|\sstyle=|<script(?![^>]* src=)", answer.text)


def test_password_managers_know_the_fields() -> None:
    page = login_html()
    assert re.search(r'<input[^>]*name="username"[^>]*autocomplete="username"', page)
    assert re.search(r'<input[^>]*name="password"[^>]*autocomplete="current-password"', page)
    assert re.search(r'<label for="username">', page)
    assert re.search(r'<label for="password">', page)


@pytest.mark.parametrize("path", ["/", "/settings", "/history?highlight_task=1", "/nothing/here", "/run/abc"])
async def test_nobody_sees_a_page(http: httpx.AsyncClient, path: str) -> None:
    before = set(Client.instances)
    answer = await http.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login")
    assert set(Client.instances) == before
