"""What a terminal may be sent before it says that it has shown it."""

import asyncio

import pytest

from app.runs.window import Window


async def test_is_full_until_something_was_shown() -> None:
    window = Window(100)
    await window.room()
    window.sent(120)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(window.room(), 0.02)
    window.acknowledged(10)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(window.room(), 0.02)
    window.acknowledged(50)
    await window.room()


async def test_who_claims_to_have_shown_more_than_was_sent_gains_nothing() -> None:
    window = Window(100)
    window.acknowledged(1_000_000)
    window.sent(100)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(window.room(), 0.02)
