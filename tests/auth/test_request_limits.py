"""Requests of strangers and sign-ins are bounded by address; memory is given back."""

import time

import pytest

from app.auth.request_limits import SIGN_INS, STRANGERS, RequestLimits
from app.core.errors import Limited


def test_sign_ins_are_bounded_by_address() -> None:
    limits = RequestLimits()
    for _ in range(SIGN_INS.amount):
        limits.count_sign_in("192.0.2.1")
    with pytest.raises(Limited) as told:
        limits.count_sign_in("192.0.2.1")
    assert 1 <= told.value.retry_after <= 60
    limits.count_sign_in("192.0.2.2")
    limits.count_stranger("192.0.2.1")


def test_a_network_of_ipv6_is_one_address() -> None:
    limits = RequestLimits()
    for number in range(SIGN_INS.amount):
        limits.count_sign_in(f"2001:db8:1:2::{number:x}")
    with pytest.raises(Limited):
        limits.count_sign_in("2001:db8:1:2:ffff::")


@pytest.mark.fault("A42")
def test_a_minute_later_it_goes_on_and_what_was_counted_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = RequestLimits()
    for _ in range(STRANGERS.amount):
        limits.count_stranger("192.0.2.1")
    for number in range(1000):
        limits.count_stranger(f"198.51.{number // 250}.{number % 250}")
    later = time.time() + 61
    monkeypatch.setattr(time, "time", lambda: later)
    limits.count_stranger("192.0.2.1")
    storage = limits._limiter.storage
    deadline = time.monotonic() + 5
    while len(storage.storage) > 1 and time.monotonic() < deadline:  # type: ignore[attr-defined]
        time.sleep(0.02)
    assert len(storage.storage) == 1  # type: ignore[attr-defined]
