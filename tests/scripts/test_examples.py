"""The scripts that come with the product: listed with a description, and they run on this machine."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from app.runs.catalog import ScriptCatalog

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
NAMES = ScriptCatalog(SCRIPTS).names()


def test_each_has_a_description_and_runs_as_it_is() -> None:
    scripts = ScriptCatalog(SCRIPTS).scripts()
    assert len(scripts) >= 3
    for script in scripts:
        assert script.executable, f"chmod 755 scripts/{script.name}"
        assert script.description, f"scripts/{script.name} needs a line of comment below its first line"
        assert script.warning is None


@pytest.mark.parametrize("name", NAMES)
def test_ends_well_without_a_terminal(name: str) -> None:
    refuses = name == "update-check.sh" and shutil.which("apt-get") is None  # it says so and ends
    environment = {"PATH": os.environ["PATH"], "HOME": "/", "LANG": "C.UTF-8"}
    done = subprocess.run(
        [SCRIPTS / name],
        cwd="/",
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode != 0) == refuses, done.stderr
    assert bool(done.stdout) != refuses
    assert bool(done.stderr) == refuses
