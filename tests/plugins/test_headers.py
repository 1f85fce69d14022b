"""Headers between browsers and plugins: nothing that lets a plugin act as somebody, or beyond its own addresses."""

import pytest

from app.core.permissions import Actor, Role, TokenRights
from app.plugins.headers import MAX_BYTES, headers_for_plugin, passed_on
from app.plugins.wire import PluginAnswer, PluginRefused

ADMIN = Actor(None, "admin", "Admin", Role.ADMIN)
CLIENT = Actor("1", "carla", "Carla", Role.CLIENT)


def to_plugin(*headers: tuple[str, str], actor: Actor = CLIENT) -> dict[str, str]:
    """What of these headers a plugin is told, without who asks."""
    told = headers_for_plugin([(name.encode(), value.encode("latin-1")) for name, value in headers], actor)
    assert told.pop("x-toru-user") == actor.username
    assert told.pop("x-toru-role") in ("admin", "client")
    return told


def from_plugin(*headers: tuple[str, str]) -> list[tuple[bytes, bytes]]:
    """What of these headers a browser gets."""
    _, passed, _ = passed_on("GET", PluginAnswer(200, list(headers), b""))
    assert passed.pop() == (b"content-length", b"0")
    return passed


# -- to the plugin


def test_a_request_keeps_its_own_headers() -> None:
    own = {"accept": "text/html", "content-type": "a/b; c=d", "content-length": "3", "if-none-match": '"x"', "x-a": "ü"}
    assert to_plugin(*own.items()) == own


def test_a_header_that_came_twice_is_one_text() -> None:
    assert to_plugin(("x-a", "1"), ("accept", "b"), ("x-a", "2")) == {"x-a": "1, 2", "accept": "b"}


@pytest.mark.parametrize(
    "name",
    [
        *("cookie", "authorization", "proxy-authorization", "forwarded", "x-forwarded-for", "x-forwarded-proto"),
        *("x-real-ip", "cf-connecting-ip", "cf-access-jwt-assertion", "true-client-ip", "via", "x-original-url"),
        *("connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "proxy-connection", "expect"),
        *("x-toru-user", "x-toru-role", "x-toru-anything", "x_toru_user", "x-toru_role", "x_forwarded_for"),
    ],
)
def test_what_is_ours_or_the_proxys_never_reaches_a_plugin(name: str) -> None:
    assert to_plugin((name, "canary"), ("accept", "a")) == {"accept": "a"}


@pytest.mark.fault("G27")
def test_what_connection_names_is_for_the_next_hop() -> None:
    assert (
        to_plugin(("connection", "close, X-Secret"), ("connection", "x-more"), ("x-secret", "1"), ("x-more", "2")) == {}
    )


@pytest.mark.parametrize(
    ("actor", "role"),
    [
        (ADMIN, "admin"),
        (CLIENT, "client"),
        (Actor(None, "admin", "A", Role.ADMIN, token=TokenRights("t", frozenset({"read"}))), "client"),
        (Actor(None, "admin", "A", Role.ADMIN, token=TokenRights("t", frozenset({"admin"}))), "admin"),
    ],
)
def test_the_plugin_is_told_who_asks_whatever_the_browser_says(actor: Actor, role: str) -> None:
    told = headers_for_plugin([(b"x-toru-user", b"root"), (b"x-toru-role", b"admin")], actor)
    assert told == {"x-toru-user": actor.username, "x-toru-role": role}


# -- from the plugin


def test_an_answer_keeps_its_own_headers_also_doubled() -> None:
    own = [("Content-Type", "text/html; charset=utf-8"), ("ETag", '"x"'), ("X-A", "1"), ("x-a", "2"), ("Vary", "ü")]
    assert from_plugin(*own) == [(name.lower().encode(), value.encode("latin-1")) for name, value in own]


@pytest.mark.fault("G26", "G27")
@pytest.mark.parametrize(
    "name",
    [
        *("Set-Cookie", "set-cookie2", "Clear-Site-Data", "Service-Worker-Allowed", "Refresh", "WWW-Authenticate"),
        *("Connection", "Keep-Alive", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Proxy-Authenticate"),
        *("Content-Length", "Content-Security-Policy", "Content-Security-Policy-Report-Only", "X-Frame-Options"),
        *("Strict-Transport-Security", "X-Content-Type-Options", "Referrer-Policy", "Permissions-Policy"),
        *("Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", "Cross-Origin-Embedder-Policy"),
        *("Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Alt-Svc", "Report-To", "NEL"),
        *("X-Accel-Redirect", "X-Sendfile", "Server", "Date", "SET-COOKIE"),
        *("Accept-CH", "Critical-CH", "Origin-Trial", "Use-As-Dictionary", "Activate-Storage-Access"),
        *("Document-Policy", "Surrogate-Control", "CDN-Cache-Control", "Cloudflare-CDN-Cache-Control"),
    ],
)
def test_nothing_that_reaches_beyond_the_plugin_comes_back(name: str) -> None:
    assert from_plugin((name, "canary"), ("X-A", "1")) == [(b"x-a", b"1")]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (["public, s-maxage=3600"], "private"),
        (["Public, Max-Age=60, proxy-revalidate, immutable"], "private, max-age=60, immutable"),
        (["max-age=60"], "private, max-age=60"),
        (["no-store"], "private, no-store"),
        (["no-cache", "max-age=0, must-revalidate"], "private, no-cache, max-age=0, must-revalidate"),
        (['private="X-A, public", max-age="5"'], "private, max-age=5"),
        (['no-cache="x", s-maxage = 7 , max-age = 7'], "private, no-cache, max-age=7"),
        (['max-age="5, public', "s-maxage"], "private, max-age"),
        (["max-age=5\r\nSet-Cookie: a=b"], "private, max-age=5"),
        ([""], "private"),
    ],
)
def test_no_cache_on_the_way_keeps_an_answer(said: list[str], told: str) -> None:
    """What a tunnel's cache kept it would give to strangers."""
    assert from_plugin(*(("Cache-Control", value) for value in said)) == [(b"cache-control", told.encode())]


