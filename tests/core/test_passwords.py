"""Passwords: the rule, Argon2 with one set of parameters, and one check at a time whoever is asked for."""

import asyncio
import re
import threading
from typing import Any

import pytest
from passlib.hash import argon2

from app.core import passwords
from app.core.errors import BadValue
from app.core.passwords import MAX_PASSWORD, PasswordHasher, is_strong, is_usable, require_strong

PARAMETERS = re.compile(r"\$argon2id\$v=19\$m=19456,t=2,p=1\$")


class Spy:
    """passlib's scheme, with a record of what was compared with what."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.checked: list[str] = []
        self.at_once = self.most_at_once = 0
        scheme = passwords._scheme
        lock = threading.Lock()

        def verify(password: str, stored: str) -> Any:
            self.checked.append(stored)
            with lock:
                self.at_once += 1
                self.most_at_once = max(self.most_at_once, self.at_once)
            try:
                return scheme.verify(password, stored)
            finally:
                with lock:
                    self.at_once -= 1

        monkeypatch.setattr(passwords, "_scheme", type("Scheme", (), {"verify": staticmethod(verify)}))


@pytest.mark.parametrize("password", ["Aa1!aaaa", "Größe-12", "Correct Horse 7?", "Aa1!" * 250])
def test_strong_passwords(password: str) -> None:
    assert is_strong(password)
    require_strong(password)


@pytest.mark.parametrize(
    "password",
    [
        "",
        "Aa1!aaa",
        "aa1!aaaa",
        "AA1!AAAA",
        "Aaa!aaaa",
        "Aa11aaaa",
        "Aa1 aaaa",
        "Aa1!" * 251,
        "Aa1!aaa\0",
        "Aa1!aaa\udcff",
    ],
)
def test_weak_passwords(password: str) -> None:
    assert not is_strong(password)
    with pytest.raises(BadValue, match="8 characters or more"):
        require_strong(password)


async def test_a_hash_fits_its_password_and_no_other() -> None:
    hasher = PasswordHasher()
    stored = await hasher.hash("Größe-12")
    assert PARAMETERS.match(stored)
    assert await hasher.verify("Größe-12", stored)
    assert not await hasher.verify("Größe-13", stored)
    assert stored != await hasher.hash("Größe-12")
    hasher.close()


@pytest.mark.fault("A09")
async def test_nobody_costs_one_check_with_the_same_parameters_and_never_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    hasher = PasswordHasher()
    stored = await hasher.hash("x")
    spy = Spy(monkeypatch)
    assert not await hasher.verify("x", None)
    assert await hasher.verify("x", stored)
    nobodys, somebodys = spy.checked
    assert PARAMETERS.match(nobodys)
    assert [len(part) for part in nobodys.split("$")] == [len(part) for part in somebodys.split("$")]
    hasher.close()


@pytest.mark.parametrize("password", ["x" * (MAX_PASSWORD + 1), "a\0b", "a\ud800"])
async def test_what_cannot_be_hashed_costs_one_check_too(password: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_usable(password)
    hasher = PasswordHasher()
    stored = await hasher.hash("")
    spy = Spy(monkeypatch)
    assert not await hasher.verify(password, stored)
    assert len(spy.checked) == 1
    assert spy.checked != [stored]
    hasher.close()


@pytest.mark.fault("A41")
async def test_checks_run_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    hasher = PasswordHasher()
    spy = Spy(monkeypatch)
    await asyncio.gather(*(hasher.verify("x", None) for _ in range(8)))
    assert (len(spy.checked), spy.most_at_once) == (8, 1)
    hasher.close()


async def test_a_hash_with_other_parameters_is_outdated() -> None:
    hasher = PasswordHasher()
    old = argon2.using(type="ID", memory_cost=8192, rounds=1, parallelism=1).hash("x")
    assert hasher.is_outdated(old)
    assert not hasher.is_outdated(await hasher.hash("x"))
    assert await hasher.verify("x", old)
    hasher.close()
