"""Encryption: what was written is read, and nothing else ever is."""

import io
from pathlib import Path

import pytest

from app.backup.errors import BadArchive
from app.backup.sealed import HEADER, PIECE, TAG, SealedReader, SealingWriter
from tests.backup.support import PASSPHRASE

QUICK = 4
"""log2(N) for tests: a thousandth of the real cost."""


def sealed(plain: bytes, passphrase: str = PASSPHRASE) -> bytes:
    to = io.BytesIO()
    with SealingWriter(to, passphrase, log_n=QUICK) as writer:
        writer.write(plain)
    return to.getvalue()


def opened(data: bytes, passphrase: str = PASSPHRASE) -> bytes:
    return io.BufferedReader(SealedReader(io.BytesIO(data), passphrase)).read()


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 2 * PIECE + 7])
def test_what_was_written_is_read(size: int) -> None:
    plain = bytes(index % 251 for index in range(1024)) * (size // 1024 + 1)
    assert opened(sealed(plain[:size])) == plain[:size]


def test_the_same_twice_is_never_the_same() -> None:
    assert sealed(b"x") != sealed(b"x")


def test_nothing_of_it_can_be_seen() -> None:
    assert b"toru.db" not in sealed(b"toru.db" * 1000)


@pytest.mark.parametrize("wrong", ["", "Correct horse battery", PASSPHRASE + " "])
def test_another_passphrase_opens_nothing(wrong: str) -> None:
    with pytest.raises(BadArchive, match="passphrase is wrong"):
        opened(sealed(b"secret"), wrong)


def test_every_cut_shows() -> None:
    data = sealed(bytes(2 * PIECE + 100))
    pieces = [HEADER.size + number * (PIECE + TAG) for number in range(3)]
    for end in (*pieces, *(piece + 1 for piece in pieces), len(data) - 1, len(data) - TAG):
        with pytest.raises(BadArchive):
            opened(data[:end])


def test_what_is_added_shows() -> None:
    data = sealed(bytes(PIECE))
    for more in (b"x", bytes(TAG), data[HEADER.size :]):
        with pytest.raises(BadArchive):
            opened(data + more)


def test_pieces_cannot_change_places() -> None:
    data = sealed(bytes(PIECE) + b"x" * PIECE + b"y")
    start, one = HEADER.size, PIECE + TAG
    swapped = data[:start] + data[start + one : start + 2 * one] + data[start : start + one] + data[start + 2 * one :]
    with pytest.raises(BadArchive):
        opened(swapped)


def test_every_changed_bit_shows() -> None:
    data = sealed(b"a short one")
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1
        with pytest.raises(BadArchive):
            opened(bytes(changed))


@pytest.mark.parametrize(
    ("place", "value"), [(8, 30), (8, 0), (9, 255), (9, 0), (10, 0), (10, 200), (12, 255)], ids=str
)
def test_a_header_that_would_cost_too_much_is_refused_unheard(place: int, value: int) -> None:
    data = bytearray(sealed(b"x"))
    data[place] = value
    with pytest.raises(BadArchive):
        opened(bytes(data))


def test_the_real_cost_is_what_the_guide_says(tmp_path: Path) -> None:
    to = io.BytesIO()
    SealingWriter(to, PASSPHRASE).close()
    _, log_n, r, p, piece, *_ = HEADER.unpack(to.getvalue()[: HEADER.size])
    assert (log_n, r, p, piece) == (17, 8, 1, 1 << 20)
