"""Pages that no browser joins: a session has few of them, however many it asks for."""

import httpx
import pytest
from nicegui import Client
from nicegui.page import page

from tests.ui.conftest import SignedIn
from ui import waiting_pages
from ui.waiting_pages import MOST, ON_THEIR_WAY, WaitingPages


async def get_page(http: httpx.AsyncClient) -> str:
    """The id of the page that a GET made."""
    answer = await http.get("/account")
    assert answer.status_code == 200, answer.text
    return list(Client.instances)[-1]


async def test_of_pages_that_nobody_joins_a_session_keeps_the_newest(
    signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting_pages, "ON_THEIR_WAY", 0.0)
    other = await signed_in()
    left_alone = await get_page(other.http_client)
    user = await signed_in()
    joined = await user.open("/account")
    asked = [await get_page(user.http_client) for _ in range(MOST + 5)]
    assert [made for made in asked if made in Client.instances] == asked[5:]
    assert not joined.is_deleted
    assert left_alone in Client.instances
    await user.should_see("Password")


def add_pages(waiting: WaitingPages, count: int) -> list[Client]:
    made = [Client(page(""), request=None) for _ in range(count)]
    for client in made:
        waiting.add("session", client)
    return made


@pytest.mark.usefixtures("outer")
async def test_what_was_just_answered_stays_however_many_there_are() -> None:
    now = 100.0
    waiting = WaitingPages(lambda: now)
    first = add_pages(waiting, 2 * MOST)
    assert not any(client.is_deleted for client in first)
    now += ON_THEIR_WAY
    second = add_pages(waiting, 1)
    assert [client.is_deleted for client in first] == [True] * (MOST + 1) + [False] * (MOST - 1)
    for client in first[MOST + 1 :] + second:
        client.delete()


@pytest.mark.usefixtures("outer")
async def test_a_page_that_went_while_it_was_built_is_not_counted() -> None:
    now = 100.0
    waiting = WaitingPages(lambda: now)
    gone = Client(page(""), request=None)
    gone.delete()
    waiting.add("session", gone)
    now += ON_THEIR_WAY
    others = add_pages(waiting, MOST)
    assert not any(client.is_deleted for client in others)
    for client in others:
        client.delete()
