"""The dashboard in a real browser: live figures, the chart of the hour, quick actions, recent runs."""

import asyncio
import re
from collections.abc import AsyncIterator

import httpx
import pytest
from playwright.async_api import WebSocket, expect

from app.core.permissions import Actor
from app.services import Services
from tests.conftest import StartServer
from tests.support.browser import OpenPage
from tests.support.clients import CLIENT
from tests.support.inprocess import AsUser
from tests.support.server import Server
from tests.ui.pages.machines import LACKING, LARGE, show_machine
from ui.components.load_chart import LoadChart

FIGURES = ("CPU", "Memory", "Disk", "Network")
ADMIN = Actor.system()


@pytest.fixture
async def no_actions(admin: httpx.AsyncClient) -> None:
    """A server without quick actions, whatever other tests made."""
    for made in (await admin.get("/api/quick-actions")).json():
        await admin.delete(f"/api/quick-actions/{made['id']}")


@pytest.fixture
async def action(server: Server, admin: httpx.AsyncClient, no_actions: None) -> AsyncIterator[str]:
    """The only quick action, by name."""
    server.script("greet.sh", "echo hello; sleep 1")
    made = await admin.post("/api/quick-actions", json={"name": "Greet", "script_path": "greet.sh", "icon": "rocket"})
    yield "Greet"
    await admin.delete(f"/api/quick-actions/{made.json()['id']}")


# ---- live figures


async def test_the_four_figures_are_live_and_one_socket_feeds_them_all(open_page: OpenPage) -> None:
    page = await open_page(None)
    sockets: list[WebSocket] = []
    ticked = asyncio.Semaphore(0)

    def opened(socket: WebSocket) -> None:
        if socket.url.endswith("/api/ws/monitor"):
            sockets.append(socket)
            socket.on("framereceived", lambda _: ticked.release())

    page.on("websocket", opened)
    await page.goto("/")
    async with asyncio.timeout(10):
        for _ in range(3):
            await ticked.acquire()
    assert len(sockets) == 1
    for name in FIGURES:
        figure = page.get_by_role("region", name=name, exact=True)
        await expect(figure.locator(".m-metric-value")).to_have_text(re.compile(r"\d"))
        await expect(figure.locator(".m-spark-line")).to_have_attribute("d", re.compile("C"))
    await expect(page.get_by_text("Uptime")).to_be_visible()
    await expect(page.get_by_text(re.compile(r"^load \d"))).to_be_visible()


async def test_a_little_of_much_is_told_whole(open_page: OpenPage) -> None:
    page = await open_page(None)
    little = {"memory_used": 932 << 20, "memory_total": 24064 << 20, "memory_percent": 3.9}
    await show_machine(page, LARGE | little)
    await page.goto("/")
    figure = page.get_by_role("region", name="Memory", exact=True)
    await expect(figure.locator(".m-metric-value")).to_have_text(re.compile(r"932\s*MiB"))
    await expect(figure.get_by_text("4 % of 23.5 GiB")).to_be_visible()
    small = figure.locator(".m-metric-value small, .m-metric-notes span:first-child")
    assert await small.evaluate_all("cut => cut.every(e => e.scrollWidth <= e.clientWidth)")


async def test_what_a_machine_lacks_is_absent_and_never_zero(open_page: OpenPage) -> None:
    page = await open_page(None)
    await show_machine(page, LACKING)
    await page.goto("/")
    for name in FIGURES:
        figure = page.get_by_role("region", name=name, exact=True)
        await expect(figure.locator(".m-metric-value")).to_have_text(re.compile("^– *$"))
        await expect(figure.get_by_role("meter")).to_have_count(0)
    await expect(page.get_by_text("Nothing measured yet.")).to_be_visible()
    machine = page.get_by_role("region", name="This machine")
    assert not re.search(r"\d", await machine.inner_text())


async def test_long_names_and_large_figures_fit_a_phone(open_page: OpenPage) -> None:
    page = await open_page(None, phone=True)
    await show_machine(page, LARGE)
    await page.goto("/")
    await expect(page.get_by_text(LARGE["host_name"])).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") == 390
    memory = page.get_by_role("region", name="Memory", exact=True)
    await expect(memory).to_have_class(re.compile("warn"))


