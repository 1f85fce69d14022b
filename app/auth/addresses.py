"""Where a request comes from: the peer, or what a proxy that we trust says of it."""

import ipaddress
from collections.abc import Callable, Iterable

from app.core.config import Network, ProxyTrust
from app.core.errors import BadValue

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def parse_address(text: str) -> Address | None:
    """The address in `text`, with an IPv4 one mapped into IPv6 unwrapped; None when it is none."""
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return None
        return address.ipv4_mapped or address
    return address


def client_address(
    peer: str | None,
    cloudflare: list[str],
    forwarded: list[str],
    trust: ProxyTrust,
    trusted: Iterable[Network],
) -> str:
    """The client's address in canonical form, empty when not even the peer's is known.

    Args:
        peer: address of the TCP connection's other side.
        cloudflare: the values of all CF-Connecting-IP headers.
        forwarded: the values of all X-Forwarded-For headers, in order.
        trust: which of the two is believed.
        trusted: networks of proxies besides loopback.

    Raises:
        BadValue: a proxy that we trust tells something that is no address. Whoever then counted as the client would
            be counted together with everybody else.
    """
    networks = tuple(trusted)

    def is_proxy(address: Address) -> bool:
        return address.is_loopback or any(
            address in network for network in networks if network.version == address.version
        )

    direct = parse_address((peer or "").partition("%")[0])  # a link-local peer comes with its interface
    if direct is None:
        return ""
    if trust is ProxyTrust.NONE or not is_proxy(direct):
        return str(direct)
    if trust is ProxyTrust.CLOUDFLARE and cloudflare:
        return str(_told(",".join(cloudflare)))
    return str((_rightmost_untrusted(forwarded, is_proxy) if forwarded else None) or direct)


def _rightmost_untrusted(forwarded: list[str], is_proxy: Callable[[Address], bool]) -> Address | None:
    # Everything left of the first address that no proxy of ours wrote may be invented by the client.
    for part in reversed(",".join(forwarded).split(",")):
        address = _told(part)
        if not is_proxy(address):
            return address
    return None


def _told(text: str) -> Address:
    address = parse_address(text)
    if address is None:
        raise BadValue("The proxy in front tells no address of the client that can be read.")
    return address


def bucket(address: str) -> str:
    """What failures are counted under: the address itself, or the /64 of an IPv6 one."""
    parsed = parse_address(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed) if parsed is not None else address
