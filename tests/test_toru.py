"""The launcher, on small projects of its own: one tiny package instead of sixty, a command that tells what it got."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import httpx
import psutil
import pytest

from tests.support.processes import OWN_FOLDER, children_of
from tests.support.server import ROOT, free_port, is_runner_of

PASSWORD = "Canary-In-The-Mine-5"
WAIT_SECONDS = 60
NETWORK = ("PATH", "HOME", "SSL_CERT_FILE", "PIP_CERT")  # what pip needs here to reach its index
COMMAND = """
import json, os, sys, tiny
number = os.environ.get("TORU_SECRETS_FD")
secrets = os.read(int(number), 65536).decode().split("\\0")[:-1] if number else []
told = {"arguments": sys.argv[1:], "tiny": tiny.VERSION, "secrets": secrets, "environment": dict(os.environ),
        "python": sys.executable, "folder": os.getcwd(), "pid": os.getpid()}
print(json.dumps(told), flush=True)
sys.stdin.read()
"""


class Project:
    """A folder with `toru`, a lock of one package, and nothing else that matters."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "a project"
        self.wheels = folder / "wheels"
        self.bin = folder / "bin"
        for part in (self.folder / "app" / "cli", self.folder / "ui", self.folder / "theme", self.wheels, self.bin):
            part.mkdir(parents=True)
        shutil.copy(ROOT / "toru", self.folder)
        (self.folder / "app" / "cli" / "__main__.py").write_text(COMMAND)
        self.link("python3", sys._base_executable)  # type: ignore[attr-defined]
        self.index = {"PIP_NO_INDEX": "1"}
        self.lock("1.0")

    def lock(self, version: str) -> None:
        """Makes a wheel of `tiny` and a lock that asks for it."""
        (self.folder / "requirements.lock").write_text(self.wheel("tiny", version, "tiny.py", f"VERSION = {version!r}"))

    def wheel(self, name: str, version: str, file: str, text: str) -> str:
        """Makes a wheel with one file; answers the lines of a lock that ask for it."""
        path = self.wheels / f"{name}-{version}-py3-none-any.whl"
        info = f"{name}-{version}.dist-info"
        with zipfile.ZipFile(path, "w") as wheel:
            inside = zipfile.ZipInfo(file)
            inside.external_attr = 0o100755 << 16  # may be executed
            wheel.writestr(inside, f"{text}\n")
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")
        return f"{name}=={version} \\\n    --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"

    def link(self, name: str, target: str) -> None:
        """Puts a program in front of the system's."""
        (self.bin / name).unlink(missing_ok=True)
        (self.bin / name).symlink_to(target)

    def wrap(self, name: str, shell: str) -> None:
        """Puts a shell script in front of the system's program."""
        (self.bin / name).unlink(missing_ok=True)
        (self.bin / name).write_text(f"#!/bin/sh\n{shell}\n")
        (self.bin / name).chmod(0o755)

    def start(self, *arguments: str, **env: str) -> subprocess.Popen[str]:
        """`./toru …` in a session of its own, with the wheels instead of an index."""
        environment = {
            "PATH": f"{self.bin}:/usr/bin:/bin",
            "HOME": str(self.folder.parent),
            **self.index,
            "PIP_FIND_LINKS": str(self.wheels),
            "UV_OFFLINE": "1",
            "UV_FIND_LINKS": str(self.wheels),
            "UV_CACHE_DIR": str(self.folder.parent / "cache"),
            **env,
        }
        return subprocess.Popen(
            [self.folder / "toru", *arguments],
            cwd="/",
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, **env: str) -> tuple[dict[str, Any], str]:
        """What the command told about itself, and what `toru` printed on stderr."""
        output, errors = self.start(*arguments, **env).communicate(timeout=WAIT_SECONDS)
        return json.loads(output) if output else {}, errors

    def environments(self) -> list[Path]:
        """The folders that hold one."""
        return [path for path in self.folder.glob(".venv.*") if path.is_dir() and not path.is_symlink()]

    @property
    def stamp(self) -> Path:
        """The file that says that the environment is complete."""
        return self.folder / ".venv" / "complete"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project whose environment is made by pip, as on a machine without uv."""
    return Project(tmp_path)


@pytest.fixture
def quick(project: Project) -> Project:
    """A project whose environment is made by uv."""
    import uv

    project.link("uv", uv.find_uv_bin())
    return project


@pytest.mark.parametrize("kind", ["project", "quick"])
def test_makes_the_environment_once_then_runs_the_command(kind: str, request: pytest.FixtureRequest) -> None:
    made: Project = request.getfixturevalue(kind)
    told, errors = made.run("serve", "--port", "4000")
    assert "making .venv" in errors
    assert told["arguments"] == ["serve", "--port", "4000"]
    assert told["tiny"] == "1.0"
    assert told["python"] == str((made.folder / ".venv").resolve() / "bin" / "python"), "not through the link"
    assert told["environment"]["TORU_CALLED_FROM"] == "/", "where the paths of a command count from"
    assert told["folder"] == str(made.folder)
    assert list((made.folder / "app" / "cli" / "__pycache__").glob("__main__.*.pyc")), "the project is byte-compiled"
    assert list(made.folder.glob(".venv/lib/*/site-packages/__pycache__/tiny.*.pyc")), "so are its packages"

    assert "making" not in made.run("serve")[1]


def test_runs_through_a_link_from_elsewhere(quick: Project, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(quick.folder / "toru")
    quick.run("serve")
    done = subprocess.run([tmp_path / "link"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["folder"] == str(quick.folder)


def test_redoes_an_interrupted_installation(project: Project) -> None:
    with project.start("serve") as started:
        wait_for(lambda: any(project.folder.glob(".venv.*/bin/python")))
        os.killpg(started.pid, signal.SIGKILL)
    assert not project.stamp.exists()

    told, errors = project.run("serve")
    assert "making .venv" in errors
    assert told["tiny"] == "1.0"
    assert len(project.environments()) == 1, "the half of one is gone"


@pytest.mark.needs("package-index")
@pytest.mark.parametrize("told_of_an_index", [False, True])
def test_a_lock_that_brings_uv_is_installed_by_it(told_of_an_index: bool, project: Project) -> None:
    """Unless pip was told of an index, or to ask none: uv would not hear of that."""
    import uv

    called = project.folder.parent / "uv was called"
    script = f'#!/bin/sh\n: >"{called}"\nexec {uv.find_uv_bin()} "$@"'
    with (project.folder / "requirements.lock").open("a") as lock:
        lock.write(project.wheel("uv", "0.0.99", "uv-0.0.99.data/scripts/uv", script))
    if not told_of_an_index:
        project.index = {name: os.environ[name] for name in NETWORK[1:] if name in os.environ} | {"HOME": os.devnull}
    assert project.run("serve")[0]["tiny"] == "1.0"
    assert called.exists() != told_of_an_index


def test_a_changed_lock_is_installed_beside_what_runs(quick: Project) -> None:
    with ended_at_last(quick.start("serve")) as running:
        first = json.loads(read_line(running.stdout))
        lock = quick.folder / "requirements.lock"
        before = lock.read_bytes()
        quick.lock("2.0")
        told, errors = quick.run("serve")
        assert "making .venv" in errors
        assert told["tiny"] == "2.0"
        assert Path(first["python"]).exists(), "what runs keeps what it was started with"

    lock.write_bytes(before)
    back, errors = quick.run("serve")
    assert (back["tiny"], back["python"]) == ("1.0", first["python"])
    assert "making" not in errors, "going back takes no time"
    quick.lock("3.0")
    assert quick.run("serve")[0]["tiny"] == "3.0"
    assert len(quick.environments()) == 2, "the one before stays, no more"


def test_an_environment_of_an_older_version_is_kept_until_another_takes_its_place(quick: Project) -> None:
    quick.run("serve")
    link = quick.folder / ".venv"
    folder = link.resolve()
    link.unlink()
    folder.rename(link)
    assert "making" not in quick.run("serve")[1]
    quick.lock("2.0")
    assert quick.run("serve")[0]["tiny"] == "2.0"
    assert {folder.name for folder in quick.environments()} > {".venv.before"}


def test_a_changed_package_is_refused(project: Project) -> None:
    lock = project.folder / "requirements.lock"
    lock.write_text(lock.read_text()[:-65] + "0" * 64 + "\n")
    told, errors = project.run("serve")
    assert told == {}
    assert "hash" in errors.lower()
    assert not project.stamp.exists()


def test_two_starts_at_once_make_it_once(quick: Project) -> None:
    starts = [quick.start("serve") for _ in range(2)]
    results = [start.communicate(timeout=WAIT_SECONDS) for start in starts]
    assert [json.loads(output)["tiny"] for output, _ in results] == ["1.0", "1.0"]
    assert sum("toru: making .venv" in errors for _, errors in results) == 1


def test_finds_a_python_that_is_new_enough(quick: Project) -> None:
    quick.wrap("python3", "exit 1")  # as 3.9 answers the question for its version
    quick.link("python3.12", sys._base_executable)  # type: ignore[attr-defined]
    told, _ = quick.run("serve")
    assert told["tiny"] == "1.0"


def test_without_a_python_it_says_what_to_install(project: Project) -> None:
    for version in ("", ".11", ".12", ".13", ".14"):
        project.wrap(f"python3{version}", "exit 1")
    told, errors = project.run("serve")
    assert told == {}
    assert "apt-get install python3 python3-venv" in errors


def test_without_venv_it_names_the_package(project: Project) -> None:
    real = sys._base_executable  # type: ignore[attr-defined]
    project.wrap("python3", f'case "$*" in *ensurepip*) exit 1 ;; esac\nexec {real} "$@"')
    told, errors = project.run("serve")
    assert told == {}
    assert "apt-get install python3-venv" in errors
    assert "Traceback" not in errors


def test_secrets_come_through_a_pipe_and_are_in_no_environment(quick: Project) -> None:
    """Looked for in every process of the start, from the first word of `toru` on, while it installs and serves."""
    seen = set()
    secrets = {"ADMIN_PASSWORD": PASSWORD, "TORU_LICENSE_SECRET": f"licence {PASSWORD}"}
    with ended_at_last(quick.start("serve", KEPT="yes", **secrets)) as started:
        assert "making .venv" in read_line(started.stderr)
        while not quick.stamp.exists():
            seen |= environments_below(started.pid)
            time.sleep(0.002)
        told = json.loads(read_line(started.stdout))
        seen |= environments_below(started.pid)

    assert told["pid"] == started.pid, "toru became the server; no shell is left"
    assert told["secrets"] == [f"{name}={value}" for name, value in secrets.items()]
    assert told["environment"]["KEPT"] == "yes"
    assert any(b"KEPT=yes" in environment for environment in seen), "or this test looked at nothing"
    assert not any(PASSWORD.encode() in environment for environment in seen)


@contextmanager
def ended_at_last(started: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    with started:
        try:
            yield started
        finally:
            started.kill()


def read_line(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline()


def environments_below(pid: int) -> set[bytes]:
    """Those of a process and of all that it has started, directly or not."""
    found, unseen = set(), [pid]
    while unseen:
        pid = unseen.pop()
        with suppress(OSError):
            found.add(Path(f"/proc/{pid}/environ").read_bytes())
        unseen += children_of(pid)
    return found


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


@pytest.fixture
def copy_of_everything(tmp_path: Path) -> Iterator[Path]:
    """What a clone has: the project's files without what toru made."""
    made = shutil.ignore_patterns(".git", ".venv*", "data", ".env", "__pycache__", ".*_cache", "test-results")
    shutil.copytree(ROOT, tmp_path / "clone", ignore=made)
    yield tmp_path / "clone"
    shutil.rmtree(tmp_path / "clone")


