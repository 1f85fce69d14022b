"""Hosts and origins, as they stand in the headers of browsers."""

import ipaddress
import re
from urllib.parse import urlsplit

HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|[a-z0-9._-]+)(?::(\d{1,5}))?", re.ASCII)
DEFAULT_PORTS = {"http": 80, "https": 443}
LAST_PORT = 65535


def is_host(text: str) -> bool:
    """Whether it is a name in lower case or an address (one of IPv6 in brackets), with or without a port."""
    found = HOST.fullmatch(text)
    if found is None or int(found[2] or 1) not in range(1, LAST_PORT + 1):
        return False
    if found[1] is None:
        return True
    try:
        ipaddress.IPv6Address(found[1])
    except ValueError:
        return False
    return True


def origin_of(url: str) -> str:
    """The URL as browsers write it into Origin: lower case, punycode, without the scheme's own port.

    Raises:
        ValueError: it has more than a scheme, a host and a port, or these are none.
    """
    parts = urlsplit(url)
    default = DEFAULT_PORTS.get(parts.scheme)
    host, port = parts.hostname, parts.port
    extra = (parts.path.strip("/"), parts.query, parts.fragment, parts.username, parts.password)
    if default is None or not host or any(extra) or not url.isprintable():
        raise ValueError("not a plain address")
    host = f"[{host}]" if ":" in host else host.encode("idna").decode()
    netloc = host if port is None or port == default else f"{host}:{port}"
    if not is_host(netloc):
        raise ValueError("not a plain address")
    return f"{parts.scheme}://{netloc}"
