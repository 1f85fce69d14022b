"""Times as stored and sent: ISO 8601 UTC with milliseconds, which sort as text."""

import re
from datetime import UTC, datetime, timedelta, timezone

from app.core.clock import Clock, iso, now_iso, parse_iso


def test_a_moment_is_written_in_utc_with_milliseconds() -> None:
    berlin = timezone(timedelta(hours=1))
    assert iso(datetime(2026, 3, 29, 2, 30, 0, 1999, tzinfo=berlin)) == "2026-03-29T01:30:00.001Z"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", now_iso())


def test_what_is_written_is_read_back() -> None:
    moment = datetime(2026, 11, 22, 23, 59, 59, 999000, tzinfo=UTC)
    assert parse_iso(iso(moment)) == moment


def test_texts_sort_as_the_moments_do() -> None:
    start = datetime(2026, 12, 31, 23, 59, 59, 998000, tzinfo=UTC)
    moments = [start + timedelta(milliseconds=n) for n in range(5)]
    assert sorted(map(iso, moments)) == list(map(iso, moments))


def test_the_clock_tells_aware_utc() -> None:
    clock = Clock()
    assert clock.now().tzinfo is UTC
    assert abs((parse_iso(clock.now_iso()) - clock.now()).total_seconds()) < 1
    assert clock.monotonic() <= clock.monotonic()
