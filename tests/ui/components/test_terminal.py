"""The terminal in a real browser: every byte once, keys to the script, and nothing that a script could abuse."""

import asyncio
import re

import httpx
import pytest
from playwright.async_api import WebSocketRoute, expect

from tests.conftest import StartServer
from tests.support.browser import OpenPage
from tests.support.clients import CLIENT, http_client, session_cookies
from tests.support.server import Server
from tests.ui.terminal import WRITE_TO_CLIPBOARD, TerminalView, running, start_run


class Counter:
    """A script that counts as far as it is let."""

    def __init__(self, server: Server, name: str) -> None:
        self._gate = server.folder / name
        self.script = server.script(
            f"{name}.sh",
            f"""
            i=0
            for stop in 120 200 300 400; do
                until [ -e {self._gate}.$stop ]; do sleep 0.02; done
                while [ $i -lt $stop ]; do i=$((i + 1)); echo "line $i of é日🙂"; done
            done""",
        )

    def let(self, *stops: int) -> None:
        """Lets it count to 120, 200, 300 and 400."""
        for stop in stops:
            self._gate.with_suffix(f".{stop}").touch()

    lines = [f"line {i} of é日🙂" for i in range(1, 401)]


async def open_terminal(open_page: OpenPage, run_id: str, **options: object) -> TerminalView:
    terminal = TerminalView(await open_page(f"/run/{run_id}", **options))
    await terminal.connected()
    return terminal


async def test_keys_reach_the_script(server: Server, admin: httpx.AsyncClient, open_page: OpenPage) -> None:
    script = server.script("greet.sh", 'printf "Your name? "; read name; echo "Hello, $name!"')
    terminal = await open_terminal(open_page, await start_run(admin, script))
    await terminal.shows("Your name?")
    await terminal.type("Ada\n")
    await terminal.shows("Hello, Ada!")
    await terminal.ended()


async def test_a_reload_in_the_middle_shows_every_line_once(
    server: Server, admin: httpx.AsyncClient, open_page: OpenPage
) -> None:
    counter = Counter(server, "reloaded")
    terminal = await open_terminal(open_page, await start_run(admin, counter.script))
    counter.let(120)
    await terminal.shows("line 120 ")
    await terminal.page.reload()
    await terminal.shows("line 120 ")
    counter.let(200, 300, 400)
    await terminal.ended()
    assert (await terminal.text()).splitlines() == counter.lines


