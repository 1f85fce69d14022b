"""The page of a run: how it stands, who may do what with it, and what is explained."""

import asyncio
import re
import shutil
import sqlite3
from contextlib import closing

import httpx
import pytest
from playwright.async_api import Locator, Page, expect

from tests.conftest import StartServer
from tests.support.browser import OpenPage
from tests.support.clients import CLIENT, http_client, session_cookies
from tests.support.server import Server
from tests.support.waiting import eventually
from tests.ui.terminal import TerminalView, running, start_run, width_overflow

FOR_EVER = "echo working; while :; do sleep 0.05; done"


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
async def test_a_run_is_cancelled_after_a_question(
    server: Server, admin: httpx.AsyncClient, open_page: OpenPage, phone: bool
) -> None:
    run_id = await start_run(admin, server.script("work.sh", FOR_EVER))
    page = await open_page(f"/run/{run_id}", phone=phone)
    await TerminalView(page).shows("working")
    await page.get_by_role("button", name="Cancel run").click()
    question = page.get_by_role("dialog")
    await question.get_by_role("button", name="Let it run").click()
    await expect(question).to_have_count(0)
    assert (await admin.get(f"/api/runs/{run_id}")).json()["state"] == "running"
    await page.get_by_role("button", name="Cancel run").click()
    await question.get_by_role("button", name="Cancel run").click()
    await expect(state_of(page)).to_have_text("Cancelled")
    await expect(page.get_by_role("button", name="Cancel run")).to_have_count(0)
    assert await width_overflow(page) == 0


async def test_output_that_is_not_kept_any_more_is_told(
    server: Server, admin: httpx.AsyncClient, open_page: OpenPage
) -> None:
    run_id = await start_run(admin, server.script("talk.sh", "echo long ago"))

    async def has_ended() -> bool:
        return bool((await admin.get(f"/api/runs/{run_id}")).json()["finished_at"])

    await eventually(has_ended)
    await asyncio.to_thread(shutil.rmtree, server.data_dir / "runs" / run_id)
    with closing(sqlite3.connect(server.data_dir / "toru.db")) as database, database:
        database.execute("UPDATE runs SET output_removed_at = finished_at, kept_bytes = 0 WHERE id = ?", (run_id,))
    page = await open_page(f"/run/{run_id}")
    await expect(page.get_by_text("Its output is not kept any more.")).to_be_visible()
    await expect(page.get_by_text("Its output was removed, to keep to the limits in the settings.")).to_be_visible()
    await expect(page.get_by_role("link", name="Download")).to_have_count(0)


async def test_its_clock_runs_in_the_browser_and_stops_at_the_end(
    server: Server, admin: httpx.AsyncClient, open_page: OpenPage
) -> None:
    script = server.script("wait.sh", "read line")
    page = await open_page(f"/run/{await start_run(admin, script)}")
    clock = page.locator(".term-title time")
    await expect(clock).to_have_text(re.compile(r"^\d:\d\d$"))
    await expect(clock).not_to_have_text(await clock.inner_text())  # it runs
    await TerminalView(page).type("\n")
    await expect(state_of(page)).to_have_text("Succeeded")
    await expect(clock).to_have_text(re.compile(r"^\d\.\d s$|^0:\d\d$"))


@pytest.mark.parametrize("hours", [-5, 5])
async def test_its_clock_is_the_servers_in_a_browser_whose_own_is_wrong(
    server: Server, admin: httpx.AsyncClient, open_page: OpenPage, hours: int
) -> None:
    page = await open_page(f"/run/{await start_run(admin, server.script('wait.sh', 'read line'))}")
    await page.add_init_script(
        f"const off = {hours} * 3600e3, real = Date.now, origin = performance.timeOrigin;"
        "Date.now = () => real() + off;"
        "Object.defineProperty(performance, 'timeOrigin', {get: () => origin + off});"
    )
    await page.reload()
    await expect(page.locator(".term-title time")).to_have_text(re.compile(r"^0:[0-5]\d$"))  # hours would show
    await TerminalView(page).type("\n")
    await expect(state_of(page)).to_have_text("Succeeded")


async def test_run_again_starts_it_with_the_same_arguments(
    server: Server, admin: httpx.AsyncClient, open_page: OpenPage
) -> None:
    script = server.script("greet.sh", 'echo "Hello, $1!"')
    run_id = await start_run(admin, script, "Ada Lovelace")
    page = await open_page(f"/run/{run_id}")
    await expect(page.get_by_text("'Ada Lovelace'")).to_be_visible()
    await page.get_by_role("button", name="Run again").click()
    await expect(page).not_to_have_url(re.compile(run_id))
    await TerminalView(page).shows("Hello, Ada Lovelace!")


