"""How a token looks, and that a mistake in it is seen without looking it up."""

import hashlib
import secrets
from collections import Counter

import pytest

from app.tokens.form import ALPHABET, CHANCE, hash_of, is_well_formed, new_token

GOOD = "tsc_000000000000000000000000000000" + "1kBQf2"


def test_a_token_is_a_prefix_chance_and_a_checksum() -> None:
    token = new_token()
    assert token.startswith("tsc_")
    assert len(token) == 4 + 30 + 6
    assert token.isascii()
    assert token[4:].isalnum()
    assert is_well_formed(token)
    assert hash_of(token) == hashlib.sha256(token.encode()).hexdigest()


def test_the_checksum_is_crc_32_in_base_62() -> None:
    # CRC-32 of the 34 characters before it, as `zlib.crc32` and `gzip` have it, most significant digit first.
    assert is_well_formed(GOOD)
    assert not is_well_formed(GOOD[:-1] + "3")


def test_every_mistake_of_one_character_is_seen() -> None:
    token = new_token()
    for place in range(len(token)):
        for other in ALPHABET:
            wrong = token[:place] + other + token[place + 1 :]
            assert is_well_formed(wrong) is (wrong == token)


@pytest.mark.parametrize(
    "wrong",
    [
        *("", "tsc_", GOOD[:-1], GOOD + "a", GOOD + "\n", " " + GOOD, GOOD + " ", GOOD.upper(), GOOD[4:], GOOD * 1000),
        *(GOOD.replace("tsc_", "tsd_"), GOOD.replace("0", "\0", 1), GOOD.replace("0", "é", 1), "\ud800" * 40),
        GOOD.replace("0", "٠", 1),  # a digit to `\d`, but none of ours
    ],
)
def test_nothing_else_is_a_token(wrong: str) -> None:
    assert not is_well_formed(wrong)


@pytest.mark.fault("A05")
def test_twenty_thousand_tokens_are_unique_and_even() -> None:
    tokens = [new_token() for _ in range(20_000)]
    assert len(set(tokens)) == len(tokens)
    # Chi² over 62 symbols: 61 degrees of freedom, 1 in 10^9 exceeds 150.
    counts = Counter(character for token in tokens for character in token[4 : 4 + CHANCE])
    expected = CHANCE * len(tokens) / 62
    assert sum((counts[c] - expected) ** 2 / expected for c in ALPHABET) < 150
    assert len(counts) == 62


@pytest.mark.fault("A05")
def test_chance_comes_from_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[str] = []

    def choice(alphabet: str) -> str:
        chosen.append(alphabet)
        return "x"

    monkeypatch.setattr(secrets, "choice", choice)
    assert new_token().startswith("tsc_" + "x" * 30)
    assert chosen == [ALPHABET] * 30
