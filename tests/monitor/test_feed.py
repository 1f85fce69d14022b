"""The live feed: one text for everybody, the newest only."""

import asyncio

from app.monitor.feed import Feed


async def test_a_viewer_who_comes_late_gets_the_newest_at_once() -> None:
    feed = Feed()
    feed.publish("old")
    feed.publish("new")
    assert await feed.after(0) == (2, "new")


async def test_everybody_gets_the_same_text_when_it_appears() -> None:
    feed = Feed()
    viewers = [asyncio.create_task(feed.after(0)) for _ in range(3)]
    await asyncio.sleep(0)
    assert not any(viewer.done() for viewer in viewers)
    feed.publish("now")
    answers = await asyncio.gather(*viewers)
    assert answers == [(1, "now")] * 3
    assert all(text is answers[0][1] for _, text in answers)


async def test_a_slow_viewer_skips_what_it_missed() -> None:
    feed = Feed()
    feed.publish("1")
    number, _ = await feed.after(0)
    for text in ("2", "3", "4"):
        feed.publish(text)
    assert await feed.after(number) == (4, "4")
