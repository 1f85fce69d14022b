"""What the measuring processes do: each function runs in a process of its own, away from server and harness."""

import hashlib
import json
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tests.bench.targets import Target, wait_for
from tests.bench.wire import BINARY, TEXT, Transcript, WebSocket, WireError
from tests.bench.workloads import open_gate

EXIT, STARTED, STDOUT = b'"exit"', b'"started"', b'"stdout"'
LINE_OVERHEAD = 3


@dataclass(frozen=True)
class Stream:
    """One stream: when its script was let go and when its last byte was here (monotonic ns), and what it was."""

    start: int
    end: int
    size: int
    digest: str

    @property
    def rate(self) -> float:
        """MB/s."""
        return self.size / ((self.end - self.start) / 1e9) / 1e6


def read_bytes(target: Target, script: str, gate: Path, size: int, tty: bool = False) -> Stream:
    """Runs a gated script and takes its byte stream."""
    socket = target.start_bytes(script, tty=tty)
    try:
        start = open_gate(gate)
        transcript = socket.read_until(EXIT, size + size // 8 + (1 << 20))
    finally:
        socket.close()
    digest, total, last = hashlib.sha256(), 0, 0
    for frame in transcript.frames():
        if frame.opcode == BINARY:
            digest.update(memoryview(transcript.data)[frame.start : frame.end])
            total += frame.end - frame.start
            last = frame.end
    return Stream(start, transcript.arrival(last), total, digest.hexdigest())


def read_lines(target: Target, script: str, gate: Path, size: int) -> Stream:
    """Runs a gated script and takes its output as one message a line."""
    socket = target.lines_socket()
    try:
        target.start_line_run(socket, script)
        wait_for(socket, STARTED)
        start = open_gate(gate)
        transcript = socket.read_until(EXIT, size * LINE_OVERHEAD + (1 << 20))
    finally:
        socket.close()
    return _joined(start, transcript)


def _joined(start: int, transcript: Transcript) -> Stream:
    digest, total, last = hashlib.sha256(), 0, 0
    for frame in transcript.frames():
        if frame.opcode != TEXT:
            continue
        message = json.loads(memoryview(transcript.data)[frame.start : frame.end].tobytes())
        if message["type"] in ("stdout", "stderr"):
            line = message["data"].encode() + b"\n"
            digest.update(line)
            total += len(line)
            last = frame.end
    return Stream(start, transcript.arrival(last), total, digest.hexdigest())


def read_terminado(port: int, gate: Path, size: int) -> Stream:
    """Opens a terminal of terminado, in which a gated script runs, and takes its text to the end."""
    socket = WebSocket(port, "/terminal", {})
    try:
        start = open_gate(gate)
        transcript = socket.read_until(b'"disconnect"', 3 * size + (1 << 20))
    finally:
        socket.close()
    digest, total, last = hashlib.sha256(), 0, 0
    for frame in transcript.frames():
        kind, *content = json.loads(memoryview(transcript.data)[frame.start : frame.end].tobytes())
        if kind == "stdout":
            data = content[0].encode()
            digest.update(data)
            total += len(data)
            last = frame.end
    return Stream(start, transcript.arrival(last), total, digest.hexdigest())


def drain_terminal(script: Path, gate: Path, size: int) -> float:
    """MB/s through a bare pseudo terminal that this process reads: what the kernel gives."""
    ours, theirs = os.openpty()
    process = subprocess.Popen([script], stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs)
    os.close(theirs)
    start = open_gate(gate)
    total = 0
    try:
        while data := os.read(ours, 1 << 16):
            total += len(data)
    except OSError:  # EIO: the last one that held the other end is gone
        pass
    seconds = (time.monotonic_ns() - start) / 1e9
    os.close(ours)
    process.wait()
    if total < size:
        raise WireError(f"The terminal gave {total} bytes.")
    return total / seconds / 1e6


def line_delays(target: Target, script: str, gate: Path, as_lines: bool) -> list[float]:
    """Milliseconds from each timestamp that a ticker wrote to its arrival here."""
    if as_lines:
        socket = target.lines_socket()
        target.start_line_run(socket, script)
        wait_for(socket, STARTED)
    else:
        socket = target.start_bytes(script)
    open_gate(gate)
    delays: list[float] = []
    rest = b""
    while True:
        frames = socket.receive()
        now = time.monotonic_ns()
        for opcode, payload in frames:
            if EXIT in payload:
                socket.close()
                return delays
            if opcode == BINARY:
                *whole, rest = (rest + payload).split(b"\n")
            else:
                whole = [json.loads(payload)["data"].encode()]
            delays += [(now - int(line.split()[0])) / 1e6 for line in whole]


def first_byte_delays(target: Target, script: str, count: int) -> list[float]:
    """Milliseconds from a request through a new WebSocket to the first byte of output."""
    delays = []
    for _ in range(count):
        start = time.monotonic_ns()
        socket = target.start_bytes(script)
        while socket.next()[0] != BINARY:
            pass
        delays.append((time.monotonic_ns() - start) / 1e6)
        wait_for(socket, EXIT)
        socket.close()
    return delays


def first_line_delays(target: Target, script: str, count: int) -> list[float]:
    """Milliseconds from `run` on an open WebSocket to the first line of output."""
    delays = []
    socket = target.lines_socket()
    for _ in range(count):
        start = time.monotonic_ns()
        target.start_line_run(socket, script)
        wait_for(socket, STDOUT)
        delays.append((time.monotonic_ns() - start) / 1e6)
        wait_for(socket, EXIT)
    socket.close()
    return delays


def probe(target: Target, seconds: float, pause: float) -> list[tuple[int, float]]:
    """A light GET again and again on one connection: (when it was sent, monotonic ns; milliseconds it took)."""
    connection = target.http()
    found = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        start = time.monotonic_ns()
        _expect_ok(connection.request("GET", target.light_path))
        found.append((start, (time.monotonic_ns() - start) / 1e6))
        time.sleep(pause)
    connection.close()
    return found


def request_rate(target: Target, seconds: float) -> float:
    """Light GETs a second on one connection, each after the answer to the one before."""
    connection = target.http()
    count, start = 0, time.monotonic()
    while (now := time.monotonic()) < start + seconds:
        _expect_ok(connection.request("GET", target.light_path))
        count += 1
    connection.close()
    return count / (now - start)


def _expect_ok(answer: tuple[int, bytes]) -> None:
    if answer[0] != 200:
        raise WireError(f"{answer[0]}: {answer[1][:200]!r}")
