"""The settings page: limits are judged by the service, quick actions are made, changed, ordered and deleted."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from nicegui import ui
from nicegui.testing import User

from app.core.permissions import Actor
from app.services import Services
from app.settings.catalog import KEEP_SIGN_INS_DAYS
from tests.support.inprocess import AsUser
from tests.ui.forms import choose, field, submit
from ui.components.action_icon import IconPicker
from ui.components.check_list import CheckList
from ui.components.table import DataTable

ADMIN = Actor.system()


@pytest.fixture
def script(services: Services) -> Iterator[str]:
    path = services.settings.scripts_dir / "hello.sh"
    path.write_text("#!/bin/sh\necho hello\n")
    path.chmod(0o755)
    yield path.name
    path.unlink()


@pytest.fixture(autouse=True)
async def no_actions(services: Services) -> AsyncIterator[None]:
    yield
    for action in await services.actions.list(ADMIN):
        await services.actions.delete(ADMIN, action.id)


@pytest.fixture
async def usual_limits(services: Services) -> AsyncIterator[None]:
    kept = {view.key: view.value for view in services.settings.list(ADMIN) if view.setting.writable}
    yield
    for key, value in kept.items():
        await services.settings.put(ADMIN, key, value)


async def test_a_changed_limit_is_saved_and_takes_effect(
    as_user: AsUser, services: Services, usual_limits: None
) -> None:
    user = await as_user()
    await user.open("/settings")
    field(user, "Runs at once").value = "7"
    submit(user, "Save changes")
    await user.should_see("Settings saved.")
    assert services.settings.max_runs == 7


async def test_a_refused_value_says_why_at_its_field_and_the_others_are_saved(
    as_user: AsUser, services: Services, usual_limits: None, tmp_path: Path
) -> None:
    user = await as_user()
    await user.open("/settings")
    field(user, "Runs at once").value = "many"
    field(user, "Scripts folder").value = str(tmp_path)
    submit(user, "Save changes")
    await user.should_see("Runs at once must be a whole number from 1 to 200.")
    assert services.settings.scripts_dir == tmp_path
    assert services.settings.max_runs == 20
    assert user.notify.messages == []


async def test_how_much_is_kept_is_told_and_a_limit_of_it_is_saved(
    as_user: AsUser, services: Services, usual_limits: None
) -> None:
    user = await as_user()
    await user.open("/settings")
    await user.should_see("kept, with")
    field(user, "Sign-ins").value = "90"
    submit(user, "Save limits")
    await user.should_see("Settings saved.")
    assert services.settings.limit(KEEP_SIGN_INS_DAYS) == 90
    field(user, "Number of runs").value = "-1"
    submit(user, "Save limits")
    await user.should_see("Number of runs must be a whole number from 0 to 10000000.")


async def test_a_second_factor_is_asked_of_everybody(as_user: AsUser, services: Services, usual_limits: None) -> None:
    user = await as_user()
    await user.open("/settings")
    choose(user, "Second factor for everybody", "yes")
    submit(user, "Save rules")
    await user.should_see("Settings saved.")
    assert services.settings.require_second_factor


async def test_saving_nothing_says_so(as_user: AsUser) -> None:
    user = await as_user()
    await user.open("/settings")
    submit(user, "Save changes")
    await user.should_see("Nothing has changed.")


async def test_without_quick_actions_the_page_says_what_they_are_for(as_user: AsUser) -> None:
    user = await as_user()
    await user.open("/settings")
    await user.should_see("No quick actions yet")


async def test_a_quick_action_is_made(as_user: AsUser, services: Services, script: str) -> None:
    user = await as_user()
    await user.open("/settings")
    user.find("New").click()
    await user.should_see("New quick action")
    field(user, "Name").value = "Say hello"
    user.find(IconPicker).trigger("change", "rocket")
    user.find("Create").click()
    await user.should_see("Say hello is ready.")
    [action] = await services.actions.list(ADMIN)
    assert (action.name, action.script_path, action.icon) == ("Say hello", script, "rocket")
    assert not action.dangerous
    await user.should_see(DataTable)
    assert [row["name"] for row in rows(user)] == ["Say hello"]


async def test_a_dangerous_quick_action_is_made_marked_and_made_harmless_again(
    as_user: AsUser, services: Services, script: str
) -> None:
    user = await as_user()
    await user.open("/settings")
    user.find("New").click()
    await user.should_see("New quick action")
    field(user, "Name").value = "Restart"
    user.find(CheckList).trigger("change", ["dangerous"])
    user.find("Create").click()
    await user.should_see("Restart is ready.")
    [action] = await services.actions.list(ADMIN)
    assert action.dangerous
    await user.should_see(DataTable)
    assert [row["mark"]["text"] for row in rows(user)] == ["Dangerous"]
    press(user, action.id, "edit")
    await user.should_see("Edit quick action")
    user.find(CheckList).trigger("change", [])
    user.find("Save quick action").click()
    await user.should_see("Quick action saved.")
    assert not (await services.actions.get(ADMIN, action.id)).dangerous


async def test_a_name_is_needed_and_the_dialog_stays(as_user: AsUser, services: Services, script: str) -> None:
    user = await as_user()
    await user.open("/settings")
    user.find("New").click()
    await user.should_see("New quick action")
    user.find("Create").click()
    await user.should_see("A quick action needs a name of 1 to 100 printable characters.")
    await user.should_see("New quick action")
    assert await services.actions.list(ADMIN) == []


async def test_without_scripts_there_is_nothing_to_make(as_user: AsUser) -> None:
    user = await as_user()
    await user.open("/settings")
    user.find("New").click()
    await user.should_see("There is no script in the scripts folder yet.")


async def test_a_quick_action_is_changed_and_keeps_what_was_not_touched(
    as_user: AsUser, services: Services, script: str
) -> None:
    action = await services.actions.create(ADMIN, "Old name", "gone.sh", "🚀")
    user = await as_user()
    await user.open("/settings")
    press(user, action.id, "edit")
    await user.should_see("Edit quick action")
    field(user, "Name").value = "New name"
    user.find("Save quick action").click()
    await user.should_see("Quick action saved.")
    changed = await services.actions.get(ADMIN, action.id)
    assert (changed.name, changed.script_path, changed.icon) == ("New name", "gone.sh", "🚀")


async def test_quick_actions_are_ordered(as_user: AsUser, services: Services) -> None:
    actions = [await services.actions.create(ADMIN, name, "x.sh") for name in ("a", "b", "c")]
    user = await as_user()
    await user.open("/settings")
    press(user, actions[2].id, "up")
    await names_become(user, ["a", "c", "b"])
    press(user, actions[0].id, "down")
    await names_become(user, ["c", "a", "b"])
    assert [action.name for action in await services.actions.list(ADMIN)] == ["c", "a", "b"]
    assert [[a["disabled"] for a in row["actions"][:2]] for row in rows(user)] == [
        [True, False], [False, False], [False, True],
    ]  # fmt: skip


async def test_deleting_asks_first(as_user: AsUser, services: Services) -> None:
    action = await services.actions.create(ADMIN, "Doomed", "x.sh")
    user = await as_user()
    await user.open("/settings")
    press(user, action.id, "delete")
    await user.should_see("Delete quick action?")
    user.find("Cancel").click()
    await user.should_not_see("Delete quick action?")
    assert len(await services.actions.list(ADMIN)) == 1
    press(user, action.id, "delete")
    await user.should_see("Delete quick action?")
    user.find(kind=ui.button, content="Delete").click()
    await user.should_see("No quick actions yet")
    assert await services.actions.list(ADMIN) == []


async def test_what_automation_does_is_seen_at_once(as_user: AsUser, services: Services) -> None:
    user = await as_user()
    await user.open("/settings")
    await services.actions.create(ADMIN, "Made by curl", "x.sh")
    await user.should_see(DataTable)
    assert [row["name"] for row in rows(user)] == ["Made by curl"]


@pytest.mark.allows_errors("a page failed")
async def test_quick_actions_that_cannot_be_read_say_so_and_can_be_tried_again(
    as_user: AsUser, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    await services.actions.create(ADMIN, "Still there", "x.sh")

    async def fail(service: object, actor: Actor) -> list[object]:
        raise OSError("disk on fire")

    with monkeypatch.context() as broken:
        broken.setattr(type(services.actions), "list", fail)
        user = await as_user()
        await user.open("/settings")
        await user.should_see("Something went wrong here. The log says more.")
        await user.should_see("Runs at once")
    user.find("Try again").click()
    await user.should_see(DataTable)
    assert [row["name"] for row in rows(user)] == ["Still there"]


def rows(user: User) -> list[dict[str, Any]]:
    """What the table of quick actions shows."""
    [table] = user.find(DataTable).elements
    return list(table.props["rows"])


def press(user: User, row: str, name: str) -> None:
    """Presses a button of a row, as the browser reports it."""
    user.find(DataTable).trigger("action", {"row": row, "name": name})


async def names_become(user: User, names: list[str]) -> None:
    async with asyncio.timeout(2):
        while [row["name"] for row in rows(user)] != names:
            await asyncio.sleep(0.01)
