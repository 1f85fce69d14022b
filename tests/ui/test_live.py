"""What a page follows ends with the page."""

import asyncio
from collections.abc import Callable

from nicegui import ui

from tests.support.inprocess import AsUser
from ui.live import live, page_life, spawn


class Feed:
    """A service that tells of changes."""

    def __init__(self) -> None:
        self.watchers: list[Callable[[str], None]] = []

    def subscribe(self, watcher: Callable[[str], None]) -> Callable[[], None]:
        self.watchers.append(watcher)
        return lambda: self.watchers.remove(watcher)

    def tell(self, news: str) -> None:
        for watcher in list(self.watchers):
            watcher(news)


async def test_a_page_follows_until_it_is_left(as_user: AsUser) -> None:
    feed, user = Feed(), await as_user()
    with await user.open("/account"):
        label = ui.label("nothing yet")
        live(feed.subscribe, label.set_text)
    feed.tell("first")
    await user.should_see("first")
    user.navigate.to("/settings")
    await user.should_see("This installation")
    assert feed.watchers == []


async def test_a_page_that_is_closed_follows_no_more(as_user: AsUser) -> None:
    feed, user = Feed(), await as_user()
    client = await user.open("/account")
    with client:
        live(feed.subscribe, lambda _: None)
    assert len(feed.watchers) == 1
    client.delete()
    assert feed.watchers == []


async def test_an_async_follower_draws_in_the_page(as_user: AsUser) -> None:
    feed, user = Feed(), await as_user()

    async def show(news: str) -> None:
        await asyncio.sleep(0)
        ui.label(f"drawn {news}")

    with await user.open("/account"):
        live(feed.subscribe, show)
    feed.tell("later")
    await user.should_see("drawn later")


async def test_a_task_of_the_page_is_cancelled_with_it(as_user: AsUser) -> None:
    ended, user = asyncio.Event(), await as_user()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with await user.open("/account"):
        spawn(work(), name="waiting for ever")
    await asyncio.sleep(0)
    user.navigate.to("/settings")
    async with asyncio.timeout(2):
        await ended.wait()


async def test_what_comes_after_the_end_ends_at_once(as_user: AsUser) -> None:
    user = await as_user()
    with await user.open("/account"):
        life = page_life()
    user.navigate.to("/settings")
    await user.should_see("This installation")
    ended: list[bool] = []
    life.at_end(lambda: ended.append(True))
    assert ended == [True]
