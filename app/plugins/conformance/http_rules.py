"""Rules about requests and answers, the same in both protocols."""

import contextlib

from app.plugins.conformance.bench import AnyBench, Rule
from app.plugins.conformance.findings import TooMuch, Violation
from app.plugins.headers import passed_on
from app.plugins.wire import MAX_BODY, PluginRefused

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
PATHS = (
    "/?a=1&a=2&empty=&plus=a+b",
    "/a%2Fb/%2E%2E/%00?q=%FF",
    "//double//slashes/",
    "/%F0%9F%8C%8D/gr%C3%BC%C3%9Fe?%E2%82%AC=%22%5C",
    "/" + "long/" * 1600,
)
TEXT = 'grüße 🌍 "quoted" \\ back\tslash\r\n\u2028\x00\x7f end'
IN_A_ROW = 50
OWN_AFFAIR = frozenset({"content-length", "server", "date"})
"""Headers that Toru writes itself; a plugin that sends them, too, loses nothing."""


async def answers(bench: AnyBench) -> None:
    """GET / is answered at all."""
    await bench.ask()


async def methods(bench: AnyBench) -> None:
    """Every method is answered, if only with 405."""
    for method in METHODS:
        await bench.ask(method, body=b"x=1" if method in ("POST", "PUT", "PATCH") else b"")


async def paths(bench: AnyBench) -> None:
    """Whatever stands in a path."""
    for path in PATHS:
        await bench.ask(path=path)


async def bodies(bench: AnyBench) -> None:
    """Text that JSON has to escape."""
    await bench.ask("POST", body=TEXT.encode())


async def large(bench: AnyBench) -> None:
    """As much as Toru passes on; an answer that repeats it all may be more than that."""
    with contextlib.suppress(TooMuch):
        await bench.ask("POST", body=b"x" * MAX_BODY)


async def in_a_row(bench: AnyBench) -> None:
    """One request after the other."""
    for number in range(IN_A_ROW):
        await bench.ask(path=f"/?number={number}")


async def headers(bench: AnyBench) -> None:
    """What the plugin says reaches the browser."""
    for path in ("/", "/bundle.js"):
        answer = await bench.ask(path=path)
        try:
            passed = {name.decode() for name, _ in passed_on("GET", answer)[1]}
        except PluginRefused as error:
            raise Violation(f"Asked for GET {path}: {error}") from None
        lost = sorted({name for name, _ in answer.headers if name.lower() not in passed | OWN_AFFAIR})
        if lost:
            raise Violation(
                f"Asked for GET {path}, it answered with headers that are not passed on: {', '.join(lost)}."
            )


HTTP_RULES = (
    Rule("http-answer", "A request is answered within 30 seconds, under its own request_id.", answers),
    Rule("http-methods", "A request with any method is answered.", methods),
    Rule("http-path", "A request for any path and query is answered.", paths),
    Rule("http-body", "A body with any text is taken.", bodies),
    Rule("http-large", "A body of 8 MiB is taken, and answered in whatever way.", large),
    Rule("http-sequence", "Many requests one after the other are all answered.", in_a_row),
    Rule("http-headers", "Answers carry no headers that Toru takes away.", headers, must=False),
)