@pytest.mark.needs("package-index")
@pytest.mark.timeout(600)
def test_a_fresh_clone_serves(copy_of_everything: Path) -> None:
    port = free_port()
    environment = {name: os.environ[name] for name in NETWORK if name in os.environ}
    environment["PATH"] = environment["PATH"].removeprefix(f"{OWN_FOLDER}:")  # as whoever has cloned it
    started = subprocess.Popen(
        ["./toru", "serve", "--port", str(port)],
        cwd=copy_of_everything,
        env=environment | {"ADMIN_PASSWORD": PASSWORD},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with ended_at_last(started):
        lines = [read_line(started.stdout)]
        while lines[-1] and f"http://127.0.0.1:{port}" not in lines[-1]:
            lines.append(read_line(started.stdout))
        assert lines[-1], "".join(lines)
        assert httpx.get(f"http://127.0.0.1:{port}/api/health", trust_env=False, verify=False).json() == {
            "status": "ok"
        }
        assert PASSWORD.encode() not in Path(f"/proc/{started.pid}/environ").read_bytes()
        started.send_signal(signal.SIGTERM)
        assert started.wait(WAIT_SECONDS) == 0
    for process in psutil.process_iter():
        if is_runner_of(process, copy_of_everything / "data"):
            process.terminate()
