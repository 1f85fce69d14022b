"""Secrets come through a pipe, and the process that got them shows them to nobody."""

import os
import subprocess
from pathlib import Path

import pytest

from app.core.secret_pipe import read_secrets
from tests.support.server import ROOT
from tests.support.unprivileged import AS_NOBODY, open_python

SHOW = """
import sys
from app.core.secret_pipe import forbid_dumps, read_secrets
forbid_dumps()
print(read_secrets()["ADMIN_PASSWORD"], flush=True)
sys.stdin.read()
"""


def pipe_with(content: bytes) -> int:
    theirs, ours = os.pipe()
    os.write(ours, content)
    os.close(ours)
    return theirs


def test_without_a_pipe_there_are_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TORU_SECRETS_FD", raising=False)
    assert read_secrets() == {}


def test_names_and_values_are_read_once_and_the_pipe_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    fd = pipe_with("ADMIN_PASSWORD=a=b\nü\0TORU_LICENSE_SECRET=s\0".encode())
    monkeypatch.setenv("TORU_SECRETS_FD", str(fd))
    assert read_secrets() == {"ADMIN_PASSWORD": "a=b\nü", "TORU_LICENSE_SECRET": "s"}
    assert "TORU_SECRETS_FD" not in os.environ
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


@pytest.mark.parametrize("number", ["x", "-1", "²", "987654", "9" * 30])
def test_a_number_that_names_no_descriptor_is_told(number: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORU_SECRETS_FD", number)
    with pytest.raises(ValueError, match="TORU_SECRETS_FD"):
        read_secrets()


@pytest.mark.fault("X12")
@pytest.mark.needs("nobody", "root")
def test_nobody_else_of_the_same_user_can_look_into_the_process() -> None:
    fd = pipe_with(b"ADMIN_PASSWORD=Canary-12\0")
    process = subprocess.Popen(
        [*AS_NOBODY, str(open_python()), "-c", SHOW],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "TORU_SECRETS_FD": str(fd)},
        pass_fds=(fd,),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    os.close(fd)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"Canary-12\n"
        for name in ("environ", "mem", "maps"):
            tried = subprocess.run(
                [*AS_NOBODY, "head", "-c", "1", f"/proc/{process.pid}/{name}"], capture_output=True, check=False
            )
            assert b"Permission denied" in tried.stderr
        assert b"Canary" not in Path(f"/proc/{process.pid}/environ").read_bytes()
        assert b"Canary" not in Path(f"/proc/{process.pid}/cmdline").read_bytes()
    finally:
        process.communicate()
