"""Licence keys: one text a licence, each bad key its own sentence, and the vectors that other languages test with."""

import base64
import hashlib
import hmac
import random
import string
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from app.plugins import licences
from app.plugins.licences import (
    AlteredKey,
    BadLicence,
    ExpiredKey,
    ForeignKey,
    MalformedKey,
    OtherPluginKey,
    make_hmac_key,
    make_signed_key,
    read_key,
    read_public_key,
)

INSTANCE = "3f2b8c1e-5d47-4a90-9c1b-7e6f0a1d2c3b"
OTHER_INSTANCE = "00000000-0000-4000-8000-000000000000"
PLUGIN = "disk-watch"
SECRET = b"a secret of the maker"
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = PRIVATE.public_key().public_bytes_raw()
EXPIRES = date(2027, 1, 31)
LAST_MOMENT = datetime(2027, 1, 31, 23, 59, 59, tzinfo=UTC)


def older(expires: date | None = EXPIRES, instance: str = INSTANCE) -> str:
    return make_hmac_key(SECRET, instance, expires)


def signed(expires: date | None = EXPIRES, instance: str = INSTANCE, plugin: str = PLUGIN) -> str:
    return make_signed_key(PRIVATE, plugin, instance, expires)


def require(key: str, *, instance: str = INSTANCE, plugin: str = PLUGIN, now: datetime = LAST_MOMENT) -> None:
    """Everything that can be asked of a key."""
    licence = read_key(key)
    if licence.plugin_id is None:
        licence.require_made_with(SECRET)
    else:
        licence.require_signed_for(PUBLIC)
    licence.require_use(instance, plugin, now)


def is_good(key: str, *, plugin: str = PLUGIN, now: datetime = LAST_MOMENT) -> bool:
    """Whether nothing is wrong with a key."""
    try:
        require(key, plugin=plugin, now=now)
    except BadLicence:
        return False
    return True


BOTH = pytest.mark.parametrize("make", [older, signed], ids=["older", "signed"])
Maker = Callable[..., str]


# -- the form


def test_an_older_key_is_what_the_contract_says() -> None:
    signature = base64.b64encode(hmac.new(SECRET, f"{INSTANCE}:2027-01-31".encode(), hashlib.sha256).digest()).decode()
    assert older() == base64.b64encode(f"{INSTANCE}:2027-01-31:{signature}".encode()).decode()
    assert base64.b64decode(older(None)).decode().startswith(f"{INSTANCE}:never:")


def test_a_signed_key_is_its_payload_and_a_signature_over_all_before_the_last_dot() -> None:
    head, payload, signature = signed().split(".")
    assert head == "v2"
    assert base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).decode() == f"{PLUGIN}:{INSTANCE}:2027-01-31"
    PRIVATE.public_key().verify(base64.urlsafe_b64decode(signature + "=="), f"v2.{payload}".encode())


@BOTH
def test_a_key_says_what_it_was_made_of(make: Maker) -> None:
    licence = read_key(make())
    assert (licence.instance_id, licence.expires) == (INSTANCE, EXPIRES)
    assert licence.plugin_id == (PLUGIN if make is signed else None)
    assert read_key(make(None)).expires is None


@BOTH
def test_a_licence_does_not_show_its_key(make: Maker) -> None:
    licence = read_key(make())
    assert repr(licence.signature)[2:-1] not in repr(licence)


# -- what is accepted, and until when


@pytest.mark.fault("L01")
@BOTH
@pytest.mark.parametrize(
    ("late_by", "accepted"), [(-1, True), (0, True), (1, False)], ids=["a second before", "the last", "a second after"]
)
def test_a_key_is_valid_through_the_end_of_its_day_in_utc(make: Maker, late_by: int, accepted: bool) -> None:
    moment = LAST_MOMENT + timedelta(seconds=late_by)
    elsewhere = moment.astimezone(timezone(timedelta(hours=14)))  # the day there is another
    for now in (moment, elsewhere):
        if accepted:
            require(make(), now=now)
        else:
            with pytest.raises(ExpiredKey, match=r"valid through 2027-01-31 \(UTC\) and has run out"):
                require(make(), now=now)


@pytest.mark.fault("L01")
@BOTH
@pytest.mark.parametrize("expires", [None, date(9999, 12, 31)])
def test_a_key_for_ever_and_one_for_very_long(make: Maker, expires: date | None) -> None:
    assert is_good(make(expires), now=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))


def test_an_older_key_is_for_all_plugins_of_its_maker() -> None:
    assert is_good(older(), plugin="anything-else")


# -- each bad key its own sentence


@pytest.mark.fault("L01", "L09")
@BOTH
def test_another_installations_key(make: Maker) -> None:
    with pytest.raises(ForeignKey, match=f"for the installation {INSTANCE}; this one is {OTHER_INSTANCE}"):
        require(make(), instance=OTHER_INSTANCE)


