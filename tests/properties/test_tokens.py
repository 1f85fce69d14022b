"""API tokens: what was made is one, and no other text near it is."""

import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.tokens.form import ALPHABET, FORM, hash_of, is_well_formed, new_token
from tests.properties.support import examples
from tests.support.evidence import Evidence

pytestmark = pytest.mark.timeout(1200)


@examples(20, 4_000)
@given(st.integers(), st.characters())
def test_a_token_is_one_and_with_another_character_anywhere_it_is_none(
    evidence: Evidence, seed: int, other: str
) -> None:
    token = new_token()
    assert is_well_formed(token)
    for place, letter in enumerate(token):
        for wrong in (other, ALPHABET[seed % 62]):
            if wrong != letter:
                evidence.inputs["tokens"] += 1
                assert not is_well_formed(token[:place] + wrong + token[place + 1 :]), (token, place, wrong)


@examples(40, 6_000)
@given(st.text(max_size=60) | st.from_regex(FORM) | st.binary(max_size=50).map(lambda data: data.decode("latin-1")))
def test_any_other_text_is_judged_without_an_error(evidence: Evidence, text: str) -> None:
    evidence.inputs["tokens"] += 1
    if is_well_formed(text):
        assert FORM.fullmatch(text)
        assert len(hash_of(text)) == 64


@examples(40, 4_000)
@given(st.integers(0, 39), st.integers(0, 39))
def test_two_letters_that_changed_places_are_seen(evidence: Evidence, one: int, two: int) -> None:
    token = new_token()
    letters = list(token)
    letters[one], letters[two] = letters[two], letters[one]
    evidence.inputs["tokens"] += 1
    assert is_well_formed("".join(letters)) is ("".join(letters) == token)


@examples(30, 4_000)
@given(st.text(max_size=3), st.text(max_size=3))
def test_nothing_around_a_token_is_forgiven(evidence: Evidence, before: str, after: str) -> None:
    evidence.inputs["tokens"] += 1
    token = new_token()
    assert is_well_formed(before + token + after) is (not before and not after)
    assert is_well_formed(token.swapcase()) is False
    assert not is_well_formed(token + secrets.choice(ALPHABET))