@pytest.mark.allows_console("CLOSING or CLOSED")  # of the one in between, which asks no state before it sends
async def test_a_lost_connection_goes_on_from_its_offset(
    server: Server, admin: httpx.AsyncClient, open_page: OpenPage
) -> None:
    page = await open_page("/")
    sockets: list[WebSocketRoute] = []

    def connect(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        socket.connect_to_server()

    await page.route_web_socket(re.compile("/api/ws/runs/"), connect)
    counter = Counter(server, "lost")
    counter.let(120)
    await page.goto(f"/run/{await start_run(admin, counter.script)}")
    terminal = TerminalView(page)
    await terminal.shows("line 120 ")
    for stop in (200, 300, 400):
        await sockets[-1].close(code=1012)
        counter.let(stop)  # it writes while nobody listens
        await terminal.shows(f"line {stop} ")
    await terminal.ended()
    assert len(sockets) == 4
    assert (await terminal.text()).splitlines() == counter.lines


@pytest.mark.allows_console("WebSocket|Failed to load|ERR_CONNECTION")
async def test_nothing_is_missing_when_the_server_comes_back(start_server: StartServer, open_page: OpenPage) -> None:
    server = await start_server()
    counter = Counter(server, "restarted")
    counter.let(120)
    async with http_client(server, await session_cookies(server)) as admin:
        run_id = await start_run(admin, counter.script)
    terminal = await open_terminal(open_page, run_id, on=server)
    await terminal.shows("line 120 ")
    await server.kill()
    counter.let(200, 300, 400)
    await expect(terminal.box).to_have_attribute("data-link", re.compile("lost|connecting"))
    async with terminal.page.expect_event("load"):  # the new core does not know the page, which is loaded anew
        await server.start()
    await terminal.ended()
    assert (await terminal.text()).splitlines() == counter.lines


async def test_the_script_follows_the_size_of_the_window(
    server: Server, admin: httpx.AsyncClient, open_page: OpenPage
) -> None:
    script = server.script("size.sh", 'trap "stty size" WINCH; echo ready; while :; do sleep 0.05; done')
    async with running(admin, script) as run_id:
        terminal = await open_terminal(open_page, run_id)
        await terminal.shows("ready")
        await terminal.page.set_viewport_size({"width": 1600, "height": 700})
        await terminal.shows(re.compile(r"\d\d 1[5-9]\d "))  # rows and columns; it had some 120 columns before


async def test_who_may_not_type_reads_only(server: Server, admin: httpx.AsyncClient, open_page: OpenPage) -> None:
    script = server.script("ask.sh", 'stty size; read answer; echo "answer: $answer"')
    async with running(admin, script) as run_id:
        reader = await open_terminal(open_page, run_id, username=CLIENT, phone=True)
        await reader.shows("24 80")
        await reader.type("mine\n")
        await expect(reader.box.get_by_role("toolbar", name="Keys")).to_have_count(0)
        writer = await open_terminal(open_page, run_id)
        await writer.type("yours\n")
        await reader.shows("answer: yours")


@pytest.mark.allows_console("CLOSING or CLOSED")  # of the one in between, which asks no state before it sends
async def test_a_refusal_is_told_to_who_typed_and_to_nobody_else(
    server: Server, admin: httpx.AsyncClient, open_page: OpenPage
) -> None:
    page = await open_page("/")
    sockets: list[WebSocketRoute] = []

    def connect(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        socket.connect_to_server()

    await page.route_web_socket(re.compile("/api/ws/runs/"), connect)
    async with running(admin, server.script("read.sh", "echo ready; exec cat")) as run_id:
        await page.goto(f"/run/{run_id}")
        terminal = TerminalView(page)
        await terminal.shows("ready")
        note = terminal.box.locator(".term-note")
        sockets[0].send('{"error": "It does not read."}')
        sockets[0].send(b"after it")  # so the refusal has been dealt with
        await terminal.shows("after it")
        assert await note.inner_text() == ""
        await terminal.type("x")
        sockets[0].send('{"error": "It does not read."}')
        await expect(note).to_have_text("It does not read.")


async def test_a_phone_has_the_keys_that_its_keyboard_lacks(
    server: Server, admin: httpx.AsyncClient, open_page: OpenPage
) -> None:
    # od shows what arrives, byte by byte, and Ctrl+C ends it
    script = server.script("keys.sh", "stty -icanon -echo min 1; echo ready; exec od -An -v -w1 -c")
    terminal = await open_terminal(open_page, await start_run(admin, script), phone=True)
    await terminal.shows("ready")
    bar = terminal.box.get_by_role("toolbar", name="Keys")
    for key in await bar.get_by_role("button").all():
        box = await key.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44
    await bar.get_by_role("button", name="Tab").tap()
    await bar.get_by_role("button", name="Up").tap()
    await terminal.shows(re.compile(r"\\t\s+033\s+\[\s+A"))
    control = bar.get_by_role("button", name="Ctrl")
    await control.tap()
    await expect(control).to_have_attribute("aria-pressed", "true")
    await terminal.press("c")
    await terminal.ended()


async def test_the_keyboard_of_a_phone_stays_open_when_a_key_is_pressed(
    server: Server, admin: httpx.AsyncClient, open_page: OpenPage
) -> None:
    script = server.script("cat.sh", "exec cat")
    async with running(admin, script) as run_id:
        terminal = await open_terminal(open_page, run_id, phone=True)
        await terminal.type("x")
        for name in ("Esc", "Ctrl", "Left", "Tab"):
            await terminal.tool(name).tap()
            await expect(terminal.box.locator("textarea.xterm-helper-textarea")).to_be_focused()


async def test_what_is_pasted_cannot_press_keys(server: Server, admin: httpx.AsyncClient, open_page: OpenPage) -> None:
    script = server.script("paste.sh", "stty -echo; printf '\\033[?2004hready'; exec od -An -v -w1 -c")
    async with running(admin, script) as run_id:
        terminal = await open_terminal(open_page, run_id, phone=True)
        await terminal.shows("ready")
        await terminal.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await terminal.page.evaluate(WRITE_TO_CLIPBOARD, "a\x1b[201~b\n")
        await terminal.tool("Paste").tap()
        await terminal.press("Enter")  # od gets whole lines
        await terminal.shows(re.compile(r"033\s+\[\s+2\s+0\s+0\s+~\s+a\s+342\s+220\s+233\s+\["))


async def test_without_a_clipboard_there_is_a_box_to_paste_into(
    server: Server, admin: httpx.AsyncClient, open_page: OpenPage
) -> None:
    script = server.script("echo.sh", 'echo ready; read line; echo "got $line"')
    terminal = await open_terminal(open_page, await start_run(admin, script), phone=True)
    await terminal.page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    await terminal.tool("Paste").tap()
    await terminal.page.get_by_label("Text to paste").fill("by hand")
    await terminal.page.get_by_role("button", name="Insert").tap()
    await expect(terminal.box.locator(".xterm-helper-textarea")).to_be_focused()  # once the box is gone
    await terminal.press("Enter")
    await terminal.shows("got by hand")


@pytest.mark.fault("A46", "X16")
async def test_dangerous_sequences_do_nothing(server: Server, admin: httpx.AsyncClient, open_page: OpenPage) -> None:
    hostile = [
        r"\033]8;;https://example.org/\033\\link\033]8;;\033\\",  # a link
        r"\033]52;c;ZXZpbA==\a",  # the clipboard
        r"\033]0;owned\a\033]10;#131024\a\033]11;#D9D5EF\a",  # title and colours
        *(rf"\033[2147483647{final}" for final in "bILMSTZ"),  # work for hours, memory for gigabytes
    ]
    script = server.script("hostile.sh", f"printf 'before {''.join(hostile)} after\\n'; sleep 0.2; echo over")
    terminal = TerminalView(await open_page("/"))
    await terminal.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await terminal.page.evaluate(WRITE_TO_CLIPBOARD, "mine")
    await terminal.page.goto(f"/run/{await start_run(admin, script)}")
    await terminal.ended()
    await terminal.shows("before link after")
    assert await terminal.page.evaluate("navigator.clipboard.readText()") == "mine"
    assert "owned" not in await terminal.page.title()
    await terminal.screen.get_by_text("link").hover()
    await expect(terminal.box.locator(".xterm-cursor-pointer")).to_have_count(0)


async def test_a_question_of_the_past_is_not_answered_again(
    server: Server, admin: httpx.AsyncClient, open_page: OpenPage
) -> None:
    # A script that asks where the cursor is gets an answer while somebody looks, and none from whoever comes later.
    script = server.script(
        "ask.sh",
        "stty -echo -icanon min 1; printf '\\033[6n'; echo asked; read key; printf '%s' \"$key\" | od -An -c;"
        " printf '\\033[6n'; read key; printf '%s' \"$key\" | od -An -c",
    )
    async with running(admin, script) as run_id:
        while (await admin.get(f"/api/runs/{run_id}")).json()["size"] == 0:
            await asyncio.sleep(0.02)
        terminal = await open_terminal(open_page, run_id)
        await terminal.shows("asked")
        await terminal.type("x\n")
        await terminal.shows(re.compile(r"^\S*asked\s+x\s", re.MULTILINE))
        await terminal.press("Enter")
        await terminal.shows(re.compile(r"033\s+\[\s+\d"))


async def test_who_is_far_behind_sees_the_end_and_how_much_was_left_out(
    server: Server, admin: httpx.AsyncClient, open_page: OpenPage
) -> None:
    script = server.script("flood.sh", "yes $(printf '%0109d' 7) | head -n 110000; echo THE-END")
    run_id = await start_run(admin, script, tty=False)
    while (await admin.get(f"/api/runs/{run_id}")).json()["finished_at"] is None:
        await asyncio.sleep(0.05)
    terminal = await open_terminal(open_page, run_id)
    await terminal.ended()
    await terminal.shows("THE-END")
    left_out, *rest, last = (await terminal.text()).strip().splitlines()
    assert left_out.startswith("… 11.1 MB left out here")
    assert set(rest) == {"7".rjust(109, "0")}
    assert last == "THE-END"


async def test_search_walks_through_what_was_written(
    server: Server, admin: httpx.AsyncClient, open_page: OpenPage
) -> None:
    script = server.script("many.sh", 'for i in $(seq 300); do echo "row $i"; done; echo "the END"')
    terminal = await open_terminal(open_page, await start_run(admin, script, tty=False))
    await terminal.ended()
    await terminal.tool("Search output").click()
    count = terminal.box.locator(".term-count")
    await terminal.page.keyboard.type("ROW 29")
    await expect(count).to_have_text("11 of 11")
    await terminal.press("Shift+Enter")
    await expect(count).to_have_text("10 of 11")
    await terminal.page.get_by_label("Search in output").fill("row 7")
    await terminal.shows("row 70")
    await terminal.press("Escape")
    await terminal.tool("Jump to end").click()
    await terminal.shows("the END")
    await expect(terminal.tool("Jump to end")).to_have_count(0)


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
async def test_full_screen_takes_the_window_and_gives_it_back(
    server: Server, admin: httpx.AsyncClient, open_page: OpenPage, phone: bool
) -> None:
    script = server.script("hello.sh", "seq 100; echo THE-END")
    terminal = await open_terminal(open_page, await start_run(admin, script), phone=phone)
    await terminal.shows("THE-END")
    await terminal.tool("Full screen").click()
    await expect(terminal.tool("Full screen")).to_have_attribute("aria-pressed", "true")
    window = terminal.page.viewport_size
    assert window is not None
    assert await terminal.box.bounding_box() == {"x": 0, "y": 0, **window}
    await terminal.shows("THE-END")  # it still follows
    await expect(terminal.tool("Jump to end")).to_have_count(0)
    await terminal.tool("Full screen").click()
    menu = terminal.page.get_by_role("navigation", name="Quick navigation" if phone else "Main")
    await menu.get_by_text("History").click()  # nothing lies over it any more
    await expect(terminal.page).to_have_url(re.compile("/history"))


async def test_leaving_the_page_ends_its_connection(
    server: Server, admin: httpx.AsyncClient, open_page: OpenPage
) -> None:
    async with running(admin, server.script("wait.sh", "echo waiting; exec sleep 60")) as run_id:
        page = await open_page("/history")
        async with page.expect_websocket(lambda socket: run_id in socket.url) as opening:
            await page.locator(f'a[href="/run/{run_id}"]').click()
        socket = await opening.value
        await TerminalView(page).shows("waiting")
        async with socket.expect_event("close"):
            await page.get_by_role("navigation", name="Main").get_by_text("History").click()