def test_another_plugins_key() -> None:
    with pytest.raises(OtherPluginKey, match="for the plugin disk-watch, not for hello"):
        require(signed(), plugin="hello")


def test_another_makers_key() -> None:
    with pytest.raises(AlteredKey):
        read_key(older()).require_made_with(b"another secret")
    with pytest.raises(AlteredKey):
        read_key(signed()).require_signed_for(Ed25519PrivateKey.generate().public_key().public_bytes_raw())


def test_a_key_of_one_form_is_never_good_as_the_other() -> None:
    with pytest.raises(AlteredKey):
        read_key(signed()).require_made_with(PUBLIC)
    with pytest.raises(AlteredKey):
        read_key(older()).require_signed_for(PUBLIC)


def test_the_sentences_differ_and_hold_no_key() -> None:
    sentences = []
    bad: list[tuple[str, dict[str, Any]]] = [
        ("no key", {}),
        (altered(signed()), {}),
        (signed(), {"instance": OTHER_INSTANCE}),
        (signed(), {"plugin": "hello"}),
        (signed(), {"now": LAST_MOMENT + timedelta(days=1)}),
    ]
    for key, asked in bad:
        with pytest.raises(BadLicence) as refusal:
            require(key, **asked)
        sentences.append(str(refusal.value))
    assert len(set(sentences)) == 5
    assert not any(part in sentence for sentence in sentences for part in signed().split(".")[1:])


def altered(key: str) -> str:
    """The same key with another signature of the right form."""
    head, _, _ = key.rpartition(".")
    return f"{head}.{base64.urlsafe_b64encode(bytes(64)).decode().rstrip('=')}"


# -- altered and malformed