@pytest.mark.allows_console("WebSocket|ERR_|Failed to load|socket")
async def test_a_server_that_is_gone_is_said_and_figures_come_back_with_it(
    open_page: OpenPage, start_server: StartServer
) -> None:
    server = await start_server()
    page = await open_page("/", on=server)
    notice = page.get_by_text("These figures stand still")
    await expect(page.locator(".m-chart canvas")).to_be_visible()
    await expect(page.get_by_role("region", name="CPU", exact=True).locator("b")).to_have_text(re.compile(r"\d"))
    await expect(notice).to_have_count(0)
    await server.kill()
    await expect(notice).to_be_visible(timeout=8000)
    await server.restart()
    await expect(notice).to_have_count(0, timeout=20_000)
    await expect(page.locator(".m-chart")).to_have_attribute("data-points", re.compile(r"[1-9]"))


# ---- the chart


async def test_the_chart_is_there_again_at_once_after_a_reload(open_page: OpenPage) -> None:
    page = await open_page("/")
    chart = page.locator(".m-chart")
    await expect(chart).to_have_attribute("data-points", re.compile(r"[1-9]"))
    await page.reload()
    await expect(chart).to_have_attribute("data-points", re.compile(r"[1-9]"), timeout=3000)
    await expect(chart.locator("canvas")).to_be_visible()
    await expect(page.get_by_role("img", name=re.compile(r"Now: CPU \d+ %, memory \d+ %"))).to_be_visible()


async def test_a_full_hour_is_at_most_600_points(open_page: OpenPage) -> None:
    page = await open_page(None)
    hour = {"start": "2026-11-22T11:00:00.000Z", "tick": 0, "interval": 6}
    column = [30.0] * 300 + [None] * 10 + [50.0] * 290
    await show_machine(page, LARGE | {"tick": 3599, "sampled_at": "2026-11-22T12:00:00.000Z"})
    await page.route(
        "**/api/resources/history?seconds=3600",
        lambda route: route.fulfill(
            json=hour | dict.fromkeys(("cpu", "memory", "disk", "received", "transmitted"), column)
        ),
    )
    await page.goto("/")
    await expect(page.locator(".m-chart")).to_have_attribute("data-points", "600")


@pytest.mark.allows_console("Failed to load")
async def test_a_chart_that_fails_says_so_and_tries_again(open_page: OpenPage) -> None:
    page = await open_page(None)
    refused = re.compile("/api/resources/history")
    await page.route(refused, lambda route: route.fulfill(status=503, json={"error": "The machine is asleep."}))
    await page.goto("/")
    chart = page.locator(".m-chart")
    await expect(chart.get_by_text("The machine is asleep.")).to_be_visible()
    await page.unroute(refused)
    await chart.get_by_role("button", name="Try again").click()
    await expect(chart).to_have_attribute("data-points", re.compile(r"[1-9]"))
    await expect(chart.get_by_role("alert")).to_have_count(0)


@pytest.mark.allows_console("Failed to load")
async def test_a_chart_whose_drawing_library_does_not_come_says_so_too(open_page: OpenPage) -> None:
    page = await open_page(None)
    await page.route(re.compile("/esm/"), lambda route: route.abort())
    await page.goto("/")
    await expect(page.locator(".m-chart").get_by_text("The chart could not be loaded.")).to_be_visible()


async def test_no_point_of_a_chart_is_kept_on_the_server(as_user: AsUser, services: Services) -> None:
    await services.monitor.resources_json()
    user = await as_user()
    await user.open("/")
    [chart] = user.find(LoadChart).elements
    assert [series["data"] for series in chart.props["options"]["series"]] == [[], []]


# ---- quick actions