@pytest.mark.parametrize("name", ["Content-Type", "Location"])
def test_of_two_the_first_counts(name: str) -> None:
    assert from_plugin((name, "/a"), (name.upper(), "/b")) == [(name.lower().encode(), b"/a")]


@pytest.mark.fault("G27")
def test_what_an_answer_names_in_connection_stays() -> None:
    assert from_plugin(("Connection", "X-Hop"), ("x-hop", "1"), ("X-A", "1")) == [(b"x-a", b"1")]


@pytest.mark.fault("G28")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            ("X-B", "a\r\nSet-Cookie: x=y"),
            ("X-B", "a\nb"),
            ("X-B", "a\0b"),
            ("X-B", "\x7f"),
            ("X-B", "🚀"),
            ("X-B", "\ud800"),
        ),
        *(
            ("X-B\r\nSet-Cookie", "x"),
            ("X B", "x"),
            ("", "x"),
            ("X-B:", "x"),
            ("Ü", "x"),
            ("Set-Cookie ", "x"),
            ("(x)", "1"),
        ),
    ],
)
def test_no_header_can_be_injected(name: str, value: str) -> None:
    assert from_plugin((name, value), ("X-A", "1")) == [(b"x-a", b"1")]


def test_blanks_around_a_value_are_nothing() -> None:
    assert from_plugin(("X-A", " \t1 \t2\t ")) == [(b"x-a", b"1 \t2")]


@pytest.mark.parametrize(
    "value", ["/plugin/hello", "/", "next?a=1:2", "?x", "#y", "../up", "/a//b", "/login?next=//x", "./a:b"]
)
def test_a_plugin_may_lead_to_addresses_of_ours(value: str) -> None:
    assert from_plugin(("Location", value)) == [(b"location", value.encode())]


@pytest.mark.fault("G28")
@pytest.mark.parametrize(
    "value",
    [
        *(
            "//evil",
            "https://evil/",
            "HTTP:evil",
            "javascript:alert(1)",
            "data:text/html,x",
            "/\\evil",
            "\\\\evil",
            "x:y",
        ),
        *("/\t/evil", " //evil", "\x01//evil", "/%0d%0a\r\nX: y", "", "a b", "///evil", "/\u00a0/evil"),
    ],
)
def test_and_nowhere_else(value: str) -> None:
    assert from_plugin(("Location", value)) == []


@pytest.mark.fault("G28")
@pytest.mark.parametrize(
    "headers",
    [[("X-A", "x" * MAX_BYTES)], [("X" * MAX_BYTES, "x")], [("X-A", "")] * 101],
    ids=["value", "name", "many"],
)
def test_too_many_headers_are_an_answer_that_cannot_be_passed_on(headers: list[tuple[str, str]]) -> None:
    with pytest.raises(PluginRefused):
        passed_on("GET", PluginAnswer(200, headers, b""))


# -- lengths and bodies


@pytest.mark.fault("G27")
@pytest.mark.parametrize(
    ("method", "status", "body", "told", "sent", "length"),
    [
        ("GET", 200, b"abc", [], b"abc", b"3"),
        ("GET", 200, b"abc", ["5"], b"abc", b"3"),
        ("GET", 200, b"abc", ["1", "2"], b"abc", b"3"),
        ("POST", 500, b"", [], b"", b"0"),
        ("GET", 204, b"abc", ["3"], b"", None),
        ("GET", 205, b"abc", [], b"", None),
        ("GET", 304, b"abc", ["3"], b"", None),
        ("HEAD", 200, b"abc", [], b"", b"3"),
        ("HEAD", 200, b"", ["77"], b"", b"77"),
        ("HEAD", 200, b"", ["7", "8"], b"", None),
        ("HEAD", 200, b"", ["-1"], b"", None),
        ("HEAD", 200, b"", ["٣"], b"", None),
        ("HEAD", 200, b"", [], b"", None),
    ],
)
def test_lengths_are_counted_never_believed(
    method: str, status: int, body: bytes, told: list[str], sent: bytes, length: bytes | None
) -> None:
    answer = PluginAnswer(status, [("Content-Length", value) for value in told], body)
    got, headers, content = passed_on(method, answer)
    assert (got, content) == (status, sent)
    assert headers == ([] if length is None else [(b"content-length", length)])
