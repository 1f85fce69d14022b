"""Licence keys: what is made is read, there is one text of a key, and nothing else is one."""

import base64
import hashlib
from datetime import date

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from app.plugins.licences import (
    PLUGIN_ID,
    AlteredKey,
    Licence,
    MalformedKey,
    make_hmac_key,
    make_signed_key,
    read_key,
)
from tests.properties.support import examples
from tests.support.evidence import Evidence

pytestmark = pytest.mark.timeout(1200)

SECRET = b"a secret of the maker that is long enough"
PRIVATE = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(SECRET).digest())
PUBLIC = PRIVATE.public_key().public_bytes_raw()
INSTANCES = st.uuids(version=4).map(str)
DAYS = st.dates(min_value=date(1000, 1, 1)) | st.none()
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=. \n:\x00é"


def judged(text: str) -> Licence | None:
    try:
        return read_key(text)
    except MalformedKey:
        return None


def is_good(licence: Licence) -> bool:
    try:
        if licence.plugin_id is None:
            licence.require_made_with(SECRET)
        else:
            licence.require_signed_for(PUBLIC)
    except AlteredKey:
        return False
    return True


@examples(30, 3_000)
@given(INSTANCES, DAYS, st.none() | st.from_regex(PLUGIN_ID, fullmatch=True))
def test_a_key_that_was_made_says_what_it_was_made_of(
    evidence: Evidence, instance: str, day: date | None, plugin: str | None
) -> None:
    evidence.inputs["licence keys"] += 1
    key = make_hmac_key(SECRET, instance, day) if plugin is None else make_signed_key(PRIVATE, plugin, instance, day)
    licence = read_key(key)
    assert (licence.instance_id, licence.expires, licence.plugin_id) == (instance, day, plugin)
    assert is_good(licence)
    assert key not in repr(licence)


@examples(15, 2_500)
@given(INSTANCES, DAYS, st.none() | st.just("hello"), st.sampled_from(LETTERS), st.integers(0, 63))
def test_another_character_anywhere_makes_it_no_good(
    evidence: Evidence, instance: str, day: date | None, plugin: str | None, other: str, step: int
) -> None:
    key = make_hmac_key(SECRET, instance, day) if plugin is None else make_signed_key(PRIVATE, plugin, instance, day)
    for place in range(step % 4, len(key), 4):
        if key[place] != other:
            evidence.inputs["licence keys"] += 1
            licence = judged(key[:place] + other + key[place + 1 :])
            assert licence is None or not is_good(licence)


@examples(15, 2_500)
@given(INSTANCES, DAYS, st.integers(0), st.integers(0), st.sampled_from(LETTERS))
def test_what_is_cut_doubled_or_has_something_in_it_is_no_good(
    evidence: Evidence, instance: str, day: date | None, start: int, end: int, inserted: str
) -> None:
    for key in (make_hmac_key(SECRET, instance, day), make_signed_key(PRIVATE, "hello", instance, day)):
        begin, stop = sorted((start % len(key), end % len(key)))
        texts = (
            key[:begin],
            key[begin:stop],
            key + key,
            key[:begin] + inserted + key[begin:],
            f"{key}=",
            f" {key}",
            f"{key}\n",
        )
        for text in texts:
            if text != key:
                evidence.inputs["licence keys"] += 1
                licence = judged(text)
                assert licence is None or not is_good(licence)


@examples(40, 8_000)
@given(
    st.text(LETTERS, max_size=200)
    | st.text(max_size=60)
    | st.binary(max_size=120).map(lambda data: base64.b64encode(data).decode())
)
def test_any_text_is_no_good_and_no_error(evidence: Evidence, text: str) -> None:
    evidence.inputs["licence keys"] += 2
    for candidate in (text, f"v2.{text}"):
        licence = judged(candidate)
        assert licence is None or not is_good(licence)


@examples(40, 6_000)
@given(
    st.lists(
        st.sampled_from(
            ["hello", "never", "2030-01-01", "2030-02-30", "00000000-0000-4000-8000-000000000000", "", "QQ=="]
        ),
        max_size=5,
    )
)
def test_fields_in_any_order_are_no_good_without_their_signature(evidence: Evidence, fields: list[str]) -> None:
    evidence.inputs["licence keys"] += 1
    licence = judged(base64.b64encode(":".join(fields).encode()).decode())
    assert licence is None or not is_good(licence)
