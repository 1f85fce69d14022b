"""Backups on the settings page: made, shown, taken away, deleted, scheduled."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from nicegui import ui
from nicegui.testing import User
from playwright.async_api import expect

from app.core.permissions import Actor
from app.services import Services
from tests.support.browser import OpenPage
from tests.support.inprocess import AsUser
from tests.support.waiting import eventually
from tests.ui.forms import choose, field, submit
from ui.components.table import DataTable

ADMIN = Actor.system()


@pytest.fixture(autouse=True)
async def nothing_stays(services: Services) -> AsyncIterator[None]:
    yield
    for view in (await services.backups.state(ADMIN)).backups:
        await services.backups.delete(ADMIN, view.name)
    for key, value in (("backup_every", "off"), ("backup_keep", "7"), ("backup_outputs", "no"), ("backup_folder", "")):
        await services.settings.put(ADMIN, key, value)


async def one(services: Services) -> str:
    """A backup."""
    path = await services.backups.start(ADMIN)
    await services.backups.wait(ADMIN)
    return path.name


def press(user: User, row: str, name: str) -> None:
    user.find(DataTable).trigger("action", {"row": row, "name": name})


async def test_without_any_the_page_says_what_they_are(as_user: AsUser) -> None:
    user = await as_user()
    await user.open("/settings")
    await user.should_see("No backups yet")
    await user.should_see("only by hand")


async def test_one_is_made_with_a_passphrase_typed_twice(as_user: AsUser, services: Services) -> None:
    user = await as_user()
    await user.open("/settings")
    user.find("Back up now").click()
    await user.should_see("Passphrase once more")
    field(user, "Passphrase").value = "some words"
    field(user, "Passphrase once more").value = "other words"
    user.find("Begin").click()
    await user.should_see("This is another one.")
    assert (await services.backups.state(ADMIN)).running_since is None
    field(user, "Passphrase once more").value = "some words"
    user.find("Begin").click()

    async def is_there() -> bool:
        return bool((await services.backups.state(ADMIN)).backups)

    await eventually(is_there, 50)
    await user.should_see(DataTable)
    [table] = user.find(DataTable).elements
    [row] = table.props["rows"]
    assert (row["protection"]["text"], row["how"]) == ("Encrypted", "By hand")


async def test_deleting_asks_first(as_user: AsUser, services: Services) -> None:
    name = await one(services)
    user = await as_user()
    await user.open("/settings")
    await user.should_see(DataTable)
    press(user, name, "delete")
    await user.should_see("Delete this backup?")
    user.find(kind=ui.button, content="Delete").click()
    await user.should_see("No backups yet")


async def test_what_failed_is_shown(as_user: AsUser, services: Services) -> None:
    key = services.config.data_dir / "backup-passphrase"
    key.write_text("words")
    key.chmod(0o644)
    user = await as_user()
    await user.open("/settings")
    user.find("Back up now").click()
    await user.should_see("Passphrase once more")
    user.find("Begin").click()
    await user.should_see("The last try failed:")
    key.unlink()
    await one(services)
    await user.should_not_see("The last try failed:")


async def test_a_folder_that_is_gone_is_said_and_not_that_there_never_were_any(
    as_user: AsUser, services: Services, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    await services.settings.put(ADMIN, "backup_folder", str(disk))
    disk.rmdir()
    user = await as_user()
    await user.open("/settings")
    await user.should_see("Is its disk there?")
    await user.should_not_see("No backups yet")


async def test_a_schedule_is_saved(as_user: AsUser, services: Services) -> None:
    user = await as_user()
    await user.open("/settings")
    choose(user, "Back up", "1d")
    field(user, "Scheduled backups kept").value = "3"
    submit(user, "Save schedule")
    await user.should_see("Settings saved.")
    assert services.settings.backup_every is not None
    assert services.settings.backup_keep == 3
    await user.should_not_see("only by hand")


async def test_in_a_browser_one_is_made_and_taken_away(open_page: OpenPage) -> None:
    page = await open_page("/settings", phone=True, dark=True)
    await page.get_by_role("button", name="Back up now").click()
    await page.get_by_role("button", name="Begin").click()
    take = page.get_by_role("button", name="Download the backup of").first
    await expect(take).to_be_visible(timeout=50_000)
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    box = await take.bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) >= 44
    async with page.expect_download() as begun:
        await take.click()
    download = await begun.value
    assert download.suggested_filename.endswith(".tar.gz")
    with (await download.path()).open("rb") as file:
        assert file.read(2) == b"\x1f\x8b"
    await page.get_by_role("button", name="Delete the backup of").first.click()
    await page.get_by_role("button", name="Delete", exact=True).click()
    await expect(page.get_by_text("No backups yet")).to_be_visible()
