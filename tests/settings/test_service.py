"""Settings: values that hold at once and after a restart, and sentences for those that do not."""

import asyncio
import os
from pathlib import Path

import pytest
from sqlalchemy import text

from app.audit.trail import AuditTrail
from app.core.clock import Clock
from app.core.config import ROOT, Config, load_config
from app.core.database import Database
from app.core.errors import BadValue, Forbidden, NotFound
from app.core.permissions import Actor, Role
from app.settings.service import SettingsService

SYSTEM = Actor.system()
CLIENT = Actor("some-id", "carl", "Carl", Role.CLIENT)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "scripts").mkdir()
    return load_config({"TORU_SCRIPTS_DIR": str(tmp_path / "scripts")}, env_file=None)


@pytest.fixture
async def settings(database: Database, config: Config) -> SettingsService:
    service = SettingsService(database, config, AuditTrail(database, Clock()), Clock())
    await service.open()
    return service


async def again(database: Database, config: Config) -> SettingsService:
    """The service of the next start."""
    service = SettingsService(database, config, AuditTrail(database, Clock()), Clock())
    await service.open()
    return service


async def test_the_first_values(settings: SettingsService, tmp_path: Path) -> None:
    assert settings.scripts_dir == tmp_path / "scripts"
    assert (settings.max_runs, settings.max_queued, settings.run_timeout) == (20, 200, 0)
    assert settings.output_cap == 64 * 1024 * 1024
    assert settings.require_second_factor is False
    listed = {view.key: view.value for view in settings.list(SYSTEM)}
    assert listed.pop("instance_id") == settings.instance_id
    assert listed == {
        "scripts_dir": str(tmp_path / "scripts"),
        "max_runs": "20",
        "output_cap_mb": "64",
        "run_timeout": "0",
        "require_second_factor": "no",
        "enable_new_plugins": "no",
        "keep_runs_days": "365",
        "keep_runs": "100000",
        "keep_output_days": "0",
        "keep_output_mb": "10240",
        "keep_sign_ins_days": "365",
        "keep_logs_days": "0",
        "backup_every": "off",
        "backup_keep": "7",
        "backup_outputs": "no",
        "backup_folder": "",
    }


async def test_a_change_holds_at_once_and_after_a_restart(
    settings: SettingsService, database: Database, config: Config, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    assert (await settings.put(SYSTEM, "scripts_dir", f" {tmp_path}/scripts/../other/ ")).value == str(
        tmp_path / "other"
    )
    await settings.put(SYSTEM, "max_runs", " 007 ")
    for service in (settings, await again(database, config)):
        assert service.scripts_dir == tmp_path / "other"
        assert service.max_runs == 7


async def test_the_instance_id_is_made_once_and_cannot_be_changed(
    settings: SettingsService, database: Database, config: Config
) -> None:
    assert (await again(database, config)).instance_id == settings.instance_id
    with pytest.raises(Forbidden, match="Instance cannot be changed"):
        await settings.put(SYSTEM, "instance_id", "mine")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("max_runs", value) for value in ("", "0", "201", "-1", "1.5", "٣", "1e1", "9" * 5000, "ten")),
        *(("output_cap_mb", value) for value in ("23", "16385")),
        *(("run_timeout", value) for value in ("-1", "31536001")),
        *(("scripts_dir", value) for value in ("", " ", "/no/such/folder", "/etc/passwd", "~no-such-user", "a\0b")),
        *(("scripts_dir", value) for value in ("x" * 4000, "/" + "y" * 300, "\ud800", "a\nb")),
    ],
)
async def test_a_value_that_does_not_fit_is_refused_with_a_sentence(
    key: str, value: str, settings: SettingsService, database: Database, config: Config
) -> None:
    before = settings.list(SYSTEM)
    with pytest.raises(BadValue) as told:
        await settings.put(SYSTEM, key, value)
    assert len(str(told.value)) < 300
    assert settings.list(SYSTEM) == before
    assert (await again(database, config)).list(SYSTEM) == before


async def test_a_relative_folder_counts_from_the_folder_of_toru(
    settings: SettingsService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    await settings.put(SYSTEM, "scripts_dir", os.path.relpath(tmp_path / "scripts", ROOT))
    assert settings.scripts_dir == tmp_path / "scripts"


async def test_an_unknown_setting_is_not_found(settings: SettingsService) -> None:
    with pytest.raises(NotFound):
        await settings.put(SYSTEM, "colour", "red")


async def test_clients_neither_see_nor_change_settings(settings: SettingsService) -> None:
    with pytest.raises(Forbidden):
        settings.list(CLIENT)
    with pytest.raises(Forbidden):
        await settings.put(CLIENT, "max_runs", "1")
    assert settings.max_runs == 20


async def test_who_follows_is_told_of_each_change_until_it_stops(settings: SettingsService) -> None:
    told: list[str] = []
    stop = settings.subscribe(told.append)
    await settings.put(SYSTEM, "max_runs", "3")
    stop()
    await settings.put(SYSTEM, "max_runs", "4")
    assert told == ["max_runs"]


async def test_the_last_of_many_changes_at_once_is_the_one_that_is_kept(
    settings: SettingsService, database: Database, config: Config
) -> None:
    await asyncio.gather(*(settings.put(SYSTEM, "max_runs", str(number)) for number in range(1, 30)))
    assert (await again(database, config)).max_runs == settings.max_runs


async def test_a_stored_value_that_makes_no_sense_is_not_used_and_named(
    settings: SettingsService, database: Database, config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    rows = "INSERT INTO settings VALUES ('max_runs', 'many'), ('from_the_future', '1'), ('scripts_dir', '/not/mounted')"
    await database.write(lambda session: session.execute(text(rows)))
    service = await again(database, config)
    assert service.max_runs == 20
    assert service.scripts_dir == Path("/not/mounted"), "it may be there again in a moment"
    assert [record.event for record in caplog.records if getattr(record, "event", "") == "setting_unusable"]  # type: ignore[attr-defined]
