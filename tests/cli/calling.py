"""Calling `toru` as somebody at a terminal does: what it prints, how it ends.

`toru` does it in this process, which takes a hundredth of the time that a Python with our libraries takes to start;
`toru_process` and `start` where the process itself matters.
"""

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

from app.cli.__main__ import main
from tests.support.server import ROOT

SECONDS = 60


class Done(NamedTuple):
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


def environment(data_dir: Path, **more: str) -> dict[str, str]:
    """What commands are given here, whatever the one who tests has set."""
    return {
        "PATH": os.environ["PATH"],
        "TORU_DATA_DIR": str(data_dir),
        "TORU_LOG_DIR": str(data_dir / "logs"),
        "ADMIN_USERNAME": "admin",
        **more,
    }


def toru(data_dir: Path, *arguments: str, text: str = "", **env: str) -> Done:
    """Runs a command to its end; never a traceback. What it prints that is no UTF-8 is kept by surrogates."""
    with _terminal(environment(data_dir, **env), text) as (out, err), ThreadPoolExecutor(1) as thread:
        code = thread.submit(main, list(arguments)).result(SECONDS)  # a loop of its own, beside that of the test
        sys.stdout.flush()
        sys.stderr.flush()
        done = Done(code, *(stream.getvalue().decode("utf-8", "surrogateescape") for stream in (out, err)))
    assert "Traceback" not in done.err
    return done


@contextmanager
def _terminal(env: dict[str, str], text: str) -> Iterator[tuple[io.BytesIO, io.BytesIO]]:
    out, err = io.BytesIO(), io.BytesIO()
    with (
        patch.dict(os.environ, env, clear=True),
        patch("app.core.secret_pipe.forbid_dumps"),
        patch("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode()), "utf-8")),
        patch("sys.stdout", io.TextIOWrapper(out, "utf-8")),
        patch("sys.stderr", io.TextIOWrapper(err, "utf-8")),
        patch("sys.path", [*sys.path]),
    ):
        yield out, err


def toru_process(data_dir: Path, *arguments: str, text: str = "", **env: str) -> Done:
    """The same as a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments],
        cwd=ROOT,
        env=environment(data_dir, **env),
        input=text,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return Done(done.returncode, done.stdout, done.stderr)


def start(data_dir: Path, *arguments: str, **env: str) -> "subprocess.Popen[str]":
    """Starts a process and does not wait."""
    return subprocess.Popen(
        [sys.executable, "-m", "app.cli", *arguments],
        cwd=ROOT,
        env=environment(data_dir, **env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
