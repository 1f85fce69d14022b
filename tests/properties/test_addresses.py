"""Where a request comes from: one text an address, and nothing that a client writes before its proxy moves it."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.auth.addresses import bucket, client_address, parse_address
from app.core.config import ProxyTrust
from app.core.errors import BadValue
from tests.properties.support import examples, spoilt_text
from tests.support.evidence import Evidence

pytestmark = pytest.mark.timeout(1200)

IPV4, IPV6 = st.ip_addresses(v=4).map(str), st.ip_addresses(v=6).map(str)
ADDRESSES = IPV4 | IPV6
OUTSIDE = ADDRESSES.filter(lambda text: not ipaddress.ip_address(text).is_loopback and "::ffff:" not in text)
ODD = st.text(max_size=40) | st.sampled_from(
    [
        "unknown",
        "[::1]",
        "1.2.3.4:80",
        "fe80::1%eth0",
        "<script>",
        "1" * 5000,
        "010.1.1.1",
        "1.2.3",
        "::ffff:1.2.3.4",
        "",
    ]
)
NETWORKS = (ipaddress.ip_network("10.0.0.0/8"),)


@examples(30, 8_000)
@given(ADDRESSES | ODD, st.integers(0))
def test_a_text_is_an_address_in_one_form_or_none(evidence: Evidence, text: str, seed: int) -> None:
    for odd in (
        text,
        *spoilt_text(text[:100], seed),
    ):
        evidence.inputs["addresses"] += 1
        require_one_form(odd)


def require_one_form(text: str) -> None:
    address = parse_address(text)
    if address is None:
        return
    assert parse_address(str(address)) == address
    assert parse_address(f" {address} ") == address
    assert "%" not in str(address)
    assert len(str(address)) <= 39
    assert getattr(address, "ipv4_mapped", None) is None


@examples(30, 4_000)
@given(IPV4)
def test_an_address_mapped_into_ipv6_is_the_plain_one(evidence: Evidence, text: str) -> None:
    evidence.inputs["addresses"] += 1
    assert parse_address(f"::ffff:{text}") == parse_address(text)
    assert bucket(f"::ffff:{text}") == bucket(text) == text


@examples(30, 4_000)
@given(IPV6, st.integers(0, 2**64 - 1))
def test_neighbours_of_an_ipv6_network_count_as_one(evidence: Evidence, text: str, host: int) -> None:
    evidence.inputs["addresses"] += 2
    address = ipaddress.IPv6Address(text)
    neighbour = ipaddress.IPv6Address((int(address) >> 64 << 64) | host)
    if address.ipv4_mapped is None and neighbour.ipv4_mapped is None:
        assert bucket(text) == bucket(str(neighbour))
        assert bucket(text).endswith("/64")


@examples(60, 10_000)
@given(
    ADDRESSES | ODD | st.none(),
    st.lists(ADDRESSES | ODD, max_size=3),
    st.lists(ADDRESSES | ODD, max_size=3),
    st.sampled_from(ProxyTrust),
)
def test_whatever_is_told_the_client_is_an_address_or_refused(
    evidence: Evidence, peer: str | None, cloudflare: list[str], forwarded: list[str], trust: ProxyTrust
) -> None:
    evidence.inputs["addresses"] += 1
    try:
        found = client_address(peer, cloudflare, forwarded, trust, NETWORKS)
    except BadValue:
        return
    assert found == "" or str(parse_address(found)) == found


@examples(60, 10_000)
@given(
    st.lists(ADDRESSES | ODD, max_size=4),
    OUTSIDE,
    st.lists(st.sampled_from(["10.1.2.3", "127.0.0.1", "::1"]), max_size=3),
)
def test_nothing_that_a_client_writes_in_front_changes_who_it_is(
    evidence: Evidence, invented: list[str], real: str, proxies: list[str]
) -> None:
    evidence.inputs["addresses"] += 1
    if real.startswith("10."):
        return
    told = [", ".join([*invented, real, *proxies])]
    found = client_address("127.0.0.1", [], told, ProxyTrust.FORWARDED, NETWORKS)
    assert found == str(parse_address(real))
