"""Licences from end to end: plugins that want one, what they are handed, and what their card says."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.core.errors import Forbidden, NotFound
from app.plugins.licences import AlteredKey, ExpiredKey, MalformedKey, make_hmac_key, make_signed_key, public_key_text
from app.plugins.licensing import Licensing
from app.plugins.schemas import LicenseState, PluginState
from tests.plugins.conformance.test_license_rules import CHECKS_HMAC, PRIVATE, SECRET, licensed
from tests.plugins.support import ADMIN, CARLA, Plugged, open_plugged, write
from tests.support.database import MovedClock

PUBLIC = {"license": "required", "license_public_key": public_key_text(PRIVATE.public_key().public_bytes_raw())}
SHOWS = 'serve1(lambda request: answer(request, os.environ.get("TORU_LICENSE_KEY", "none")))'
REFUSES_INIT = """
connection, _ = listen().accept()
if read(connection)["payload"]["license_key"] is None:
    sys.stderr.write("This plugin does not like its key.\\n")
    sys.stderr.flush()
    connection.close()
    time.sleep(0.1)
    os._exit(78)
say(connection, "ready", {"protocol": "2"})
wait()
"""


def licensing(plugged: Plugged) -> Licensing:
    return Licensing(plugged.plugins, plugged.licences)


async def paid(plugged: Plugged, tmp_path: Path) -> None:
    """A plugin that checks its key as those do that exist, enabled and refusing."""
    write(plugged.folder / "plain-one.binary", licensed(tmp_path, CHECKS_HMAC).read_text())
    await plugged.until("plain-one", lambda view: True)
    await plugged.plugins.enable(ADMIN, "plain-one")
    view = await plugged.until_state("plain-one", PluginState.GIVEN_UP)
    assert view.reason == "This plugin needs a licence."
    assert (view.license, view.restarts, view.enabled) == (LicenseState.REQUIRED, 0, False)


def key(plugged: Plugged, expires: date | None = None) -> str:
    return make_hmac_key(SECRET, plugged.settings.instance_id, expires)


async def test_a_plugin_without_its_licence_says_why_and_a_key_brings_it_up(plugged: Plugged, tmp_path: Path) -> None:
    await paid(plugged, tmp_path)
    view = await licensing(plugged).store(ADMIN, "plain-one", key(plugged))
    assert view is not None
    assert view.problem is None
    plugin = await plugged.until_state("plain-one", PluginState.READY)
    assert (plugin.license, plugin.enabled, plugin.reason) == (LicenseState.STORED, True, None)
    assert (await plugged.ask("plain-one")).status == 200
    assert key(plugged) not in plugged.log_of("plain-one")


async def test_removing_the_key_ends_what_it_allowed_and_deletes_nothing(plugged: Plugged, tmp_path: Path) -> None:
    await paid(plugged, tmp_path)
    await licensing(plugged).store(ADMIN, "plain-one", key(plugged))
    await plugged.until_state("plain-one", PluginState.READY)
    await plugged.values.handle("plain-one", "set", "kept", "yes")
    await licensing(plugged).remove(ADMIN, "plain-one")
    await plugged.until_state("plain-one", PluginState.GIVEN_UP)
    assert await licensing(plugged).view(ADMIN, "plain-one") is None
    assert await plugged.values.handle("plain-one", "get", "kept") == "yes"


async def test_a_key_is_handed_to_the_plugin_and_to_no_other(plugged: Plugged) -> None:
    await plugged.ready("shows", SHOWS)
    await plugged.ready("other", SHOWS)
    await licensing(plugged).store(ADMIN, "shows", key(plugged))
    await plugged.until_state("shows", PluginState.READY)
    assert (await plugged.ask("shows")).body.decode() == key(plugged)
    assert (await plugged.ask("other")).body == b"none"


async def test_the_plugins_own_public_key_tells_an_altered_key_at_once(plugged: Plugged) -> None:
    plugged.write("shows", SHOWS, **PUBLIC)
    await plugged.until("shows", lambda view: True)
    instance = plugged.settings.instance_id
    forged = make_signed_key(Ed25519PrivateKey.generate(), "shows", instance, None)
    with pytest.raises(AlteredKey):
        await licensing(plugged).store(ADMIN, "shows", forged)
    good = make_signed_key(PRIVATE, "shows", instance, None)
    await licensing(plugged).store(ADMIN, "shows", good)
    assert plugged.licences.key_of("shows") == good
    view = await plugged.plugins.get(ADMIN, "shows")
    assert view.state is PluginState.DISABLED, "nobody enabled it"


@pytest.mark.parametrize("text", ["x", 7, public_key_text(bytes(32))[:-1], ""])
async def test_a_public_key_that_is_none_is_told(text: object, plugged: Plugged) -> None:
    plugged.write("shows", SHOWS, license_public_key=text)
    assert "must be the 43 characters" in await plugged.until_problem("shows.binary")


async def test_a_plugin_of_protocol_2_gets_its_key_in_init_and_may_refuse_it(plugged: Plugged) -> None:
    plugged.write("strict", REFUSES_INIT, protocol="2")
    await plugged.until("strict", lambda view: True)
    await plugged.plugins.enable(ADMIN, "strict")
    view = await plugged.until_state("strict", PluginState.GIVEN_UP)
    assert (view.reason, view.restarts) == ("This plugin does not like its key.", 0)
    await licensing(plugged).store(ADMIN, "strict", key(plugged))
    await plugged.until_state("strict", PluginState.READY)


async def test_only_admins_see_and_change_licences(plugged: Plugged) -> None:
    plugged.write("shows", SHOWS)
    await plugged.until("shows", lambda view: True)
    with pytest.raises(Forbidden):
        await licensing(plugged).view(CARLA, "shows")
    with pytest.raises(Forbidden):
        await licensing(plugged).store(CARLA, "shows", key(plugged))
    with pytest.raises(Forbidden):
        await licensing(plugged).remove(CARLA, "shows")
    with pytest.raises(NotFound):
        await licensing(plugged).store(ADMIN, "nobody", key(plugged))
    with pytest.raises(MalformedKey):
        await licensing(plugged).store(ADMIN, "shows", "x")


async def test_the_key_of_a_plugin_whose_file_is_gone_can_be_removed(plugged: Plugged) -> None:
    file = plugged.write("shows", SHOWS)
    await plugged.until("shows", lambda view: True)
    await licensing(plugged).store(ADMIN, "shows", key(plugged))
    file.unlink()
    async with asyncio.timeout(15):
        while await plugged.plugins.list(ADMIN):
            await asyncio.sleep(0.02)
    await licensing(plugged).remove(ADMIN, "shows")
    assert plugged.licences.key_of("shows") is None


async def test_a_clock_that_was_set_back_starts_no_plugin(database_template: Path, tmp_path: Path) -> None:
    """The plugin itself would be content: it sees only the clock."""
    clock = MovedClock()
    async with open_plugged(database_template, clock) as plugged:
        await paid(plugged, tmp_path)
        today = datetime.now(UTC).date()
        await licensing(plugged).store(ADMIN, "plain-one", key(plugged, today + timedelta(days=3)))
        await plugged.until_state("plain-one", PluginState.READY)
        plugged.licences._seen = datetime.now(UTC) + timedelta(days=5)
        view = await plugged.plugins.get(ADMIN, "plain-one")
        assert (view.state, view.license) == (PluginState.READY, LicenseState.INVALID), "what runs is left alone"
        await plugged.plugins.restart(ADMIN, "plain-one")
        view = await plugged.until_state("plain-one", PluginState.GIVEN_UP)
        assert "before it was set back" in str(view.reason)
        await licensing(plugged).store(ADMIN, "plain-one", key(plugged, today + timedelta(days=60)))
        await plugged.until_state("plain-one", PluginState.READY)


async def test_a_key_that_has_run_out_is_told_before_the_plugin_is_asked(plugged: Plugged, tmp_path: Path) -> None:
    await paid(plugged, tmp_path)
    with pytest.raises(ExpiredKey):
        await licensing(plugged).store(ADMIN, "plain-one", key(plugged, date(2020, 1, 1)))
    assert (await plugged.plugins.get(ADMIN, "plain-one")).state is PluginState.GIVEN_UP
