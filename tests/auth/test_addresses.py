"""Where a request comes from: only trusted proxies are believed, and nothing that is no address is kept."""

import ipaddress

import pytest

from app.auth.addresses import bucket, client_address, parse_address
from app.core.config import ProxyTrust
from app.core.errors import BadValue

LOOPBACK, STRANGER, PROXY = "127.0.0.1", "203.0.113.9", "10.1.2.3"
TRUSTED = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8"))


def seen(
    peer: str | None, cloudflare: list[str], forwarded: list[str], trust: ProxyTrust = ProxyTrust.CLOUDFLARE
) -> str:
    return client_address(peer, cloudflare, forwarded, trust, TRUSTED)


def test_without_trust_the_peer_is_the_client() -> None:
    assert seen(LOOPBACK, ["1.2.3.4"], ["1.2.3.4"], ProxyTrust.NONE) == LOOPBACK


def test_a_peer_that_is_no_proxy_of_ours_is_not_believed() -> None:
    assert seen(STRANGER, ["1.2.3.4"], ["1.2.3.4"]) == STRANGER
    assert seen(STRANGER, [], ["1.2.3.4"], ProxyTrust.FORWARDED) == STRANGER


@pytest.mark.parametrize("peer", [LOOPBACK, "::1", "::ffff:127.0.0.1", PROXY, "fd00::1"])
def test_cloudflares_word_comes_first(peer: str) -> None:
    assert seen(peer, ["1.2.3.4"], ["5.6.7.8"]) == "1.2.3.4"
    assert seen(peer, [], ["5.6.7.8"]) == "5.6.7.8"
    assert seen(peer, ["1.2.3.4"], ["5.6.7.8"], ProxyTrust.FORWARDED) == "5.6.7.8"


@pytest.mark.fault("A21")
@pytest.mark.parametrize("words", [["1.2.3.4", "5.6.7.8"], ["1.2.3.4, 5.6.7.8"], ["1.2.3.4", "1.2.3.4"]])
def test_two_words_of_cloudflare_are_none(words: list[str]) -> None:
    with pytest.raises(BadValue):
        seen(LOOPBACK, words, [])


@pytest.mark.parametrize(
    "forwarded", [["9.9.9.9, 203.0.113.9"], ["9.9.9.9", "203.0.113.9"], ["x, 203.0.113.9,10.0.0.1"]]
)
def test_the_right_most_address_that_is_no_proxy_is_the_client(forwarded: list[str]) -> None:
    assert seen(LOOPBACK, [], forwarded) == STRANGER


@pytest.mark.fault("A21")
@pytest.mark.parametrize(
    "word",
    [
        *(
            "unknown",
            "",
            " ",
            "203.0.113.9:4711",
            "[2001:db8::1]",
            "fe80::1%eth0",
            "_hidden",
            "<script>alert(1)",
        ),
        *("1" * 5000, "010.1.1.1", "1.2.3", "\0", "0x7f.1", "١.٢.٣.٤"),
    ],
)
def test_what_is_no_address_is_refused_where_it_would_count(word: str) -> None:
    assert parse_address(word) is None
    for trust in (ProxyTrust.CLOUDFLARE, ProxyTrust.FORWARDED):
        with pytest.raises(BadValue, match="no address of the client"):
            seen(LOOPBACK, [word], [f"1.2.3.4, {word}"], trust)
    assert seen(STRANGER, [word], [word]) == STRANGER, "nobody looks at it"
    assert seen(LOOPBACK, [word], [word], ProxyTrust.NONE) == LOOPBACK
    assert seen(LOOPBACK, [], [f"{word}, {STRANGER}"]) == STRANGER, "what the client itself wrote"


@pytest.mark.fault("A21")
def test_addresses_are_kept_in_one_form() -> None:
    assert seen("::ffff:203.0.113.9", [], []) == STRANGER
    assert seen(LOOPBACK, ["2001:DB8:0:0::1"], []) == "2001:db8::1"
    assert seen(LOOPBACK, [" 203.0.113.9 "], []) == STRANGER


def test_a_neighbour_on_the_same_wire_has_an_address_too() -> None:
    assert seen("fe80::1%eth0", [], []) == "fe80::1"


@pytest.mark.parametrize("peer", [None, "", "testclient"])
def test_a_peer_without_an_address_has_none(peer: str | None) -> None:
    assert seen(peer, ["1.2.3.4"], ["1.2.3.4"]) == ""


def test_failures_are_counted_by_address_or_network() -> None:
    assert bucket("203.0.113.9") == "203.0.113.9"
    assert bucket("2001:db8:1:2:3:4:5:6") == bucket("2001:db8:1:2::") == "2001:db8:1:2::/64"
    assert bucket("::ffff:203.0.113.9") == "203.0.113.9"
    assert bucket("") == ""
