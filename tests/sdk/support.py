"""Plugins that tests write with the SDK, and the examples as files that Toru runs."""

import os
import subprocess
import sys
from pathlib import Path

from tests.cli import calling
from tests.support.server import ROOT

PLUGINS = ROOT / "plugins"
SDK = PLUGINS / "sdk"
INSTANCE = "3f2b8c1e-5d47-4a90-9c1b-7e6f0a1d2c3b"

HEAD = """#!{python} -IS
import sys
sys.path.insert(0, {sdk!r})
from toru_plugin import *
plugin = Plugin(id={id!r}, name="Made", version="1.0", description="Made by a test.")
{code}
plugin.run()
"""


def write_plugin(folder: Path, code: str = "", id: str = "made") -> Path:
    """An executable plugin, there at once: its id, then Python."""
    draft = folder / f".{id}.draft"
    draft.write_text(HEAD.format(python=sys.executable, sdk=str(SDK), id=id, code=code))
    draft.chmod(0o755)
    return draft.rename(folder / f"{id}.binary")


def python(*arguments: object, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs Python with the SDK at hand."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(SDK), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def toru(*arguments: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a command of `toru`, as if typed in a folder; as a process of its own where it starts some itself."""
    call = calling.toru_process if "check" in arguments else calling.toru
    words = [str(argument) for argument in arguments]
    done = call(Path("/nowhere"), *words, TORU_CALLED_FROM=str(cwd), **environment)
    return subprocess.CompletedProcess(words, done.code, done.out, done.err)


def packed(name: str, folder: Path) -> Path:
    """An example as one file in a folder."""
    done = toru("plugin", "pack", PLUGINS / name, "--into", folder, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return folder / f"{name}.binary"
