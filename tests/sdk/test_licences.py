"""Licence keys as the SDK checks them: the vectors of the protocol, and every way to be no good."""

import random
from base64 import b64decode, b64encode
from datetime import date

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.plugins.licences import make_hmac_key, make_signed_key, public_key_text
from tests.plugins.test_protocol_guide import vectors
from toru_plugin.ed25519 import ORDER, _point, is_signed
from toru_plugin.licences import BadLicence, require

INSTANCE = "3f2b8c1e-5d47-4a90-9c1b-7e6f0a1d2c3b"
OTHER = "6f9619ff-8b86-4d01-b42d-00c04fc964ff"
LAST = date(2030, 12, 31)
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = public_key_text(PRIVATE.public_key().public_bytes_raw())
SECRET = "correct horse battery staple"

RFC_8032 = [  # public key, message, signature: section 7.1
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
            "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
]


@pytest.mark.parametrize(("public", "message", "signature"), RFC_8032)
def test_the_vectors_of_rfc_8032(public: str, message: str, signature: str) -> None:
    key, text, proof = bytes.fromhex(public), bytes.fromhex(message), bytes.fromhex(signature)
    assert is_signed(key, text, proof)
    assert not is_signed(key, text + b"x", proof)
    assert not is_signed(key, text, bytes([proof[0] ^ 1]) + proof[1:])
    assert not is_signed(key, text, proof[:63] + bytes([proof[63] ^ 1]))
    assert not is_signed(key[:-1], text, proof)
    assert not is_signed(key, text, proof[:-1])


def test_it_agrees_with_the_library_and_refuses_the_other_text_of_a_signature() -> None:
    chance = random.Random(7)
    for length in range(10):
        private = Ed25519PrivateKey.from_private_bytes(chance.randbytes(32))
        public, message = private.public_key().public_bytes_raw(), chance.randbytes(length)
        signature = private.sign(message)
        assert is_signed(public, message, signature)
        assert not is_signed(chance.randbytes(32), message, signature)
        other = int.from_bytes(signature[32:], "little") + ORDER
        assert not is_signed(public, message, signature[:32] + other.to_bytes(32, "little"))


def test_points_that_are_none_are_refused() -> None:
    signature = PRIVATE.sign(b"")
    for none in (2**255 - 19, 1 | 1 << 255, 2):
        assert _point(none.to_bytes(32, "little")) is None
        assert not is_signed(none.to_bytes(32, "little"), b"", signature)
    assert _point((0).to_bytes(32, "little")) is not None


@pytest.mark.parametrize("today", [date(2026, 1, 1), LAST])
def test_the_vectors_of_the_protocol_are_good(today: date) -> None:
    given = vectors()
    require(given["v2 key"], INSTANCE, "disk-watch", "public_key", given["public key"], today)
    require(given["HMAC key"], INSTANCE, "anything", "secret", given["HMAC secret"], today)


def test_a_key_for_ever_is_good() -> None:
    require(make_signed_key(PRIVATE, "made", INSTANCE, None), INSTANCE, "made", "public_key", PUBLIC)
    require(make_hmac_key(SECRET.encode(), INSTANCE, None), INSTANCE, "made", "secret", SECRET)


V2 = make_signed_key(PRIVATE, "made", INSTANCE, LAST)
FORGED = make_signed_key(Ed25519PrivateKey.from_private_bytes(bytes(32)), "made", INSTANCE, LAST)
HMAC = make_hmac_key(SECRET.encode(), INSTANCE, LAST)
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def with_stray_bits(key: str) -> str:
    """Another text that decoders take for the same bytes."""
    return key[:-1] + LETTERS[LETTERS.index(key[-1]) + 1]


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (None, "needs a licence key"),
        ("", "needs a licence key"),
        ("v2.a", "not a licence key"),
        (V2 + "=", "not a licence key"),
        (V2 + " ", "not a licence key"),
        (V2 + ".a", "not a licence key"),
        (with_stray_bits(V2), "not a licence key"),
        (V2.replace("v2.", "v3."), "not a licence key"),
        (HMAC, "not a licence key"),
        (FORGED, "was altered"),
        (make_signed_key(PRIVATE, "made", OTHER, LAST), f"for the installation {OTHER}"),
        (make_signed_key(PRIVATE, "other", INSTANCE, LAST), "for the plugin other, not for made"),
        (make_signed_key(PRIVATE, "made", INSTANCE, date(2026, 11, 22)), "valid through 2026-11-22"),
    ],
)
def test_a_signed_key_that_is_no_good_is_told_why(key: str | None, words: str) -> None:
    with pytest.raises(BadLicence, match=words):
        require(key, INSTANCE, "made", "public_key", PUBLIC, date(2026, 11, 23))


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (V2, "not a licence key"),
        (HMAC + "\n", "not a licence key"),
        (b64encode(b"a:b").decode(), "not a licence key"),
        (b64encode(b64decode(HMAC) + b":never").decode(), "not a licence key"),
        (b64encode(b64decode(HMAC).replace(b"2030-12-31", b"2031-12-31")).decode(), "was altered"),
        (make_hmac_key(b"another", INSTANCE, LAST), "was altered"),
        (make_hmac_key(SECRET.encode(), OTHER, LAST), f"for the installation {OTHER}"),
        (make_hmac_key(SECRET.encode(), INSTANCE, date(2026, 11, 22)), "has run out"),
    ],
)
def test_an_hmac_key_that_is_no_good_is_told_why(key: str, words: str) -> None:
    with pytest.raises(BadLicence, match=words):
        require(key, INSTANCE, "made", "secret", SECRET, date(2026, 11, 23))
