"""docs/backup.md: what it says is so."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from app.settings.catalog import BACKUP, SETTINGS
from tests.backup.support import PASSPHRASE, Place, members_of
from tests.support.server import ROOT

GUIDE = (ROOT / "docs" / "backup.md").read_text()


def test_its_program_opens_an_encrypted_backup_without_toru(place: Place, tmp_path: Path) -> None:
    [program] = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    place.backup(tmp_path / "b.tar.gz.enc", PASSPHRASE)
    command = [sys.executable, "-I", "-c", program, "b.tar.gz.enc", "b.tar.gz", PASSPHRASE]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    assert "data/toru.db" in members_of(tmp_path / "b.tar.gz")


def test_it_names_every_setting_with_its_choices() -> None:
    for setting in SETTINGS.values():
        if setting.section == BACKUP:
            [row] = re.findall(rf"\| `{setting.key}` .*", GUIDE)
            assert setting.key == "backup_outputs" or all(f"`{choice}`" in row for choice in setting.choices)


@pytest.mark.allows_blocking  # a command may hold up its own loop
def test_its_commands_work_as_they_are_told(place: Place) -> None:
    made = json.loads(place.toru("backup", "--to", "b.tar.gz", "--with-outputs", "--json").stdout)
    assert made["path"] == str(place.folder / "b.tar.gz")
    assert made["size"] == (place.folder / "b.tar.gz").stat().st_size
    dry = place.toru("restore", "b.tar.gz", "--dry-run", line="kept words\n")
    assert dry.returncode == 2, "the passphrase that is kept has encrypted it"
    whole = place.toru("export", "--to", "everything")
    assert (whole.returncode, whole.stderr) == (0, "")
    assert (place.folder / "everything" / "README.md").is_file()
