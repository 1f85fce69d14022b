"""The samples without any library, in the real service: what keeps every rule of the kit works with the core."""

import asyncio
import json
import os
import shutil

from app.plugins.schemas import PluginState
from tests.plugins.support import ADMIN, SAMPLES, Plugged


async def started(plugged: Plugged, name: str) -> None:
    """Puts a sample into the folder and has it run."""
    draft = plugged.folder / f".{name}"
    await asyncio.to_thread(shutil.copy, SAMPLES / f"{name}.binary", draft)
    draft.rename(plugged.folder / f"{name}.binary")
    await plugged.until(name, lambda view: True)
    await plugged.plugins.enable(ADMIN, name)
    await plugged.until_state(name, PluginState.READY)


async def test_the_plugin_of_protocol_1_answers(plugged: Plugged) -> None:
    await started(plugged, "plain-one")
    answers = await asyncio.gather(*(plugged.ask("plain-one", f"/?number={number}") for number in range(20)))
    assert [json.loads(answer.body)["path"] for answer in answers] == [f"/?number={number}" for number in range(20)]


async def test_the_plugin_of_protocol_2_answers_many_at_once_and_keeps_what_it_counts(plugged: Plugged) -> None:
    await started(plugged, "plain-two")
    body = os.urandom(100_000)
    assert (await plugged.ask("plain-two", "/echo", "POST", body)).body == body
    began = asyncio.get_running_loop().time()
    answers = await asyncio.gather(*(plugged.ask("plain-two", f"/slow?{number}") for number in range(60)))
    assert [json.loads(answer.body)["path"] for answer in answers] == [f"/slow?{number}" for number in range(60)]
    assert asyncio.get_running_loop().time() - began < 6, "one after the other they would take 12 seconds"
    assert (await plugged.ask("plain-two", "/count")).body == b"1"
    await plugged.plugins.restart(ADMIN, "plain-two")
    await plugged.until_state("plain-two", PluginState.READY)
    assert (await plugged.ask("plain-two", "/count")).body == b"2"
