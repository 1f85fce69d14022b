"""Rules for plugins of protocol 2 that describe their page."""

import asyncio

from app.core.ids import new_id
from app.plugins.channel import encode
from app.plugins.conformance.bench import Bench, Rule
from app.plugins.conformance.findings import Violation
from app.plugins.conformance.speaker2 import Speaker2
from app.plugins.conformance.subject import START_SECONDS
from app.plugins.pages.checks import Wrong
from app.plugins.pages.events import read_reply
from app.plugins.pages.messages import event, refused, watched
from app.plugins.wire import ANSWER_SECONDS

UNKNOWN = "conformance.no-such-node"
VIEWER = {"name": "conformance", "role": "admin"}


async def shown(bench: Bench[Speaker2]) -> None:
    """Somebody looks."""
    await bench.speaker.send(encode("page", watched(1)))
    try:
        async with asyncio.timeout(START_SECONDS):
            await bench.speaker.page.shown.wait()
    except TimeoutError:
        problem = bench.speaker.page.problem
        if problem:
            raise Violation(f"What it showed is refused: {problem}") from None
        raise Violation(f"Watched, it showed no tree within {START_SECONDS:.0f} seconds.") from None
    await bench.ask()  # what showed its page before may still end over this news


async def answers(bench: Bench[Speaker2]) -> None:
    """Somebody presses what has just gone."""
    request_id = new_id()
    frame = encode("page", event(UNKNOWN, "press", {}, VIEWER), request_id)
    try:
        message = await bench.speaker.page_answer(request_id, frame)
    except Violation as violation:
        raise await bench.explained("Sent an event for an unknown id, it", violation) from None
    if message is None:
        raise Violation(f"It did not answer an event for an unknown id within {ANSWER_SECONDS:.0f} seconds.")
    try:
        reply = read_reply(message)
    except Wrong as error:
        raise Violation(f"It answered an event with what is no answer. {error}") from None
    if reply.kind != "error":
        raise Violation(f"It answered an event for an unknown id with the kind {reply.kind}.")


async def news(bench: Bench[Speaker2]) -> None:
    """What Toru says by itself, and more than that."""
    for payload in (watched(2), refused("This is only a try."), {"action": "dance"}, watched(0)):
        await bench.speaker.send(encode("page", payload))
    await bench.speaker.send(encode("page", {"action": "dance"}, new_id()))
    await bench.ask()


PAGE_RULES = (
    Rule("page-shown", "With a page that is a tree, it shows a good one within 10 seconds of being watched.", shown),
    Rule(
        "page-event", "An event for an id that it does not know is answered with kind error within 30 seconds.", answers
    ),
    Rule("page-news", "That its page was refused, or is watched by more or by nobody, disturbs nothing.", news),
)
