"""Cookies of known browsers: signed for one name by one installation."""

import pytest

from app.auth.devices import Devices, new_device_key

HASH = "hash of the password"


def test_a_cookie_names_its_browser_for_one_name() -> None:
    devices = Devices(new_device_key())
    one, other = devices.issue("clara", HASH), devices.issue("clara", HASH)
    assert devices.recognise(one, "clara", HASH)
    assert devices.recognise(one, "clara", HASH) != devices.recognise(other, "clara", HASH)
    assert devices.recognise(one, "ada", HASH) is None
    assert devices.recognise(one, "clara", "another hash") is None


def test_another_installation_does_not_know_it() -> None:
    cookie = Devices(new_device_key()).issue("clara", HASH)
    assert Devices(new_device_key()).recognise(cookie, "clara", HASH) is None


@pytest.mark.parametrize("cookie", ["", ".", "a.b", "é.é", "\ud800.\ud800", "." * 10_000])
def test_what_is_no_cookie_is_none(cookie: str) -> None:
    assert Devices(new_device_key()).recognise(cookie, "clara", HASH) is None


@pytest.mark.parametrize("name", ["", "\ud800", "a\0b", "x" * 100_000])
def test_any_name_may_be_asked_for(name: str) -> None:
    devices = Devices(new_device_key())
    assert devices.recognise(devices.issue(name, HASH), name, HASH)
