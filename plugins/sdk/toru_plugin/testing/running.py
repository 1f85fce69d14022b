"""Runs a plugin for a test: its functions in this process, or its file in a process of its own."""

import os
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from toru_plugin.plugin import Plugin
from toru_plugin.testing.core import INSTANCE, SECONDS, Core


@contextmanager
def running(plugin: Plugin | str | Path) -> Iterator[Core]:
    """Runs a plugin, or an executable file that is one, until the block ends."""
    with _in_this_process(plugin) if isinstance(plugin, Plugin) else _in_its_own(Path(plugin)) as core:
        core.begin()
        yield core


@contextmanager
def _in_this_process(plugin: Plugin) -> Iterator[Core]:
    ours, theirs = socket.socketpair()
    core = Core(ours)
    thread = threading.Thread(target=plugin.serve, args=(theirs,), name="plugin", daemon=True)
    thread.start()
    try:
        yield core
    finally:
        core.end()
        thread.join(SECONDS)
        core.hang_up()
    if thread.is_alive():
        raise AssertionError("The plugin did not end.")


@contextmanager
def _in_its_own(file: Path) -> Iterator[Core]:
    with tempfile.TemporaryDirectory(prefix="toru-") as folder:
        path = f"{folder}/s"
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ") if name in os.environ}
        environment |= {"TORU_PLUGIN_SOCKET": path, "TORU_PLUGIN_ID": file.stem, "TORU_INSTANCE_ID": INSTANCE}
        process = subprocess.Popen([file.absolute()], env=environment, stdin=subprocess.DEVNULL)
        try:
            core = Core(_connected(path, process))
            try:
                yield core
                core.end()
                process.wait(SECONDS)
            finally:
                core.hang_up()
        finally:
            process.kill()
            process.wait()


def _connected(path: str, process: "subprocess.Popen[bytes]") -> socket.socket:
    """Waits until the plugin listens."""
    deadline = time.monotonic() + SECONDS
    while True:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(path)
        except OSError:
            connection.close()
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"The plugin does not listen; its exit code is {process.poll()}.") from None
            time.sleep(0.01)
        else:
            return connection