@pytest.mark.fault("X47")
async def test_a_client_cannot_do_what_is_not_its_to_do(
    server: Server, admin: httpx.AsyncClient, open_page: OpenPage
) -> None:
    async with running(admin, server.script("theirs.sh", FOR_EVER)) as run_id:
        page = await open_page(f"/run/{run_id}", username=CLIENT)
        await TerminalView(page).shows("working")
        await expect(page.get_by_role("button", name="Cancel run")).to_have_count(0)
    await expect(state_of(page)).to_have_text("Cancelled")
    await expect(page.get_by_role("button", name="Run again")).to_have_count(0)


@pytest.mark.fault("X47")
async def test_a_client_runs_a_quick_action_again_as_itself(
    server: Server, admin: httpx.AsyncClient, open_page: OpenPage
) -> None:
    script = server.script("action.sh", "echo done")
    action = (await admin.post("/api/quick-actions", json={"name": "Do it", "script_path": script})).json()
    page = await open_page(f"/run/{await start_run(admin, script)}", username=CLIENT)
    await page.get_by_role("button", name="Run again").click()
    await expect(page.locator(".run-user")).to_have_text(CLIENT)
    await TerminalView(page).shows("done")
    await admin.delete(f"/api/quick-actions/{action['id']}")


@pytest.mark.parametrize(
    ("text", "state", "sentence"),
    [
        ("#!/bin/sh\r\necho hello\r\n", "Not started", "Windows line ends"),
        ("#!/usr/bin/perl7\n", "Not started", "which this machine does not have"),
        ("kill -9 $$", "Killed", "when memory runs out"),
        ("kill -TERM $$", "Killed", "SIGTERM"),
        ("no-such-command", "Failed (127)", "A command that it calls does not exist"),
        ("exit 3", "Failed (3)", ""),
        ("exit 0", "Succeeded", ""),
    ],
)
async def test_how_it_ended_is_explained(
    server: Server, admin: httpx.AsyncClient, open_page: OpenPage, text: str, state: str, sentence: str
) -> None:
    script = server.script("ending.sh", text)
    page = await open_page(f"/run/{await start_run(admin, script)}")
    await expect(state_of(page)).to_have_text(state)
    notice = page.locator(".run > .t-notice")
    if sentence:
        await expect(notice).to_contain_text(sentence)
    else:
        await expect(notice).to_be_hidden()


async def test_a_time_limit_is_named(server: Server, admin: httpx.AsyncClient, open_page: OpenPage) -> None:
    script = server.script("slow.sh", FOR_EVER)
    started = await admin.post("/api/runs", json={"script": script, "timeout": 1})
    page = await open_page(f"/run/{started.json()['id']}")
    await expect(state_of(page)).to_have_text("Timed out")
    await expect(page.locator(".run > .t-notice")).to_contain_text("time limit of 1 s")


async def test_a_queued_run_shows_its_place_and_starts_by_itself(
    start_server: StartServer, open_page: OpenPage
) -> None:
    server = await start_server()
    script = server.script("work.sh", FOR_EVER)
    async with http_client(server, await session_cookies(server)) as admin:
        await admin.put("/api/settings/max_runs", json={"value": "1"})
        first, second, third = [await start_run(admin, script) for _ in range(3)]
        page = await open_page(f"/run/{third}", on=server)
        await expect(state_of(page)).to_have_text("Queued")
        await expect(page.get_by_text("number 2 in line")).to_be_visible()
        await admin.post(f"/api/runs/{first}/cancel")
        await expect(page.get_by_text("number 1 in line")).to_be_visible()
        await admin.post(f"/api/runs/{second}/cancel")
        await TerminalView(page).shows("working")
        await expect(state_of(page)).to_have_text("Running")
        await admin.post(f"/api/runs/{third}/cancel")
        await expect(state_of(page)).to_have_text("Cancelled")


async def test_output_is_downloaded_as_it_was_written(
    server: Server, admin: httpx.AsyncClient, open_page: OpenPage
) -> None:
    script = server.script("bytes.sh", r"printf 'a\033[31mred\377\n'")
    page = await open_page(f"/run/{await start_run(admin, script, tty=False)}")
    await TerminalView(page).ended()
    async with page.expect_download() as downloading:
        await page.get_by_role("link", name="Download output").click()
    download = await downloading.value
    assert (await download.path()).read_bytes() == b"a\x1b[31mred\xff\n"


async def test_an_unknown_run_says_so(open_page: OpenPage) -> None:
    page = await open_page("/run/0123456789abcdef0123456789abcdef")
    await page.get_by_role("link", name="Show all runs").click()
    await expect(page).to_have_url(re.compile("/history$"))


def state_of(page: Page) -> Locator:
    return page.locator(".term-title .t-chip")