async def test_a_tile_starts_its_script_and_opens_the_run(
    open_page: OpenPage, action: str, admin: httpx.AsyncClient
) -> None:
    page = await open_page("/", username=CLIENT)
    tiles = page.get_by_role("region", name="Quick actions")
    await expect(tiles.get_by_role("button")).to_have_count(1)
    await tiles.get_by_role("button", name=action).click()
    await page.wait_for_url("**/run/*")
    run = (await admin.get(f"/api/runs/{page.url.rpartition('/')[2]}")).json()
    assert (run["script"], run["username"], run["tty"]) == ("greet.sh", CLIENT, True)


@pytest.mark.usefixtures("no_actions")
async def test_a_dangerous_action_is_marked_and_asks_before_it_runs(
    open_page: OpenPage, server: Server, admin: httpx.AsyncClient
) -> None:
    server.script("reboot.sh", "echo not really")
    body = {"name": "Reboot", "script_path": "reboot.sh", "icon": "power", "dangerous": True}
    made = await admin.post("/api/quick-actions", json=body)
    page = await open_page("/", username=CLIENT)
    tile = page.get_by_role("button", name="Reboot (dangerous)")
    question = page.get_by_role("dialog", name="Run “Reboot”?")
    await tile.click()
    await question.get_by_role("button", name="Cancel").click()
    await expect(question).not_to_be_visible()
    await expect(page).to_have_url(re.compile("/$"))
    await tile.click()
    await question.get_by_role("button", name="Run").click()
    await page.wait_for_url("**/run/*")
    page = await open_page("/scripts")
    await expect(page.get_by_role("listitem").filter(has_text="reboot.sh")).to_contain_text("Dangerous")
    await page.get_by_role("button", name="Run reboot.sh", exact=True).click()
    await expect(page.get_by_role("dialog", name="Run “reboot.sh”?")).to_be_visible()
    await admin.delete(f"/api/quick-actions/{made.json()['id']}")


@pytest.mark.fault("X45")
@pytest.mark.usefixtures("no_actions")
async def test_an_action_that_was_deleted_meanwhile_starts_nothing(
    open_page: OpenPage, server: Server, admin: httpx.AsyncClient
) -> None:
    server.script("gone.sh", "echo gone")
    made = await admin.post("/api/quick-actions", json={"name": "Gone", "script_path": "gone.sh"})
    page = await open_page("/", username=CLIENT)
    tile = page.get_by_role("button", name="Gone")
    await expect(tile).to_be_visible()
    await admin.delete(f"/api/quick-actions/{made.json()['id']}")
    await expect(tile).to_have_count(0)  # the page follows
    await expect(page.get_by_text("An administrator can prepare scripts for you here.")).to_be_visible()


async def test_without_actions_an_admin_is_led_to_the_settings_and_a_client_is_not(as_user: AsUser) -> None:
    user = await as_user()
    await user.open("/")
    await user.should_see("Set up quick actions")
    client = await as_user(CLIENT)
    await client.open("/")
    await client.should_see("An administrator can prepare scripts for you here.")
    await client.should_not_see("Set up quick actions")


@pytest.mark.allows_errors("a page failed")
async def test_one_card_that_fails_leaves_the_others(
    as_user: AsUser, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(actor: Actor) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(services.actions, "list", fail)
    user = await as_user()
    await user.open("/")
    await user.should_see("Something went wrong here.")
    await user.should_see("This machine")
    monkeypatch.undo()
    user.find("Try again").click()
    await user.should_see("No quick actions yet")


# ---- recent runs


async def test_recent_runs_follow_what_happens_elsewhere(
    open_page: OpenPage, server: Server, admin: httpx.AsyncClient
) -> None:
    server.script("wait-for-me.sh", 'until [ -e "$0.go" ]; do sleep 0.05; done')
    page = await open_page("/")
    await admin.post("/api/runs", json={"script": "wait-for-me.sh"})
    row = page.get_by_role("region", name="Recent runs").get_by_role("row").filter(has_text="wait-for-me.sh")
    await expect(row.get_by_text("Running")).to_be_visible()
    (server.scripts_dir / "wait-for-me.sh.go").touch()
    await expect(row.get_by_text("Succeeded")).to_be_visible()
    await row.get_by_role("link").click()
    await page.wait_for_url("**/run/*")