@pytest.mark.fault("L02")
@BOTH
def test_no_bit_of_a_key_may_differ(make: Maker) -> None:
    raw = make().encode()
    for position in range(len(raw) * 8):
        flipped = bytearray(raw)
        flipped[position // 8] ^= 1 << position % 8
        with pytest.raises((MalformedKey, AlteredKey)):
            require(flipped.decode("latin-1"))


@pytest.mark.fault("L02")
@BOTH
def test_no_character_of_a_key_may_differ(make: Maker) -> None:
    key = make()
    for position in range(len(key)):
        for character in string.ascii_letters + string.digits + "+/=-_.: \n":
            if character != key[position]:
                with pytest.raises((MalformedKey, AlteredKey)):
                    require(key[:position] + character + key[position + 1 :])


@pytest.mark.fault("L03")
@BOTH
@pytest.mark.parametrize(
    "spoil",
    [
        lambda key: key + "=",
        lambda key: key.rstrip("=") if key.endswith("=") else key + "==",
        lambda key: " " + key,
        lambda key: key + "\n",
        lambda key: key[:40] + "\n" + key[40:],
        lambda key: key[:40] + " " + key[40:],
        lambda key: key[:40] + "!" + key[40:],
        lambda key: key[:40] + "\0" + key[40:],
        lambda key: key + "ü",
        lambda key: key + "\ud800",
        lambda key: key[:-1],
        lambda key: key + key,
        lambda key: key.upper(),
        lambda key: "V" + key[1:] if key.startswith("v") else "v1." + key,
        lambda key: key + "A" * 2000,
        lambda key: "",
        lambda key: ".",
        lambda key: "v2.",
        lambda key: "v2..",
    ],
)
def test_there_is_one_text_of_a_key(make: Maker, spoil: Callable[[str], str]) -> None:
    with pytest.raises(MalformedKey):
        require(spoil(make()))


def alike(text: str, alphabet: str) -> str:
    """Another base64 text of the same bytes: `QR` for `QQ`. The text must end in a character with spare bits."""
    last = alphabet[alphabet.index(text[-1]) ^ 1]
    padding, extra = "=" * (-len(text) % 4), alphabet[-2:].encode()
    assert base64.b64decode(text[:-1] + last + padding, extra) == base64.b64decode(text + padding, extra)
    return text[:-1] + last


STANDARD = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
URL_SAFE = STANDARD.replace("+/", "-_")


@pytest.mark.fault("L03")
def test_bits_that_base64_ignores_are_not_ignored() -> None:
    key = older()
    assert key.endswith("=")
    with pytest.raises(MalformedKey):
        read_key(alike(key.rstrip("="), STANDARD) + "=" * key.count("="))
    head, payload, signature = signed(None).split(".")
    for other in (f"{head}.{alike(payload, URL_SAFE)}.{signature}", f"{head}.{payload}.{alike(signature, URL_SAFE)}"):
        with pytest.raises(MalformedKey):
            read_key(other)


@pytest.mark.fault("L06")
def test_an_inner_signature_written_differently_is_refused() -> None:
    content = base64.b64decode(older()).decode()
    fields, _, signature = content.rpartition(":")
    for other in (alike(signature[:-1], STANDARD) + "=", signature.rstrip("="), signature + "=", signature + "\n"):
        with pytest.raises(MalformedKey):
            require(base64.b64encode(f"{fields}:{other}".encode()).decode())


def packed(content: str) -> str:
    return base64.b64encode(content.encode()).decode()


def packed_signed(payload: str) -> str:
    """A `v2.` key whose signature is right, whatever its payload."""
    head = "v2." + base64.urlsafe_b64encode(payload.encode()).decode().rstrip("=")
    return f"{head}.{base64.urlsafe_b64encode(PRIVATE.sign(head.encode())).decode().rstrip('=')}"


def right_hmac(signed_text: str) -> str:
    return base64.b64encode(hmac.digest(SECRET, signed_text.encode(), hashlib.sha256)).decode()


@pytest.mark.fault("L05")
@pytest.mark.parametrize(
    "fields",
    [
        "a:b:c:d",
        f":{INSTANCE}:never",
        f"{INSTANCE}::never",
        f"{INSTANCE}:",
        ":never",
        f"{INSTANCE[:-1]}:{INSTANCE[-1]}never",
        f"{INSTANCE.upper()}:never",
        f"{{{INSTANCE}}}:never",
        f"{INSTANCE.replace('-', '')}:never",
        "a:b:never",
        "3f2b8c1e-5d47-1a90-9c1b-7e6f0a1d2c3b:never",
        f"{INSTANCE}:Never",
        f"{INSTANCE}:2027-1-31",
        f"{INSTANCE}:20270131",
        f"{INSTANCE}:2027-W04-7",
        f"{INSTANCE}:2027-02-29",
        f"{INSTANCE}:0000-01-01",
        f"{INSTANCE}:２０２７-01-31",
        f"{INSTANCE}:2027-01-31T00:00",
        f"{INSTANCE}: never",
    ],
)
def test_fields_that_are_not_exactly_three_good_ones(fields: str) -> None:
    """Even with a signature that is right: nothing is accepted by accident of how it is taken apart."""
    with pytest.raises(MalformedKey):
        require(packed(f"{fields}:{right_hmac(fields)}"))
    for plugin in ("disk-watch::", ":", "a b:", "ü:", f"{'x' * 49}:"):
        with pytest.raises(MalformedKey):
            require(packed_signed(plugin + fields))


@pytest.mark.parametrize("plugin", ["", "a b", "ü", "x" * 49, "a_b", "../x", "hello\n"])
def test_a_plugins_name_in_a_key_is_one(plugin: str) -> None:
    with pytest.raises(MalformedKey):
        require(packed_signed(f"{plugin}:{INSTANCE}:never"))
    with pytest.raises(ValueError, match="id of a plugin"):
        signed(plugin=plugin)


@pytest.mark.fault("L06")
@pytest.mark.parametrize("kind", ["short", "empty", "hex", "upper hex", "sha1", "sha512", "longer"])
def test_another_kind_of_signature(kind: str) -> None:
    head = f"{INSTANCE}:never"
    digest = hmac.digest(SECRET, head.encode(), hashlib.sha256)
    wrong = {
        "short": digest[:31],
        "empty": b"",
        "hex": digest.hex().encode(),
        "upper hex": digest.hex().upper().encode(),
        "sha1": hmac.digest(SECRET, head.encode(), "sha1"),
        "sha512": hmac.digest(SECRET, head.encode(), "sha512"),
        "longer": digest + b"\0",
    }[kind]
    with pytest.raises(MalformedKey):
        require(packed(f"{head}:{base64.b64encode(wrong).decode()}"))
    if "hex" in kind:
        with pytest.raises(MalformedKey):
            require(packed(f"{head}:{wrong.decode()}"))


@pytest.mark.fault("L06")
def test_signatures_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", compare)
    require(older())
    assert [(type(one), len(one), len(other)) for one, other in compared] == [(bytes, 32, 32)]


@given(st.text(max_size=300) | st.binary(max_size=300).map(lambda raw: raw.decode("latin-1")))
def test_whatever_is_typed_in_is_malformed(text: str) -> None:
    for key in (text, "v2." + text, packed(text.encode("utf-8", "replace").decode())):
        with pytest.raises(MalformedKey):
            read_key(key)


def test_what_is_read_is_written_the_same() -> None:
    chance = random.Random(7)
    for _ in range(200):
        expires = None if chance.random() < 0.2 else date.fromordinal(chance.randrange(1, date.max.toordinal() + 1))
        licence = read_key(key := older(expires))
        assert make_hmac_key(SECRET, licence.instance_id, licence.expires) == key
        licence = read_key(key := signed(expires))
        assert make_signed_key(PRIVATE, str(licence.plugin_id), licence.instance_id, licence.expires) == key


# -- public keys


def test_a_public_key_is_one_text() -> None:
    text = licences.public_key_text(PUBLIC)
    assert read_public_key(text) == PUBLIC
    for other in ("", text + "=", text[:-1], text + "A", " " + text, "ü", "A" * 4000):
        with pytest.raises(ValueError):  # noqa: PT011 - which words is the caller's affair
            read_public_key(other)
