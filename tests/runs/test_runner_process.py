"""How runners are started: outside of our service, in a session of their own, with a clean environment."""

import asyncio
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from app.core.config import ROOT
from app.runner.protocol import socket_folder, socket_name
from app.runs.link import Progress, RunnerLink
from app.runs.runner_process import RunnerStarter, Service, runner_environment, service_of
from app.runs.runners import Runners
from tests.support.server import is_runner_of
from tests.support.waiting import eventually

IN_A_SERVICE = "0::/system.slice/toru.service\n"
QUICK_END = ("--idle-exit", "0.2")


class Nobody:
    """Hears of no runs."""

    def connected(self, link: RunnerLink, runs: list[Progress], before: RunnerLink | None) -> None: ...

    def progressed(self, link: RunnerLink, run: Progress) -> None: ...

    def died(self, link: RunnerLink) -> None: ...


@pytest.mark.parametrize(
    ("cgroups", "service"),
    [
        ("0::/\n", None),
        ("0::/user.slice/user-1000.slice/session-2.scope\n", None),
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-term.scope\n", None),
        (IN_A_SERVICE, Service("toru.service", of_user=False)),
        (
            "0::/user.slice/user-1000.slice/user@1000.service/app.slice/toru.service\n",
            Service("toru.service", of_user=True),
        ),
        (
            "12:pids:/system.slice/toru.service\n1:name=systemd:/system.slice/toru.service\n",
            Service("toru.service", False),
        ),
        ("", None),
    ],
)
def test_tells_whether_a_service_would_take_the_runner_along(cgroups: str, service: Service | None) -> None:
    assert service_of(cgroups) == service


def test_the_runner_gets_next_to_nothing_of_our_environment() -> None:
    outer = {"PATH": "/bin", "ADMIN_PASSWORD": "canary", "TORU_SECRETS_FD": "8", "LANG": "C.UTF-8", "HOME": "/root"}
    assert runner_environment(outer) == {"PATH": "/bin", "LANG": "C.UTF-8"}


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """A data folder whose runners end with the test."""
    yield tmp_path / "data"
    for process in psutil.process_iter():
        if is_runner_of(process, tmp_path / "data"):
            process.kill()


def fake_systemd_run(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> Path:
    """A systemd-run of our own on PATH; what it was called with is in the file that is returned."""
    program, called = folder / "bin" / "systemd-run", folder / "called"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >> {called}\n{text}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return called


async def opened(tmp_path: Path, data_dir: Path, cgroups: str) -> tuple[Runners, RunnerStarter]:
    """Runners with one of our version running, and what started it."""
    (tmp_path / "cgroup").write_text(cgroups)
    starter = RunnerStarter(ROOT, data_dir, QUICK_END, tmp_path / "cgroup")
    runners = Runners(data_dir, starter, Nobody())
    await runners.open()
    await runners.own()
    return runners, starter


async def test_outside_of_a_service_it_is_started_directly(tmp_path: Path, data_dir: Path) -> None:
    runners, _ = await opened(tmp_path, data_dir, "0::/\n")
    link = await runners.own()
    process = psutil.Process(link.pid)
    assert os.getsid(link.pid) == link.pid
    assert set(process.environ()) <= {"PATH", "LANG", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"}
    assert runners.problem is None
    await runners.close()


async def test_in_a_service_it_is_started_in_a_scope(
    tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = fake_systemd_run(tmp_path, monkeypatch, 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"')
    runners, _ = await opened(tmp_path, data_dir, IN_A_SERVICE)
    assert "--scope --collect --quiet" in called.read_text()
    assert "--user" not in called.read_text()
    assert runners.problem is None
    await runners.close()


async def test_where_that_fails_it_is_started_directly_with_a_warning(
    tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fake_systemd_run(tmp_path, monkeypatch, "exit 1")
    runners, _ = await opened(tmp_path, data_dir, IN_A_SERVICE)
    assert "a restart of the service will end running scripts" in (runners.problem or "")
    assert "a restart of the service will end running scripts" in caplog.text
    await runners.close()


async def test_a_runner_that_serves_already_is_found_not_started(tmp_path: Path, data_dir: Path) -> None:
    first, _ = await opened(tmp_path, data_dir, "0::/\n")
    pid = (await first.own()).pid
    await first.close()
    second, _ = await opened(tmp_path, data_dir, "0::/\n")
    assert (await second.own()).pid == pid
    await second.close()


async def test_two_starters_at_once_end_up_with_one_runner(tmp_path: Path, data_dir: Path) -> None:
    starter = RunnerStarter(ROOT, data_dir, QUICK_END)
    await asyncio.to_thread(starter.start)
    runners, _ = await opened(tmp_path, data_dir, "0::/\n")
    assert (await runners.own()).alive
    await eventually(lambda: sum(is_runner_of(process, data_dir) for process in psutil.process_iter()) == 1)
    assert (await runners.own()).alive
    await runners.close()


@pytest.mark.allows_errors("runner")
async def test_a_runner_that_cannot_be_started_is_a_problem_until_it_can(
    tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.runs.runners.RETRY_SECONDS", 0.05)
    starter = RunnerStarter(ROOT, data_dir, QUICK_END)
    command, starter._command = starter._command, ["/bin/false"]
    runners = Runners(data_dir, starter, Nobody())
    await runners.open()
    await eventually(lambda: runners.problem)
    assert "cannot be started" in (runners.problem or "")
    starter._command = command
    assert (await runners.own()).alive
    assert runners.problem is None
    await runners.close()


@pytest.mark.allows_blocking  # the other loop begins in a thread
async def test_the_runner_outlives_the_loop_that_started_it(tmp_path: Path, data_dir: Path) -> None:
    """An asyncio subprocess would be killed when its loop is closed."""

    def in_a_loop_of_its_own() -> int:
        async def start() -> int:
            runners, _ = await opened(tmp_path, data_dir, "0::/\n")
            pid = (await runners.own()).pid
            await runners.close()
            return pid

        return asyncio.run(start())

    pid = await asyncio.to_thread(in_a_loop_of_its_own)
    assert psutil.Process(pid).is_running()
    os.kill(pid, signal.SIGKILL)


async def test_a_runner_that_is_greeted_while_the_core_ends_does_not_wait_for_it(tmp_path: Path) -> None:
    folder = Path(socket_folder(tmp_path))
    folder.mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / socket_name()))
        listener.listen()
        opening = asyncio.create_task(Runners(tmp_path, RunnerStarter(ROOT, tmp_path), Nobody()).open())
        with (await asyncio.to_thread(listener.accept))[0] as runner:
            runner.settimeout(10)
            assert b'"cmd":"hello"' in await asyncio.to_thread(runner.recv, 1000)
            opening.cancel()
            assert await asyncio.to_thread(runner.recv, 1000) == b""
