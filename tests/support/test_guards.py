"""The guards that watch every test are watched here: each is seen to find what it is there for."""

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import FunctionType

import psutil
import pytest

from app import core
from tests.support.blocking import BlockingGuard
from tests.support.chromium import is_snap_stub
from tests.support.logs import LogWatch
from tests.support.processes import ProcessWatch
from tests.support.waiting import eventually


def as_product(name: str, source: str) -> FunctionType:
    """A function that looks as if it stood in a file of the product."""
    path = Path(core.__file__ or "").parent / "made_up.py"
    names: dict[str, FunctionType] = {}
    exec(compile(source, str(path), "exec"), {"__name__": "app.core.made_up"}, names)
    return names[name]


SLEEPS = as_product("sleeps", "def sleeps():\n    import time\n    time.sleep(0)")
READS = as_product("reads", "def reads():\n    from pathlib import Path\n    Path('/proc/self/stat').read_text()")


@pytest.mark.allows_blocking
async def test_blocking_the_loop_is_found(blocking_guard: BlockingGuard) -> None:
    with blocking_guard.watching():
        SLEEPS()
        READS()
        await asyncio.to_thread(SLEEPS)
        time.sleep(0)  # not the product's
        found = list(blocking_guard.found)
    assert [text.split(".")[0] for text in found] == ["app/core/made_up", "app/core/made_up"]
    assert "time.sleep" in found[0]
    assert "/proc/self/stat" in found[1]


def test_outside_the_loop_anything_may_block(blocking_guard: BlockingGuard) -> None:
    SLEEPS()
    assert blocking_guard.found == []


async def test_a_process_that_hides_is_found() -> None:
    watch = ProcessWatch()
    before = set(watch.living())
    hidden = "import subprocess; subprocess.Popen(['setsid', 'sleep', '600'], start_new_session=True)"
    subprocess.run([sys.executable, "-c", hidden], check=True)

    def hides() -> bool:
        """Whether the last of those that start one another is there."""
        with contextlib.suppress(psutil.Error):
            return any(process.cmdline() == ["sleep", "600"] for process in set(watch.living()) - before)
        return False

    await eventually(hides)
    left = watch.left_behind(before, grace=0.1)
    assert [line.partition(": ")[2] for line in left] == ["sleep 600"]
    assert watch.left_behind(before, grace=1) == []


async def test_what_the_browser_starts_late_is_its_own(tmp_path: Path) -> None:
    watch, late = ProcessWatch(), tmp_path / "chrome_crashpad_handler"
    shutil.copy(shutil.which("sleep") or "", late)
    before = set(watch.living())
    with subprocess.Popen([late, "600"], start_new_session=True) as process:
        await eventually(lambda: psutil.Process(process.pid).name() == late.name)
        assert {one.pid for one in set(watch.living()) - before} == {process.pid}
        watch.keep_named(late.name)
        assert set(watch.living()) <= before
        process.kill()


def test_errors_in_a_log_are_found_once(tmp_path: Path) -> None:
    log = LogWatch(tmp_path / "toru.log")
    assert log.errors() == []
    lines = [{"level": "info", "message": "fine"}, {"level": "error", "message": "broken"}]
    log.path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert [text.strip() for text in log.errors()] == ["broken"]
    assert log.errors() == []
    with log.path.open("a") as file:
        file.write(json.dumps(lines[1]) + "\n")
    assert log.errors(allowed="brok") == []


def test_a_snap_stub_is_told_from_a_browser(tmp_path: Path) -> None:
    stub, browser = tmp_path / "chromium-browser", tmp_path / "chromium"
    stub.write_text('#!/bin/sh\nexec /snap/bin/chromium "$@"\n')
    browser.write_text('#!/bin/sh\nexec /usr/lib/chromium/chromium "$@"\n')
    assert is_snap_stub(stub)
    assert not is_snap_stub(browser)


def test_the_password_of_the_tests_is_not_in_their_environment() -> None:
    assert "ADMIN_PASSWORD" not in os.environ
