"""What plugins keep: exact keys, two namespaces nobody crosses, limits, and it is all there after a restart."""

import asyncio

import pytest
from sqlalchemy import func

from app.audit.trail import AuditTrail
from app.core.clock import Clock
from app.core.database import Database
from app.core.errors import BadValue, Conflict, Forbidden, StepUpNeeded, TooLarge, ToruError, Unavailable
from app.core.permissions import Actor, Role, TokenRights
from app.plugins.models import PluginValueRow
from app.plugins.values import ENTRY, MAX_KEY, MAX_VALUE, QUOTA, PluginValues, ValueCall

ADMIN = Actor(None, "admin", "Admin", Role.ADMIN)
CLIENT = Actor("1", "carla", "Carla", Role.CLIENT)
KIB, MIB = 1024, 1024 * 1024


def with_scopes(actor: Actor, *scopes: str) -> Actor:
    return Actor(actor.user_id, actor.username, "", actor.role, token=TokenRights("t", frozenset(scopes)))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def values(database: Database, clock: Clock) -> PluginValues:
    return await made(database, clock)


async def made(database: Database, clock: Clock) -> PluginValues:
    opened = PluginValues(database, AuditTrail(database, clock), clock)
    await opened.open()
    return opened


async def page(
    values: PluginValues, action: str, key: object, value: object = None, actor: Actor = CLIENT
) -> str | None:
    return await values.handle_page(actor, "hello", ValueCall(action, key, value))


async def test_a_value_is_kept_replaced_and_deleted(values: PluginValues) -> None:
    assert await values.handle("hello", "get", "k") is None
    assert await values.handle("hello", "set", "k", "one") == "one"
    assert await values.handle("hello", "set", "k", "two") == "two"
    assert await values.handle("hello", "get", "k") == "two"
    assert await values.handle("hello", "delete", "k") is None
    assert await values.handle("hello", "get", "k") is None
    assert await values.handle("hello", "delete", "k") is None


async def test_it_is_all_there_after_a_restart(values: PluginValues, database: Database, clock: Clock) -> None:
    await values.handle("hello", "set", "k", "plugin's")
    await page(values, "set", "k", "page's")
    await values.set_pages_read_only(ADMIN, "hello", read_only=True)
    again = await made(database, clock)
    assert await again.handle("hello", "get", "k") == "plugin's"
    assert await page(again, "get", "k") == "page's"
    assert again.pages_read_only("hello")


@pytest.mark.fault("G42", "G43")
async def test_nobody_sees_the_keys_of_others(values: PluginValues) -> None:
    await values.handle("one", "set", "k", "1")
    await values.handle("two", "set", "k", "2")
    await page(values, "set", "k", "3")
    await values.handle("two", "delete", "k")
    assert await values.handle("one", "get", "k") == "1"
    assert await values.handle("hello", "get", "k") is None
    assert await page(values, "get", "k") == "3"


@pytest.mark.fault("G42")
@pytest.mark.parametrize(
    "key", ["%", "_", "k%", "K", "k ", " k", "\0", "k\0", "é", "e\u0301", "🚀", "'", '"; DROP', "\n"]
)
async def test_keys_are_exact(key: str, values: PluginValues) -> None:
    await values.handle("hello", "set", "k", "untouched")
    await values.handle("hello", "set", "é" if key == "e\u0301" else "e\u0301", "other form")
    await values.handle("hello", "set", key, key * 2)
    assert await values.handle("hello", "get", key) == key * 2
    await values.handle("hello", "delete", key)
    assert await values.handle("hello", "get", key) is None
    assert await values.handle("hello", "get", "k") == "untouched"


