"""A core's side of the runner's socket, blocking and plain, for tests that drive the real process."""

import base64
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.core.framing import FrameReader, encode
from app.runner import protocol
from app.runner.journal import END, RECORD

ROOT = Path(__file__).resolve().parents[2]
CAP = 64 << 20
PYTHON = sys.executable
# Another user, who may still read the Python that root has at home.
NOBODY = (
    "setpriv",
    "--reuid=54321",
    "--regid=54321",
    "--clear-groups",
    "--inh-caps=+dac_override,+dac_read_search",
    "--ambient-caps=+dac_override,+dac_read_search",
)


class Runner:
    """A runner process on a data folder."""

    def __init__(self, data: Path, *, idle_exit: float = 10.0, prefix: tuple[str, ...] = ()) -> None:
        self.data = data
        data.mkdir(parents=True, exist_ok=True)
        self.log = data / "runner.log"
        self._cores: list[Core] = []
        command = [*prefix, *protocol.start_command(ROOT, data, "--idle-exit", str(idle_exit))]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                env={"PATH": os.environ["PATH"]},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.pid = self.process.pid

    def connect(self, *, hello: bool = True) -> "Core":
        core = Core(self.data, hello=hello)
        self._cores.append(core)
        return core

    def stop(self) -> None:
        """SIGTERM, and what that must lead to."""
        for core in self._cores:
            core.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(12)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
            raise AssertionError("The runner did not end on SIGTERM")

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def threads(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/task"))

    def children(self) -> list[int]:
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    def pss(self) -> int:
        """Bytes of memory that are its own share."""
        for line in Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) << 10
        raise AssertionError("no Pss")


class Core:
    """A connection as the core has it; progress is acknowledged as it is read."""

    def __init__(self, data: Path, *, hello: bool = True, patience: float = 20.0) -> None:
        self.data = data
        self.patience = patience
        self.progress: dict[str, list[Any]] = {}
        self.frames = 0  # of progress
        self.ends: list[str] = []  # runs whose end was told, each time it was
        self.acknowledge = True
        self._answers: dict[int, dict[str, Any]] = {}
        self._reader = FrameReader()
        self._serial = 0
        self.socket = self._connect()
        self.runs: dict[str, list[Any]] = {}
        if hello:
            self.hello = self.ask("hello", version=protocol.RUNNER_VERSION)
            self.runs = {row[0]: row for row in self.hello["runs"]}

    def _connect(self) -> socket.socket:
        until = time.monotonic() + self.patience
        while True:
            link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                folder = os.open(protocol.socket_folder(self.data), os.O_PATH | os.O_DIRECTORY)
                try:
                    link.connect(protocol.address(folder, protocol.socket_name()))
                finally:
                    os.close(folder)
            except OSError:
                link.close()
                if time.monotonic() > until:
                    raise
                time.sleep(0.01)
            else:
                return link

    def send(self, **message: Any) -> None:
        self.socket.sendall(encode(message))

    def tell(self, cmd: str, **fields: Any) -> int:
        """Sends a command without waiting for its answer."""
        self._serial += 1
        self.send(id=self._serial, cmd=cmd, **fields)
        return self._serial

    def ask(self, cmd: str, **fields: Any) -> dict[str, Any]:
        """The answer to a command, errors included."""
        return self.answer(self.tell(cmd, **fields))

    def answer(self, serial: int) -> dict[str, Any]:
        self.wait(lambda: serial in self._answers)
        return self._answers.pop(serial)

    def wait(self, done: Callable[[], Any], patience: float | None = None) -> None:
        """Reads frames until `done`."""
        until = time.monotonic() + (patience or self.patience)
        while not done():
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError("The runner did not say what was waited for")
            self.socket.settimeout(left)
            data = self.socket.recv(1 << 16)
            if not data:
                raise ConnectionError("The runner closed the connection")
            for message in self._reader.feed(data):
                self._take(message)

    def _take(self, message: dict[str, Any]) -> None:
        if "p" not in message:
            self._answers[message["re"]] = message
            return
        self.frames += 1
        if self.acknowledge:
            self.send(ack=1)
        for row in message["p"]:
            self.progress[row[0]] = row
            if row[3] is not None:
                self.ends.append(row[0])

    def start(self, *argv: str, run: str = "", **fields: Any) -> str:
        """Starts a program; answers the run's id."""
        run = run or uuid.uuid4().hex
        request = {"env": {"PATH": os.environ["PATH"]}, "cwd": "/", "tty": False, "cap": CAP, "timeout": 0, **fields}
        answer = self.ask("start", run=run, argv=list(argv), **request)
        assert "error" not in answer, answer
        return run

    def bash(self, script: str, **fields: Any) -> str:
        return self.start("/bin/bash", "-c", script, **fields)

    def type(self, run: str, data: bytes) -> dict[str, Any]:
        return self.ask("input", run=run, data=base64.b64encode(data).decode())

    def cancel(self, run: str, grace: float = 5.0) -> bool:
        answer = self.ask("cancel", run=run, grace=grace)
        return bool(answer["already"])

    def end(self, run: str, patience: float | None = None) -> tuple[int, int]:
        """Waits for the end: wait status and flags."""
        self.wait(lambda: self.progress.get(run, [None] * 5)[3] is not None, patience)
        return self.progress[run][3], self.progress[run][4]

    def output(self, run: str) -> bytes:
        return Journal(self.data, run).bytes()

    def wait_output(self, run: str, text: bytes) -> bytes:
        """Waits until the output holds a text."""
        self.wait(lambda: run in self.progress and text in self.output(run))
        return self.output(run)

    def journal(self, run: str) -> "Journal":
        return Journal(self.data, run)

    def close(self) -> None:
        self.socket.close()


