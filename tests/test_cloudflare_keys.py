"""The keys of Cloudflare Access: kept, renewed, asked for no more often than needed, and never believed blindly."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from app import cloudflare_keys as module
from app.cloudflare_keys import KeyRing, KeysUnusable, read_keys
from app.core.clock import Clock
from app.core.errors import Unavailable
from tests.support.cloudflare import Key, Team
from tests.support.waiting import eventually

FIRST, SECOND = Key("first"), Key("second")


class Stopwatch(Clock):
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds

    def move(self, seconds: float) -> None:
        self.seconds += seconds


class Source:
    """Gives the key set of a team, or fails; counts."""

    def __init__(self) -> None:
        self.team = Team("https://team.example", [FIRST])
        self.fails = False
        self.asked = 0
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self) -> bytes:
        self.asked += 1
        await self.open.wait()
        if self.fails:
            raise KeysUnusable("nobody answers")
        return self.team.key_set()


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def clock() -> Stopwatch:
    return Stopwatch()


@pytest.fixture
async def ring(source: Source, clock: Stopwatch) -> AsyncIterator[KeyRing]:
    ring = KeyRing(source, clock)
    yield ring
    await ring.close()


async def settled(ring: KeyRing) -> None:
    await eventually(lambda: ring._loading is None)


async def test_a_key_is_found_by_its_id_and_checks_signatures(ring: KeyRing) -> None:
    verify = await ring.find("first")
    assert verify is not None
    signature = FIRST.private.sign(b"content", PKCS1v15(), SHA256())
    assert verify(signature, b"content")
    assert not verify(signature, b"contents")
    assert not verify(signature[:-1] + bytes([signature[-1] ^ 1]), b"content")
    assert not verify(b"", b"content")
    assert not verify(SECOND.private.sign(b"content", PKCS1v15(), SHA256()), b"content")


async def test_many_who_wait_ask_once(ring: KeyRing, source: Source) -> None:
    source.open.clear()
    waiting = [asyncio.create_task(ring.find("first")) for _ in range(50)]
    while not source.asked:
        await asyncio.sleep(0)
    source.open.set()
    assert None not in await asyncio.gather(*waiting)
    assert source.asked == 1
    assert await ring.find("first") is not None
    assert source.asked == 1


async def test_an_unknown_id_asks_again_but_once_a_minute(ring: KeyRing, source: Source, clock: Stopwatch) -> None:
    assert await ring.find("first") is not None
    for _ in range(20):
        assert await ring.find("second") is None
    assert source.asked == 1
    source.team.keys.append(SECOND)
    clock.move(59)
    assert await ring.find("second") is None
    clock.move(2)
    assert await ring.find("second") is not None
    assert source.asked == 2
    assert [await ring.find(f"invented-{number}") for number in range(20)] == [None] * 20
    assert source.asked == 2


async def test_old_keys_are_renewed_while_nobody_waits(ring: KeyRing, source: Source, clock: Stopwatch) -> None:
    assert await ring.find("first") is not None
    clock.move(3601)
    source.team.keys = [SECOND]
    source.open.clear()
    assert await ring.find("first") is not None
    source.open.set()
    await settled(ring)
    assert source.asked == 2
    assert await ring.find("first") is None, "what was withdrawn is good for nothing"
    assert await ring.find("second") is not None


async def test_where_nobody_answers_old_keys_are_good_for_a_day(
    ring: KeyRing, source: Source, clock: Stopwatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert await ring.find("first") is not None
    source.fails = True
    for _ in range(23):
        clock.move(3600)
        assert await ring.find("first") is not None
        await settled(ring)
    clock.move(2 * 3600)
    with pytest.raises(Unavailable, match="cannot be had right now"):
        await ring.find("first")
    assert caplog.text.count("nobody answers") == 1, "said once"
    source.fails = False
    clock.move(5)
    assert await ring.find("first") is not None


async def test_after_a_failure_it_is_tried_again_soon_but_not_by_everybody(
    ring: KeyRing, source: Source, clock: Stopwatch
) -> None:
    source.fails = True
    for _ in range(10):
        with pytest.raises(Unavailable):
            await ring.find("first")
    assert source.asked == 1
    clock.move(5)
    source.fails = False
    assert await ring.find("first") is not None
    assert source.asked == 2


async def test_nobody_waits_for_ever(ring: KeyRing, source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAIT_SECONDS", 0.05)
    source.open.clear()
    async with asyncio.timeout(2):
        with pytest.raises(Unavailable):
            await ring.find("first")


def spoiled(**values: Any) -> dict[str, Any]:
    return {**FIRST.public, "kid": "spoiled", **values}


@pytest.mark.parametrize(
    "key",
    [
        *(None, [], "x", 1, {}, {"kty": "RSA"}),
        spoiled(kty="EC"),
        spoiled(kty="oct", k="c2VjcmV0"),
        spoiled(alg="HS256"),
        spoiled(alg="RS512"),
        spoiled(use="enc"),
        spoiled(kid=None),
        spoiled(kid=["x"]),
        spoiled(n=None),
        spoiled(n=1),
        spoiled(n=""),
        spoiled(n="é"),
        spoiled(n="A"),
        spoiled(n="AQAB"),
        spoiled(n="_" * 2000),
        spoiled(e="AA"),
        spoiled(e="AQ"),
        spoiled(e="Ag"),
        spoiled(e=FIRST.public["n"]),
        {**Key("weak", 1024).public},
    ],
)
def test_a_key_that_is_none_does_not_take_the_others_along(key: Any) -> None:
    with pytest.raises(KeysUnusable):
        read_keys(json.dumps({"keys": [key]}).encode())
    assert list(read_keys(json.dumps({"keys": [key, FIRST.public]}).encode())) == ["first"]


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b"{", b"\xff\xfe", b"null", b"[]", b"{}", b'{"keys": {}}', b'{"keys": []}', b'{"keys": null}'),
        b"<html>not found</html>",
        b"[" * 100_000,
        json.dumps({"keys": [FIRST.public] * 33}).encode(),
    ],
)
def test_what_is_no_key_set_is_told_in_a_sentence(text: bytes) -> None:
    with pytest.raises(KeysUnusable) as told:
        read_keys(text)
    assert str(told.value).isprintable()
