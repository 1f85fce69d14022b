"""The process of a plugin made with the SDK: by hand, and how it begins and ends."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.plugins.life import NO_RESTART
from app.plugins.metadata import parse
from tests.plugins.test_protocol_guide import vectors
from tests.sdk.support import INSTANCE, packed, write_plugin
from toru_plugin.frames import Frames
from toru_plugin.testing import running

LIMIT_KB = 15_000
INIT = {"action": "init", "protocols": ["2"], "instance_id": INSTANCE, "plugin_socket": "", "log_path": ""}
NEVER = """
import threading
@plugin.get("/never")
def never(request):
    threading.Event().wait()
@plugin.every(1000)
def tick():
    threading.Event().wait()
"""


TAKEN_BY_A_THREAD = """
import signal, threading
@plugin.get("/end")
def end(request):
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
    threading.Event().wait()
"""


@contextmanager
def started(file: Path, folder: Path, **environment: str) -> Iterator[tuple["subprocess.Popen[str]", Frames]]:
    """A plugin's process and the connection to it; both are over in the end."""
    path = str(folder / "s")
    process = subprocess.Popen(
        [file],
        env={"PATH": os.environ["PATH"], "TORU_PLUGIN_SOCKET": path, "TORU_INSTANCE_ID": INSTANCE, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            connection = socket.socket(socket.AF_UNIX)
            deadline = time.monotonic() + 10
            while True:
                try:
                    connection.connect(path)
                    break
                except OSError:
                    assert time.monotonic() < deadline
                    assert process.poll() is None, process.stderr and process.stderr.read()
                    time.sleep(0.01)
            frames = Frames(connection)
            try:
                yield process, frames
            finally:
                frames.close()
        finally:
            process.kill()


def run(file: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [file, *arguments], env={"PATH": os.environ["PATH"], **environment},
        capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip


def test_started_by_hand_it_explains_itself(tmp_path: Path) -> None:
    done = run(write_plugin(tmp_path))
    assert done.returncode == 0
    assert "Made 1.0 is a plugin for Toru Steering Center. Made by a test." in done.stdout
    assert "copy made.binary into Toru's plugins folder" in done.stdout
    assert "./toru plugin enable made" in done.stdout
    assert len(done.stdout.splitlines()) <= 8


def test_an_unknown_argument_is_named_an_error(tmp_path: Path) -> None:
    done = run(write_plugin(tmp_path), "--metdata")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--metadata" in done.stderr


def test_its_metadata_is_what_the_core_takes(tmp_path: Path) -> None:
    key = vectors()["public key"]
    code = f"plugin.require_license(public_key={key!r})\n@plugin.page\ndef page(): return text('a')"
    done = run(write_plugin(tmp_path, code), "--metadata")
    metadata = parse(done.stdout.encode())
    assert (metadata.id, metadata.route, metadata.protocol, metadata.page) == ("made", "/made", "2", "tree")
    assert metadata.needs_license
    assert metadata.license_public_key is not None
    assert json.loads(done.stdout)["license_public_key"] == key


@pytest.mark.parametrize("end", ["shutdown", "sigterm", "hang up"])
def test_it_ends_at_once_also_amid_requests(tmp_path: Path, end: str) -> None:
    with started(write_plugin(tmp_path, NEVER), tmp_path) as (process, frames):
        frames.send("lifecycle", INIT)
        assert (frames.read() or {})["type"] == "ready"
        request = {"method": "GET", "path": "/never", "headers": {}, "body": "", "body_encoding": "text"}
        for number in range(70):
            frames.send("http", request, f"r{number}")
        frames.send("ping", {})
        assert (frames.read() or {})["type"] == "pong", "amid 70 requests"
        began = time.monotonic()
        if end == "shutdown":
            frames.send("lifecycle", {"action": "shutdown"})
        elif end == "sigterm":
            process.send_signal(signal.SIGTERM)
        else:
            frames.close()
        assert process.wait(5) == 0
        assert time.monotonic() - began < 1


def test_a_signal_that_reaches_another_thread_ends_it_too(tmp_path: Path) -> None:
    """As does one that comes in the moment before the main thread waits: neither wakes that."""
    with started(write_plugin(tmp_path, TAKEN_BY_A_THREAD), tmp_path) as (process, frames):
        frames.send("lifecycle", INIT)
        assert (frames.read() or {})["type"] == "ready"
        request = {"method": "GET", "path": "/end", "headers": {}, "body": "", "body_encoding": "text"}
        frames.send("http", request, "r")
        assert process.wait(5) == 0


def test_a_frame_that_is_none_ends_it_with_a_sentence(tmp_path: Path) -> None:
    with started(write_plugin(tmp_path), tmp_path) as (process, frames):
        frames._connection.sendall(b"\xff\xff\xff\xff")
        assert process.wait(5) == 1
        assert process.stderr is not None
        assert "4294967295 bytes" in process.stderr.read()


def test_a_toru_that_forgot_protocol_2_is_refused(tmp_path: Path) -> None:
    with started(write_plugin(tmp_path), tmp_path) as (process, frames):
        frames.send("lifecycle", {**INIT, "protocols": ["3", "4"]})
        assert process.wait(5) == NO_RESTART
        assert process.stderr is not None
        assert process.stderr.read() == "This plugin speaks protocol 2; this Toru speaks 3, 4.\n"


def test_threads_that_answer_at_once_never_write_into_each_other(tmp_path: Path) -> None:
    big = '@plugin.get("/{letter}")\ndef big(request): return request.params["letter"] * 300_000'
    with started(write_plugin(tmp_path, big), tmp_path) as (_, frames):
        frames.send("lifecycle", INIT)
        frames.read()
        for number in range(64):
            letter = chr(ord("a") + number % 26)
            request = {"method": "GET", "path": f"/{letter}", "headers": {}, "body": "", "body_encoding": "text"}
            frames.send("http", request, f"{letter}{number}")
        for _ in range(64):
            message = frames.read()
            assert message is not None
            assert message["payload"]["body"] == message["request_id"][0] * 300_000


@pytest.mark.parametrize("key", ["", "nonsense", "v2.a.b"])
def test_without_a_good_licence_it_does_not_begin(tmp_path: Path, key: str) -> None:
    file = write_plugin(tmp_path, f"plugin.require_license(public_key={vectors()['public key']!r})")
    environment = {"TORU_PLUGIN_SOCKET": str(tmp_path / "s"), "TORU_INSTANCE_ID": INSTANCE}
    done = run(file, **environment, **({"TORU_LICENSE_KEY": key} if key else {}))
    assert done.returncode == NO_RESTART
    assert re.fullmatch(r"This .*licence key.*\.\n", done.stderr)
    assert not (tmp_path / "s").exists()


def test_with_a_good_licence_it_begins(tmp_path: Path) -> None:
    code = f"plugin.require_license(public_key={vectors()['public key']!r})"
    file = write_plugin(tmp_path, code, id="disk-watch")
    with started(file, tmp_path, TORU_LICENSE_KEY=vectors()["v2 key"]) as (_, frames):
        frames.send("lifecycle", INIT)
        assert (frames.read() or {})["type"] == "ready"


def test_its_process_is_small(tmp_path: Path) -> None:
    with running(packed("hello", tmp_path)) as p:
        for _ in range(20):
            p.get("/greeting?name=Ada")
            p.page().press("Greet")
        children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
        told = Path(f"/proc/{children[-1]}/smaps_rollup").read_text()
    (pss,) = re.findall(r"(?m)^Pss: +(\d+) kB", told)
    assert int(pss) * 1.024 <= LIMIT_KB


def test_only_the_standard_library_is_needed(tmp_path: Path) -> None:
    code = """
import toru_plugin.licences, toru_plugin.packing, toru_plugin.testing
loaded = {name.partition(".")[0] for name in sys.modules}
print(sorted(loaded - set(sys.stdlib_module_names)))
sys.exit()
"""
    done = subprocess.run([write_plugin(tmp_path, code)], capture_output=True, text=True, timeout=20, check=False)
    assert done.stdout.strip() in ("['__main__', 'toru_plugin']", "['toru_plugin']"), done.stderr
    assert sys.version_info >= (3, 11)