@pytest.mark.fault("G42")
@pytest.mark.parametrize(
    ("action", "key", "value", "error"),
    [
        ("get", "", None, BadValue),
        ("get", "k" * (MAX_KEY + 1), None, BadValue),
        ("get", "é" * (MAX_KEY // 2) + "k", None, BadValue),
        ("get", None, None, BadValue),
        ("get", 7, None, BadValue),
        ("get", "\ud800", None, BadValue),
        ("set", "k", "\udfff", BadValue),
        ("set", "k", None, BadValue),
        ("set", "k", 7, BadValue),
        ("set", "k", {"a": 1}, BadValue),
        ("set", "k", "v" * (MAX_VALUE + 1), TooLarge),
        ("set", "k", "é" * (MAX_VALUE // 2) + "v", TooLarge),
        ("list", "k", None, BadValue),
        (None, "k", None, BadValue),
        (["get"], "k", None, BadValue),
    ],
)
async def test_what_is_no_call_is_refused_with_a_sentence(
    action: object, key: object, value: object, error: type[ToruError], values: PluginValues
) -> None:
    with pytest.raises(error, match=r"\.$"):
        await values.handle("hello", action, key, value)
    with pytest.raises(error):
        await values.handle_page(ADMIN, "hello", ValueCall(action, key, value))


async def test_the_largest_key_and_value_fit(values: PluginValues) -> None:
    key, value = "é" * (MAX_KEY // 2), "\0" * MAX_VALUE
    await values.handle("hello", "set", key, value)
    assert await values.handle("hello", "get", key) == value
    assert await values.handle("hello", "set", "empty", "") == ""
    assert await values.handle("hello", "get", "empty") == ""


async def fill(values: PluginValues, plugin_id: str = "hello") -> int:
    """Sets values of 1 MiB until there is no room; answers how many fit."""
    for number in range(20):
        try:
            await values.handle(plugin_id, "set", str(number), "x" * MAX_VALUE)
        except TooLarge:
            return number
    raise AssertionError("There is room for ever.")


@pytest.mark.fault("G42")
async def test_a_plugin_and_its_pages_share_10_mib_and_others_are_untouched(values: PluginValues) -> None:
    await page(values, "set", "p", "x" * 600 * KIB)
    assert await fill(values) == 9
    with pytest.raises(TooLarge, match="10 MiB"):
        await page(values, "set", "q", "x" * 600 * KIB)
    assert await page(values, "set", "q", "small") == "small"
    assert await fill(values, "other") == 9
    assert await values.handle("hello", "get", "9") is None
    assert await values.handle("hello", "get", "8") == "x" * MAX_VALUE


async def test_room_is_counted_exactly_also_after_a_restart(
    values: PluginValues, database: Database, clock: Clock
) -> None:
    assert await fill(values) == 9
    left = QUOTA - 9 * (1 + MAX_VALUE + ENTRY)
    for store in (values, await made(database, clock)):
        with pytest.raises(TooLarge):
            await store.handle("hello", "set", "é", "x" * (left - 2 - ENTRY + 1))
        await store.handle("hello", "set", "é", "é" * ((left - 2 - ENTRY) // 2))
        await store.handle("hello", "delete", "é")
    await values.handle("hello", "set", "0", "short")  # replacing makes room
    await values.handle("hello", "set", "9", "x" * (MAX_VALUE - 10))


@pytest.mark.fault("G42")
async def test_ten_thousand_keys_change_nothing_for_the_next(values: PluginValues, database: Database) -> None:
    rows = [PluginValueRow(plugin_id="hello", namespace="plugin", key=f"key-{n}", value=str(n)) for n in range(10_000)]
    await database.write(lambda session: session.add_all(rows))
    assert await values.handle("hello", "set", "key-7", "seven") == "seven"
    assert await values.handle("hello", "set", "one more", "x") == "x"
    found = await asyncio.gather(*(values.handle("hello", "get", f"key-{n}") for n in range(0, 10_000, 700)))
    assert found == [str(n) for n in range(0, 10_000, 700)]
    assert await fill(values) == 9  # the small ones fill less than what nine leave


async def test_a_write_that_failed_counts_nothing(
    values: PluginValues, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await fill(values) == 9
    write = database.write

    async def failing(work: object) -> None:
        def then_fail(session: object) -> None:
            work(session)  # type: ignore[operator]
            raise Unavailable("The disk is full.")

        await write(then_fail)

    with monkeypatch.context() as patch:
        patch.setattr(database, "write", failing)
        with pytest.raises(Unavailable):
            await values.handle("hello", "delete", "0")
    with pytest.raises(TooLarge):
        await values.handle("hello", "set", "9", "x" * MAX_VALUE)
    assert await values.handle("hello", "get", "0") == "x" * MAX_VALUE


# -- at once


@pytest.mark.fault("G42")
async def test_of_many_who_change_a_value_that_they_expect_one_wins(values: PluginValues) -> None:
    async def swap(number: int, expected: str | None) -> bool:
        try:
            await values.handle_page(CLIENT, "hello", ValueCall("set", "k", str(number), expected))
        except Conflict:
            return False
        return True

    assert sum(await asyncio.gather(*(swap(number, None) for number in range(30)))) == 1
    first = await page(values, "get", "k")
    assert sum(await asyncio.gather(*(swap(number, first) for number in range(100, 130)))) == 1
    with pytest.raises(Conflict):
        await values.handle_page(CLIENT, "hello", ValueCall("delete", "k", expected="foreign"))
    assert await page(values, "get", "k") is not None


@pytest.mark.fault("G42")
async def test_deleting_and_setting_at_once_leaves_one_or_none_and_the_count_right(values: PluginValues) -> None:
    calls = [page(values, "set" if n % 2 else "delete", "k", "x" * 100 * KIB) for n in range(200)]
    await asyncio.gather(*calls)
    await page(values, "delete", "k")
    assert await fill(values) == 9


# -- who may


@pytest.mark.fault("G43")
async def test_pages_that_an_admin_made_read_only_are_read_only_for_clients(values: PluginValues) -> None:
    await page(values, "set", "k", "v")
    await values.set_pages_read_only(ADMIN, "hello", read_only=True)
    for action in ("set", "delete"):
        with pytest.raises(Forbidden, match="read-only"):
            await page(values, action, "k", "w")
    assert await page(values, "get", "k") == "v"
    assert await page(values, "set", "k", "w", ADMIN) == "w"
    assert await values.handle("hello", "set", "k", "the plugin itself may") == "the plugin itself may"
    assert await values.handle_page(CLIENT, "other", ValueCall("set", "k", "v")) == "v"
    await values.set_pages_read_only(ADMIN, "hello", read_only=False)
    assert await page(values, "set", "k", "x") == "x"


async def test_only_a_proved_admin_decides_that_and_the_audit_knows(values: PluginValues, database: Database) -> None:
    with pytest.raises(Forbidden):
        await values.set_pages_read_only(CLIENT, "hello", read_only=True)
    unproved = Actor(None, "admin", "A", Role.ADMIN, session_id="s", has_second_factor=True)
    with pytest.raises(StepUpNeeded):
        await values.set_pages_read_only(unproved, "hello", read_only=True)
    assert not values.pages_read_only("hello")
    await values.set_pages_read_only(ADMIN, "hello", read_only=True)
    sql = "SELECT what, target, detail FROM audit"
    rows = await database.read(lambda session: session.connection().exec_driver_sql(sql).fetchall())
    assert [tuple(row) for row in rows] == [("plugin.changed", "hello", '{"pages_read_only": true}')]


@pytest.mark.parametrize(
    ("actor", "may_get", "may_set"),
    [
        (ADMIN, True, True),
        (CLIENT, True, True),
        (with_scopes(ADMIN, "admin"), True, True),
        (with_scopes(ADMIN, "read"), True, False),
        (with_scopes(CLIENT, "read"), True, False),
        (with_scopes(CLIENT, "run:x"), False, False),
    ],
)
async def test_tokens_do_what_they_were_made_for(
    actor: Actor, may_get: bool, may_set: bool, values: PluginValues
) -> None:
    for action, may in (("get", may_get), ("set", may_set), ("delete", may_set)):
        if may:
            await page(values, action, "k", "v", actor)
        else:
            with pytest.raises(Forbidden, match="token"):
                await page(values, action, "k", "v", actor)


async def test_what_is_refused_is_not_counted_anew(
    values: PluginValues, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counting takes long where much is kept, and there is one writer for everybody."""
    for number in range(10):
        await values.handle("hello", "set", str(number), "x" * (MAX_VALUE - 100))
    counted: list[object] = []

    def count(what: object) -> object:
        counted.append(what)
        return real(what)

    real = func.sum
    monkeypatch.setattr(func, "sum", count, raising=False)
    for _ in range(5):
        with pytest.raises(TooLarge):
            await values.handle("hello", "set", "more", "x" * MAX_VALUE)
        with pytest.raises(Conflict):
            await values.handle_page(ADMIN, "hello", ValueCall("set", "k", "v", expected="other"))
    assert counted == []


async def test_the_count_may_be_dropped_at_any_moment(values: PluginValues) -> None:
    class Dropping(dict[str, int]):
        def __setitem__(self, key: str, value: int) -> None:
            pass

    values._used = Dropping()
    assert await values.handle("hello", "set", "k", "v") == "v"
