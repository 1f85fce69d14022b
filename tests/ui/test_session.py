"""Who acts on a page: found anew for every event, and what goes wrong is told."""

import asyncio
import gc

import pytest
from nicegui import Client, ui

from app.core.errors import Conflict
from app.core.permissions import Actor
from app.services import Services
from tests.support.clients import CLIENT
from tests.support.inprocess import AsUser
from tests.ui.conftest import SignedIn
from ui.feedback import toast
from ui.session import acting, acting_on, actor_now


async def test_the_actor_is_who_signed_in(as_user: AsUser, services: Services) -> None:
    user = await as_user(CLIENT)
    client = await user.open("/")
    actor = actor_now(services, client)
    assert actor is not None
    assert (actor.username, actor.is_admin, actor.address) == (CLIENT, False, "127.0.0.1")


async def test_a_foreseen_failure_becomes_a_toast(as_user: AsUser, services: Services) -> None:
    async def work(actor: Actor) -> None:
        raise Conflict("Somebody was faster.")

    user = await as_user()
    with await user.open("/account"):
        await acting(services, work)()
    assert user.notify.messages == ["Somebody was faster."]


@pytest.mark.allows_errors("a page failed")
async def test_an_unforeseen_failure_is_logged_and_told_in_general(as_user: AsUser, services: Services) -> None:
    def work(actor: Actor, event: object) -> None:
        raise KeyError("secret")

    user = await as_user()
    with await user.open("/account"):
        await acting_on(services, work)(None)
    assert user.notify.messages == ["Something went wrong here. The log says more."]


@pytest.mark.fault("A35")
async def test_nothing_is_done_for_a_session_that_has_ended(signed_in: SignedIn, services: Services) -> None:
    done: list[str] = []
    user = await signed_in()
    client = await user.open("/account")
    actor = actor_now(services, client)
    assert actor is not None
    assert actor.session_id is not None
    handler = acting(services, lambda actor: done.append(actor.username))
    with client:
        await handler()
    assert done == [CLIENT]
    await services.auth.sign_out(actor.session_id)
    assert actor_now(services, client) is None
    with client:
        await handler()
    assert done == [CLIENT]
    await until_deleted(client)


async def test_pages_close_when_their_session_ends_and_only_they(as_user: AsUser, signed_in: SignedIn) -> None:
    other = await (await as_user(CLIENT)).open("/account")
    user = await signed_in()
    client = await user.open("/account")
    await user.http_client.post("/api/auth/logout")
    await until_deleted(client)
    assert not other.is_deleted


async def until_deleted(client: Client) -> None:
    async with asyncio.timeout(5):
        while not client.is_deleted:
            await asyncio.sleep(0.02)


async def test_a_handler_may_outlive_its_button(as_user: AsUser, services: Services) -> None:
    """As when the page is left while the work is under way."""
    user = await as_user()
    with await user.open("/account") as client, client.content:
        box = ui.element()

    async def work(actor: Actor) -> None:
        box.delete()
        raise Conflict("Too late.")

    with box:
        await acting(services, work)()
    assert user.notify.messages == ["Too late."]


async def test_a_handler_goes_on_when_its_button_was_drawn_anew(as_user: AsUser, services: Services) -> None:
    """As when somebody answers a question while the card that asked is read again."""
    user = await as_user()
    with await user.open("/account") as client, client.content:
        boxes = [ui.element()]

    async def asked(actor: Actor) -> None:
        boxes.pop().delete()
        gc.collect()
        toast("It is known.", "info")
        await acting(services, lambda actor: toast("It is done.", "info"))()

    with boxes[0].default_slot:
        await acting(services, asked)()
    assert user.notify.messages == ["It is known.", "It is done."]
