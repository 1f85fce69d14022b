"""The system page in a real browser: everything the machine shows of itself, live; and what it does not show."""

import re
import socket
import subprocess
import sys

import psutil
import pytest
from playwright.async_api import expect

from tests.support.browser import OpenPage
from tests.support.clients import CLIENT
from tests.ui.pages.machines import LACKING, LARGE, show_machine

PATH = "/system-monitor"


async def test_it_shows_this_machine_to_everybody_who_is_signed_in(open_page: OpenPage) -> None:
    page = await open_page(PATH, username=CLIENT)
    cores = page.get_by_role("region", name="Processor cores")
    await expect(cores.get_by_role("meter")).to_have_count(psutil.cpu_count() or 1)
    memory = page.get_by_role("region", name="Memory and swap")
    await expect(memory.get_by_text(re.compile("available"))).to_be_visible()
    swap = psutil.swap_memory().total
    await expect(memory.get_by_text("none set up")).to_have_count(0 if swap else 1)
    await expect(page.get_by_role("region", name="Disks").get_by_text("/", exact=True)).to_be_visible()
    network = page.get_by_role("table", name="Network interfaces")
    await expect(network.get_by_role("rowheader", name="lo", exact=True)).to_be_visible()
    await expect(network.get_by_text(re.compile("/s$")).first).to_be_visible()
    host = page.get_by_role("region", name="Kernel and host")
    await expect(host.get_by_text(socket.gethostname(), exact=True)).to_be_visible()


async def test_processes_are_sorted_by_what_one_asks_for(open_page: OpenPage) -> None:
    hold = "held = bytearray(600 * 2**20); print(1, flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as hog:
        hog.stdout.readline()  # type: ignore[union-attr]
        page = await open_page(PATH)
        table = page.get_by_role("table", name="Processes by use")
        by_cpu, by_memory = (table.get_by_role("columnheader", name=name) for name in ("CPU", "Memory"))
        await expect(by_cpu).to_have_attribute("aria-sort", "descending")
        await by_memory.get_by_role("button").click()
        await expect(by_memory).to_have_attribute("aria-sort", "descending")
        await expect(by_cpu).not_to_have_attribute("aria-sort", "descending")
        await expect(
            table.get_by_role("row").filter(has_text=str(hog.pid)).get_by_text(re.compile("6.. MiB"))
        ).to_be_visible()
        hog.communicate(b"\n")


async def test_more_processes_can_be_shown(open_page: OpenPage) -> None:
    page = await open_page(PATH)
    region = page.get_by_role("region", name="Processes")
    rows = region.get_by_role("rowheader")
    await expect(rows).to_have_count(12)
    await region.get_by_role("button", name="Show more").click()
    await expect(rows.nth(12)).to_be_visible()


@pytest.mark.allows_console("Failed to load")
async def test_a_list_of_processes_that_fails_says_so_and_tries_again(open_page: OpenPage) -> None:
    page = await open_page(None)
    address = re.compile("/api/resources/processes")
    await page.route(address, lambda route: route.fulfill(status=503, json={"error": "Not right now."}))
    await page.goto(PATH)
    region = page.get_by_role("region", name="Processes")
    await expect(region.get_by_role("alert")).to_contain_text("Not right now.")
    await page.unroute(address)
    await region.get_by_role("button", name="Try again").click()
    await expect(region.get_by_role("table")).to_be_visible()


async def test_hidden_processes_are_said_to_be_hidden(open_page: OpenPage) -> None:
    page = await open_page(None)
    own = {"pid": 7, "name": "sh", "username": None, "cpu_percent": 0.0, "memory": None, "memory_percent": None}
    answer = {"items": [own], "total": 1, "complete": False}
    await page.route(re.compile("/api/resources/processes"), lambda route: route.fulfill(json=answer))
    await page.goto(PATH)
    await expect(page.get_by_text("This machine hides other users' processes.")).to_be_visible()
    await expect(page.get_by_role("row").filter(has_text="sh").get_by_text("–")).to_have_count(2)


async def test_what_a_machine_lacks_is_absent_and_never_zero(open_page: OpenPage) -> None:
    page = await open_page(None)
    await show_machine(page, LACKING)
    await page.goto(PATH)
    for sentence in ("does not show its processors", "shows no disks", "has no network"):
        await expect(page.get_by_text(sentence)).to_be_visible()
    await expect(page.get_by_role("region", name="Memory and swap").get_by_text("not available")).to_have_count(2)
    await expect(page.get_by_role("meter")).to_have_count(0)


async def test_much_of_everything_fits_a_phone(open_page: OpenPage) -> None:
    page = await open_page(None, phone=True)
    await show_machine(page, LARGE)
    await page.goto(PATH)
    await expect(page.get_by_role("meter", name="Core 127")).to_be_visible()
    await expect(page.get_by_role("region", name="Disks").get_by_role("meter")).to_have_count(24)
    network = page.get_by_role("region", name="Network")
    await expect(network.get_by_role("rowheader")).to_have_count(10)
    await network.get_by_role("button", name="Show 50 more interfaces").click()
    await expect(network.get_by_role("rowheader")).to_have_count(60)
    assert await page.evaluate("document.documentElement.scrollWidth") == 390
