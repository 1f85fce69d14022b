"""What is said to the service manager, and what happens where there is none."""

import os
import socket
from pathlib import Path

import pytest

from app.core.service_manager import ServiceManager
from tests.support.service_manager import fake_manager


@pytest.mark.parametrize("abstract", [False, True], ids=["path", "abstract"])
async def test_it_says_how_we_are(tmp_path: Path, abstract: bool) -> None:
    with fake_manager(tmp_path, abstract=abstract) as systemd:
        manager = ServiceManager(systemd.address, 10)
        manager.ready("Serving")
        manager.alive()
        manager.status("Busy")
        manager.stopping()
        await systemd.until(lambda: "STOPPING=1" in systemd.heard)
        assert systemd.heard[:4] == ["READY=1", "STATUS=Serving", "WATCHDOG=1", "STATUS=Busy"]


def test_what_names_it_leaves_the_environment() -> None:
    environment = {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "2500000", "WATCHDOG_PID": str(os.getpid()), "PATH": "/bin"}
    assert ServiceManager.take_from(environment).watchdog_seconds == 2.5
    assert environment == {"PATH": "/bin"}


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"WATCHDOG_USEC": "1000000"},
        {"NOTIFY_SOCKET": "/x"},
        {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"},
        {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "-5"},
        {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "often"},
    ],
)
def test_nobody_waits_for_signs_of_life_who_did_not_ask_us(environment: dict[str, str]) -> None:
    assert ServiceManager.take_from(environment).watchdog_seconds == 0


@pytest.mark.parametrize("address", ["", "/nowhere/at/all", "@nobody-listens-here", "relative", "vsock:2:1234"])
def test_where_nobody_listens_nothing_happens(address: str) -> None:
    ServiceManager(address).ready("Serving")


def test_a_manager_that_does_not_read_holds_up_nobody(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(tmp_path / "notify"))
        manager = ServiceManager(str(tmp_path / "notify"), 1)
        for _ in range(2000):  # more than its queue holds
            manager.alive()
        assert deaf.recv(100) == b"WATCHDOG=1", "or nobody was told anything"
