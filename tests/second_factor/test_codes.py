"""Codes of authenticators: the standard's own examples, what may be typed, and what a phone reads from the screen."""

import xml.etree.ElementTree as ElementTree
from datetime import UTC, datetime
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import segno

from app.second_factor.codes import is_code, matching_step, normalised, qr_of, shown_secret, uri_of

# RFC 6238, appendix B: the last six digits of its examples.
SECRET = b"12345678901234567890"
EXAMPLES = {59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037"}


@pytest.mark.parametrize(("seconds", "code"), EXAMPLES.items())
def test_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    assert matching_step(SECRET, code, datetime.fromtimestamp(seconds, UTC), 0) == seconds // 30


@pytest.mark.parametrize(
    ("late", "fits"), [(-60, False), (-31, False), (-30, True), (0, True), (30, True), (60, False)]
)
def test_a_phone_may_be_one_step_off(late: int, fits: bool) -> None:
    now = datetime.fromtimestamp(1111111110 + late, UTC)  # the first second of the step of its code
    assert (matching_step(SECRET, "050471", now, 0) is not None) is fits


def test_a_code_and_older_ones_are_refused_once_it_was_accepted() -> None:
    now = datetime.fromtimestamp(1111111111, UTC)
    step = matching_step(SECRET, "050471", now, 0)
    assert step is not None
    assert matching_step(SECRET, "050471", now, step) is None
    assert matching_step(SECRET, EXAMPLES[1111111109], now, step) is None, "the step before"
    assert matching_step(SECRET, EXAMPLES[1111111109], now, 0) is not None


def test_a_clock_that_was_set_back_accepts_nothing_old() -> None:
    now = datetime.fromtimestamp(1111111111, UTC)
    assert matching_step(SECRET, "050471", now, 1111111111 // 30 + 1000) is None


@pytest.mark.parametrize("typed", ["287 082", " 287-082 ", "287082", "287\u00a0082", "２８７０８２", "2 8 7\t0 8 2\n"])
def test_a_code_may_be_typed_in_groups(typed: str) -> None:
    assert is_code(normalised(typed))
    assert normalised(typed) == "287082"


@pytest.mark.parametrize("typed", ["", "28708", "2870822", "28708a", "٢٨٧٠٨٢", "\ud800" * 6, "\0", "2" * 1_000_000])
def test_what_is_no_code(typed: str) -> None:
    assert not is_code(normalised(typed))


def test_the_address_names_issuer_and_user() -> None:
    parts = urlsplit(uri_of(SECRET, "Ada: L. & söhne", "Toru (toru.example.com)"))
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert unquote(parts.path) == "/Toru (toru.example.com):Ada  L. & söhne"
    assert parse_qs(parts.query) == {
        "secret": [shown_secret(SECRET).replace(" ", "")],
        "issuer": ["Toru (toru.example.com)"],
    }


def test_the_longest_name_still_fits_a_qr_code() -> None:
    svg = qr_of(uri_of(SECRET, "🚀" * 64, "Toru (" + "a" * 63 + ")"))
    assert svg.startswith("<svg ")


def test_the_qr_code_is_one_element_that_shows_the_address() -> None:
    uri = uri_of(SECRET, "admin", "Toru (host)")
    svg = ElementTree.fromstring(qr_of(uri))
    assert {child.tag for child in svg} == {"path"}
    code = segno.make(uri, error="m", micro=False)
    side = code.symbol_size()[0]
    assert svg.attrib == {"viewBox": f"0 0 {side} {side}", "class": "qr-code"}
    ground, modules = svg
    assert ground.attrib["fill"] == "#fff", "dark on white in every theme"
    assert modules.attrib["stroke"] == "#000"
