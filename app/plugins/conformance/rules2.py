"""The rules of protocol 2."""

import asyncio

from app.core.ids import new_id
from app.plugins.channel import encode
from app.plugins.conformance.bench import Bench, Rule
from app.plugins.conformance.ending_rules import ENDING_RULES
from app.plugins.conformance.findings import Violation
from app.plugins.conformance.http_rules import HTTP_RULES
from app.plugins.conformance.speaker2 import Speaker2, http
from app.plugins.conformance.subject import START_SECONDS
from app.plugins.life import NO_RESTART
from app.plugins.protocol2 import AT_ONCE, VERSIONS
from app.plugins.wire import MAX_BODY, PluginRequest

PONG_SECONDS = 5.0
SENT_SECONDS = 0.1
PIECES, PIECE_SECONDS = 6, 0.05
LONELY_SECONDS = 3.0
ALL_BYTES = bytes(range(256)) * 16


async def another_version(bench: Bench[Speaker2]) -> None:
    """A newer Toru that has forgotten protocol 2."""
    await bench.stop()
    await bench.subject.start()
    bench.speaker.versions = ("99",)
    try:
        await bench.speaker.offer()
        if not await bench.subject.wait_for_end(START_SECONDS):
            raise Violation('Offered only protocol "99", it went on.')
    finally:
        bench.speaker.versions = VERSIONS
    if bench.subject.code != NO_RESTART or not bench.subject.last_words:
        raise Violation(f'Offered only protocol "99", it {bench.subject.ending()}.')


async def several_versions(bench: Bench[Speaker2]) -> None:
    """A newer Toru that knows more."""
    await bench.stop()
    bench.speaker.versions = (*VERSIONS, "99")
    try:
        await bench.ready()
        chosen = await bench.speaker.chosen()
    finally:
        bench.speaker.versions = VERSIONS
    if chosen not in VERSIONS:
        raise Violation(f"It chose the protocol {chosen!r}, which nobody can have told it about.")


async def binary(bench: Bench[Speaker2]) -> None:
    """Bodies that are no text."""
    for body in (b"\xff", ALL_BYTES, b"\0" * MAX_BODY):
        request_id = new_id()
        await bench.speaker.answer(request_id, http(PluginRequest("POST", "/", {}, body), request_id, binary=True))


async def in_flight(bench: Bench[Speaker2]) -> None:
    """Many at once, all different."""
    asked = [bench.ask(path=f"/?number={number}") for number in range(AT_ONCE)]
    done = await asyncio.gather(*asked, return_exceptions=True)
    failures = [result for result in done if isinstance(result, BaseException)]
    if failures:
        raise Violation(f"{len(failures)} of {AT_ONCE} requests at once failed. {failures[0]}")


async def pieces(bench: Bench[Speaker2]) -> None:
    """Frames do not arrive as they were sent."""
    request_id = new_id()
    frame = http(PluginRequest("GET", "/?in=pieces"), request_id)
    parts = [*(frame[at : at + 1] for at in range(PIECES)), frame[PIECES:]]
    await bench.speaker.answer(request_id, *parts, pause=PIECE_SECONDS)
    ids = [new_id(), new_id()]
    first, second = (http(PluginRequest("GET", f"/?number={number}"), number) for number in ids)
    await asyncio.gather(bench.speaker.answer(ids[0], first + second), bench.speaker.answer(ids[1]))


async def pings(bench: Bench[Speaker2]) -> None:
    """Also while there is something to do."""
    if not await bench.speaker.ping(PONG_SECONDS):
        raise Violation(f"It did not answer a ping within {PONG_SECONDS:.0f} seconds.")
    asked = [asyncio.ensure_future(bench.ask(path=f"/?number={number}")) for number in range(AT_ONCE)]
    await asyncio.sleep(SENT_SECONDS)
    try:
        answered = await bench.speaker.ping(PONG_SECONDS)
    finally:
        await asyncio.gather(*asked, return_exceptions=True)
    if not answered:
        raise Violation(f"With {AT_ONCE} requests under way, it did not answer a ping in {PONG_SECONDS:.0f} seconds.")


async def unknown(bench: Bench[Speaker2]) -> None:
    """A newer Toru may say more, and what nobody waits for any more may still arrive."""
    for kind, payload in (
        ("news", {"anything": [1]}),
        ("lifecycle", {"action": "relax"}),
        ("kv", {"value": None}),
        ("cancel", {}),
    ):
        await bench.speaker.send(encode(kind, payload, new_id()))
    await bench.ask()


async def cancels(bench: Bench[Speaker2]) -> None:
    """Nobody waits any more."""
    request_id = new_id()
    frame = http(PluginRequest("GET", "/"), request_id)
    await bench.speaker.give_up(request_id, frame + encode("cancel", {}, request_id))
    await bench.ask()


async def own_messages(bench: Bench[Speaker2]) -> None:
    """What it has sent by itself so far."""
    if bench.speaker.complaints:
        raise Violation(" ".join(dict.fromkeys(bench.speaker.complaints)))


async def lonely(bench: Bench[Speaker2]) -> None:
    """The core has gone."""
    await bench.speaker.hang_up()
    if not await bench.subject.wait_for_end(LONELY_SECONDS):
        raise Violation(f"It still ran {LONELY_SECONDS:.0f} seconds after the connection had ended.")


RULES2 = (
    *HTTP_RULES,
    Rule("http-binary", "A body of any bytes, as base64, is taken.", binary),
    Rule("http-at-once", f"{AT_ONCE} requests at the same time are all answered.", in_flight),
    Rule("pieces", "Frames are taken in whatever pieces they arrive.", pieces),
    Rule("ping", "A ping is answered at once, also amid requests.", pings),
    Rule("cancel", "A request that is cancelled disturbs no other.", cancels),
    Rule("unknown-message", "Messages that it does not know or expect are ignored.", unknown),
    Rule("own-messages", "Whatever it sends is a message of the protocol, and sent once.", own_messages),
    Rule("more-versions", "Offered further versions, it chooses one that it speaks.", several_versions),
    Rule(
        "other-version",
        "Offered no version that it speaks, it ends with exit code 78 and says why.",
        another_version,
        lives=False,
    ),
    Rule("lonely", "When the connection ends, it ends.", lonely, must=False, lives=False),
    *ENDING_RULES,
)
