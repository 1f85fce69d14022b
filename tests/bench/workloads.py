"""The scripts that are run and the bytes that they write."""

import errno
import hashlib
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

LINE_BYTES = 100
GATE_SECONDS = 30.0
TICKER = """
import os, sys, time
period, due = 1_000_000_000 // int(sys.argv[2]), time.monotonic_ns()
for number in range(int(sys.argv[1])):
    due += period
    pause = due - time.monotonic_ns()
    if pause > 0:
        time.sleep(pause / 1e9)
    os.write(1, b"%d %06d ........................................\\n" % (time.monotonic_ns(), number))
"""


@dataclass(frozen=True)
class Lines:
    """A file of numbered lines of 100 bytes, and what its bytes are as a stream and as text on a terminal."""

    path: Path
    size: int
    digest: str
    terminal_digest: str


def make_lines(path: Path, size: int) -> Lines:
    """Writes `size` bytes (whole lines of 100)."""
    filler = "the quick brown fox jumps over the lazy dog and it does so again until the line is full of text"
    tail = f" {filler}"[: LINE_BYTES - 11] + "\n"
    data = "".join(f"{number:010d}{tail}" for number in range(size // LINE_BYTES)).encode()
    path.write_bytes(data)
    terminal = data.replace(b"\n", b"\r\n")
    return Lines(path, len(data), hashlib.sha256(data).hexdigest(), hashlib.sha256(terminal).hexdigest())


def gated(gate: Path, command: str) -> str:
    """A script that waits until somebody opens the gate, then becomes `command`."""
    return f"#!/bin/sh\nread -r _ <'{gate}'\n{command}\n"


def make_gate(path: Path) -> Path:
    """A named pipe at which scripts wait."""
    os.mkfifo(path, 0o600)
    return path


def open_gate(gate: Path) -> int:
    """Lets the one script that waits (or is about to) go on; the monotonic time (ns) of it."""
    deadline = time.monotonic() + GATE_SECONDS
    while True:
        try:
            descriptor = os.open(gate, os.O_WRONLY | os.O_NONBLOCK)
            break
        except OSError as error:
            if error.errno != errno.ENXIO or time.monotonic() > deadline:
                raise
            time.sleep(0.001)
    moment = time.monotonic_ns()
    os.write(descriptor, b"go\n")
    os.close(descriptor)
    return moment


def ticker(count: int, rate: int) -> str:
    """A command that writes `count` lines, `rate` a second, each beginning with its monotonic time (ns)."""
    return f"exec '{sys.executable}' -I -S -c '{TICKER}' {count} {rate}"
