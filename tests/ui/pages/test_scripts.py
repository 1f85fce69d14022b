"""The scripts page: what is in the folder, found, and started with and without arguments."""

import re
import shutil

import httpx
import pytest
from playwright.async_api import expect

from tests.conftest import StartServer
from tests.support.browser import OpenPage
from tests.support.clients import CLIENT
from tests.support.server import Server
from tests.ui.terminal import TerminalView, width_overflow


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
async def test_a_script_is_found_run_and_its_output_seen(server: Server, open_page: OpenPage, phone: bool) -> None:
    server.script("backup-photos.sh", "#!/bin/sh\n# Copies the photos\nprintf '\\033[32mall copied\\033[0m\\n'\n")
    page = await open_page("/scripts", phone=phone)
    await page.get_by_label("Search scripts").fill("photos copies")
    await expect(page.get_by_text("Copies the photos")).to_be_visible()
    await expect(page.locator(".script-list li")).to_have_count(1)
    assert await width_overflow(page) == 0
    await page.get_by_role("button", name="Run backup-photos.sh", exact=True).click()
    await expect(page).to_have_url(re.compile("/run/[0-9a-f]{32}$"))
    await TerminalView(page).shows("all copied")
    await expect(page.locator(".term-title .t-chip")).to_have_text("Succeeded")


async def test_arguments_are_split_as_in_a_shell_but_never_seen_by_one(server: Server, open_page: OpenPage) -> None:
    server.script("args.sh", 'for word in "$@"; do echo "<$word>"; done; echo end')
    page = await open_page("/scripts?script=args.sh")
    dialog = page.get_by_role("dialog", name="args.sh")
    await dialog.get_by_label("Arguments").fill("one 'two words' $HOME *.sh ; `id` \"\"")
    await dialog.get_by_role("button", name="Run").click()
    terminal = TerminalView(page)
    await terminal.ended()
    words = ["one", "two words", "$HOME", "*.sh", ";", "`id`", ""]
    assert (await terminal.text()).splitlines() == [*(f"<{word}>" for word in words), "end"]


async def test_an_open_quote_is_pointed_out(server: Server, open_page: OpenPage) -> None:
    server.script("args.sh", "echo hello")
    page = await open_page("/scripts?script=args.sh")
    dialog = page.get_by_role("dialog", name="args.sh")
    await dialog.get_by_label("Arguments").fill("it's")
    await page.keyboard.press("Enter")
    await expect(dialog.get_by_text("is left open")).to_be_visible()
    await dialog.get_by_label("Arguments").fill("it is")
    await page.keyboard.press("Enter")
    await TerminalView(page).shows("hello")


async def test_what_is_dangerous_asks_before_it_runs_with_arguments(
    server: Server, admin: httpx.AsyncClient, open_page: OpenPage
) -> None:
    name = server.script("wipe.sh", 'echo "wiped $1"')
    made = await admin.post("/api/quick-actions", json={"name": "Wipe", "script_path": name, "dangerous": True})
    assert made.status_code == 200, made.text
    page = await open_page(f"/scripts?script={name}")
    dialog = page.get_by_role("dialog", name=name, exact=True)
    await dialog.get_by_label("Arguments").fill("all")
    await dialog.get_by_role("button", name="Run").click()
    asked = page.get_by_role("dialog", name="Run “wipe.sh”?")
    await asked.get_by_role("button", name="Cancel").click()
    await expect(asked).to_have_count(0)
    await expect(dialog.get_by_label("Arguments")).to_have_value("all")
    await dialog.get_by_role("button", name="Run").click()
    await asked.get_by_role("button", name="Run").click()
    await TerminalView(page).shows("wiped all")
    await admin.delete(f"/api/quick-actions/{made.json()['id']}")


@pytest.mark.fault("X49")
async def test_what_others_may_change_is_marked(server: Server, open_page: OpenPage) -> None:
    server.script("loose.sh", "echo hello", mode=0o777)
    page = await open_page("/scripts")
    await expect(page.locator("li", has_text="loose.sh")).to_contain_text("Every user of this machine can change it.")


@pytest.mark.fault("X33")
async def test_empty_missing_and_restored_folders(start_server: StartServer, open_page: OpenPage) -> None:
    server = await start_server()
    page = await open_page("/scripts", on=server)
    await expect(page.get_by_text("No scripts yet")).to_be_visible()
    server.script("first.sh", "echo hello")
    await page.get_by_role("button", name="Look at the folder again").click()
    await expect(page.locator(".script-list li")).to_have_count(1)
    shutil.rmtree(server.scripts_dir)
    await page.get_by_role("button", name="Look at the folder again").click()
    await expect(page.get_by_role("alert")).to_contain_text("cannot be read")
    server.scripts_dir.mkdir()
    server.script("back.sh", "echo hello")
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_role("button", name="Run back.sh", exact=True)).to_be_visible()


@pytest.mark.fault("A46")
async def test_names_and_descriptions_are_shown_as_text(server: Server, open_page: OpenPage) -> None:
    name = "<img src=x onerror=alert(1)>.sh"
    server.script(name, "#!/bin/sh\n# <b>bold</b> {{ 7 * 7 }}\necho hello\n")
    page = await open_page("/scripts")
    row = page.locator("li", has_text=name)
    await expect(row).to_contain_text("<b>bold</b> {{ 7 * 7 }}")
    await row.get_by_role("button", name=f"Run {name}", exact=True).click()
    await TerminalView(page).shows("hello")
    await expect(page.get_by_role("heading", level=1)).to_have_text(name)


async def test_clients_are_led_to_the_dashboard(open_page: OpenPage) -> None:
    page = await open_page("/scripts", username=CLIENT)
    await expect(page).to_have_url(re.compile("/$"))
    await expect(page.get_by_role("navigation", name="Main").get_by_text("Scripts")).to_have_count(0)