class Journal:
    """A run's journal as it lies on disk."""

    def __init__(self, data: Path, run: str) -> None:
        self.folder = data / "runs" / run
        self.bases = sorted(int(path.stem) for path in self.folder.glob("*.seg"))

    def records(self) -> list[tuple[int, int, int, int, int]]:
        """Offset, time, length, stream, flags of every record."""
        found = []
        for base in self.bases:
            raw = (self.folder / f"{base:020d}.seg").read_bytes()
            found += list(RECORD.iter_unpack(raw[: len(raw) // RECORD.size * RECORD.size]))
        return found

    def pieces(self) -> list[tuple[int, bytes]]:
        """Stream and bytes of every record, checked to lie one after the other inside of their part."""
        found = []
        for base in self.bases:
            raw = (self.folder / f"{base:020d}.seg").read_bytes()
            out = (self.folder / f"{base:020d}.out").read_bytes()
            at = base
            for offset, _, length, stream, _ in RECORD.iter_unpack(raw[: len(raw) // RECORD.size * RECORD.size]):
                assert offset == at, "a record does not follow the one before"
                if stream == END:
                    continue
                at += length
                assert at - base <= len(out), "a record covers bytes that are not there"
                found.append((stream, out[offset - base : at - base]))
        return found

    def bytes(self, *streams: int) -> bytes:
        return b"".join(data for stream, data in self.pieces() if not streams or stream in streams)

    def end(self) -> tuple[int, int, int] | None:
        """Final size, wait status and flags."""
        ends = [(offset, length, flags) for offset, _, length, stream, flags in self.records() if stream == END]
        assert len(ends) <= 1, "a run has one end"
        return ends[0] if ends else None

    def disk(self) -> int:
        return sum(path.stat().st_size for path in self.folder.iterdir())


def alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def eventually(done: Callable[[], Any], patience: float = 10.0) -> None:
    """Waits for what no event tells of."""
    until = time.monotonic() + patience
    while not done():
        assert time.monotonic() < until, "it did not come to that"
        time.sleep(0.01)
