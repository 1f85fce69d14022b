"""Which headers pass between a browser and a plugin, both ways."""

import re
from collections.abc import Iterable
from typing import Final

from app.core.permissions import Actor, Role
from app.plugins.wire import PluginAnswer, PluginRefused

HeaderList = list[tuple[bytes, bytes]]

MAX_FIELDS = 100
MAX_BYTES = 64 * 1024
"""Of the headers of an answer; what an honest plugin needs is a hundredth of it."""

TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
OWN_ADDRESS: Final = re.compile(r"(?!//|[A-Za-z][A-Za-z0-9+.\-]*:)[^\\\s\x00-\x20\x7f-\xa0]+")
"""Where an answer may lead: to this server, without what browsers leave out or take for a slash."""

HOP_BY_HOP: Final = frozenset(
    {
        *("connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization"),
        *("te", "trailer", "trailers", "transfer-encoding", "upgrade", "http2-settings", "expect"),
    }
)
# Who asks is told by us alone, and what a proxy in front of us said is between it and us.
NOT_FOR_PLUGINS: Final = HOP_BY_HOP | {
    *("cookie", "cookie2", "authorization", "forwarded", "via"),
    *("x-real-ip", "x-client-ip", "x-cluster-client-ip", "true-client-ip", "x-rewrite-url"),
}
NOT_FOR_PLUGINS_BEGIN: Final = ("x-toru-", "x-forwarded-", "x-original-", "cf-", "cdn-")

OURS: Final = frozenset(
    {
        *("x-content-type-options", "referrer-policy", "x-frame-options", "permissions-policy", "feature-policy"),
        *("strict-transport-security", "origin-agent-cluster", "x-xss-protection", "x-dns-prefetch-control"),
        *("x-permitted-cross-domain-policies", "public-key-pins", "public-key-pins-report-only", "expect-ct"),
    }
)
# They would reach beyond the plugin's own addresses: into our cookies, our storage, our cache, the proxy's files.
NOT_FROM_PLUGINS: Final = (
    HOP_BY_HOP
    | OURS
    | {
        *("set-cookie", "set-cookie2", "clear-site-data", "service-worker-allowed", "alt-svc", "refresh"),
        *("www-authenticate", "authentication-info", "report-to", "reporting-endpoints", "nel", "speculation-rules"),
        *("content-length", "server", "date", "via", "x-sendfile", "x-lighttpd-send-file"),
        *("accept-ch", "critical-ch", "origin-trial", "use-as-dictionary", "activate-storage-access"),
        *("document-policy", "document-policy-report-only"),
    }
)
NOT_FROM_PLUGINS_BEGIN: Final = (
    *("content-security-policy", "cross-origin-", "access-control-", "x-accel-", "x-toru-", "set-login", "cf-", "cdn-"),
    *("sec-", "proxy-", "surrogate-", "cloudflare-"),
)
ONCE: Final = frozenset({b"content-type", b"location"})
"""Of two, one reader would believe the first and the next the second."""

DIRECTIVE: Final = re.compile(r'([^\s,;="]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?')
FOR_BROWSERS: Final = frozenset(
    {
        *("no-store", "no-cache", "max-age", "must-revalidate", "immutable", "no-transform"),
        *("stale-while-revalidate", "stale-if-error"),
    }
)
"""What Cache-Control may say; the rest is for caches on the way, which serve more people than the one who asked."""

WITHOUT_BODY: Final = frozenset({204, 205, 304})


def headers_for_plugin(headers: Iterable[tuple[bytes, bytes]], actor: Actor) -> dict[str, str]:
    """What a plugin is told of a request: its own headers without ours and the proxy's, and who asks.

    Args:
        headers: as they came, names in lower case.
        actor: told as X-Toru-User and X-Toru-Role; a token that may not do everything has the role client.
    """
    came = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
    unwanted = NOT_FOR_PLUGINS | _named_in_connection(came)
    told: dict[str, str] = {}
    for name, value in came:
        # A plugin that turns dashes into underscores must not take one for the other.
        plain = name.replace("_", "-")
        if plain in unwanted or plain.startswith(NOT_FOR_PLUGINS_BEGIN):
            continue
        told[name] = f"{told[name]}, {value}" if name in told else value
    told["x-toru-user"] = actor.username
    told["x-toru-role"] = (Role.ADMIN if actor.is_admin else Role.CLIENT).value
    return told


def passed_on(method: str, answer: PluginAnswer) -> tuple[int, HeaderList, bytes]:
    """The status, headers and body that a browser gets.

    Raises:
        PluginRefused: there are too many headers.
    """
    headers = _headers_from_plugin(answer.headers)
    if answer.status in WITHOUT_BODY:
        return answer.status, headers, b""
    length = _length_of_head(answer) if method == "HEAD" else len(answer.body)
    if length is not None:
        headers.append((b"content-length", str(length).encode()))
    return answer.status, headers, b"" if method == "HEAD" else answer.body


def _headers_from_plugin(came: list[tuple[str, str]]) -> HeaderList:
    if len(came) > MAX_FIELDS or sum(len(name) + len(value) for name, value in came) > MAX_BYTES:
        raise PluginRefused("The plugin's answer has too many or too long headers.")
    lower = [(name.lower(), value) for name, value in came]
    unwanted = NOT_FROM_PLUGINS | _named_in_connection(lower) | {"cache-control"}
    passed: HeaderList = []
    if caching := [value for name, value in lower if name == "cache-control"]:
        passed.append((b"cache-control", _for_one_reader(", ".join(caching))))
    for name, value in lower:
        if name in unwanted or name.startswith(NOT_FROM_PLUGINS_BEGIN) or not TOKEN.fullmatch(name):
            continue
        if name == "location" and not OWN_ADDRESS.fullmatch(value):
            continue
        if (written := _written(value)) is not None:
            key = name.encode("ascii")
            if key not in ONCE or all(key != earlier for earlier, _ in passed):
                passed.append((key, written))
    return passed


def _for_one_reader(caching: str) -> bytes:
    """How long a browser may keep an answer, and nobody else: it was given to who is signed in."""
    kept = ["private"]
    for name, quoted, plain in DIRECTIVE.findall(caching):
        seconds = quoted or plain
        if name.lower() in FOR_BROWSERS:
            kept.append(f"{name.lower()}={seconds}" if re.fullmatch("[0-9]{1,10}", seconds) else name.lower())
    return ", ".join(kept).encode("ascii")


def _written(value: str) -> bytes | None:
    """A value as HTTP writes it, None when it cannot."""
    if UNPRINTABLE.search(value):
        return None
    try:
        return value.strip(" \t").encode("latin-1")
    except UnicodeEncodeError:
        return None


def _named_in_connection(headers: list[tuple[str, str]]) -> frozenset[str]:
    """What a message says is for the next hop only."""
    values = [value for name, value in headers if name == "connection"]
    return frozenset(part.strip().lower() for value in values for part in value.split(","))


def _length_of_head(answer: PluginAnswer) -> int | None:
    """What GET's answer would have, when the plugin tells."""
    if answer.body:
        return len(answer.body)
    told = {value for name, value in answer.headers if name.lower() == "content-length"}
    (length,) = told if len(told) == 1 else ("",)
    return int(length) if re.fullmatch(r"[0-9]{1,12}", length) else None
