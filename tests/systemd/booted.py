"""A machine that systemd booted: this one's files under an overlay, in a container (systemd-nspawn).

Nothing that it writes reaches this machine. Its servers listen on this machine's 127.0.0.1.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from app.core.config import ROOT

BOOT_SECONDS = 60
# In a mount namespace of its own, so that nothing stays mounted however it ends.
BOOT = """
mount -t tmpfs -o size=2g tmpfs "$0" && mkdir "$0/upper" "$0/work" "$0/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$0/upper,workdir=$0/work" "$0/root"
exec systemd-nspawn --quiet --directory="$0/root" --boot --register=no --keep-unit --console=pipe --link-journal=no \\
    --machine=toru-test --kill-signal=SIGRTMIN+3 systemd.unit=multi-user.target
"""


class Machine:
    """One that is booted.

    Args:
        leader: the process that is its first one.
    """

    def __init__(self, leader: int) -> None:
        self.leader = leader

    def run(self, command: str, *, code: int | None = 0) -> str:
        """What a command of root's shell prints; fails where it does not end with `code` (None: however it ends)."""
        done = subprocess.run(
            self._inside(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, check=False
        )
        assert code in (done.returncode, None), f"{command} ended with {done.returncode}:\n{done.stdout}"
        return done.stdout.strip()

    def shown(self, unit: str, name: str) -> str:
        """A property of a unit."""
        return self.run(f"systemctl show {unit} --property={name} --value")

    def until(self, unit: str, name: str, *, other_than: str = "", seconds: float = 60) -> str:
        """Waits until a property of a unit is neither empty, 0 nor `other_than`; what it is then."""
        deadline = time.monotonic() + seconds
        while (now := self.shown(unit, name)) in ("", "0", other_than):
            assert time.monotonic() < deadline, self.run(
                f"systemctl status {unit}; journalctl -n 50 --no-pager", code=None
            )
            time.sleep(0.1)
        return now

    def place(self, folder: str) -> None:
        """Puts what this checkout consists of into a folder of the machine."""
        files = subprocess.check_output(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT
        )
        packed = subprocess.run(
            ["tar", "-c", "--null", "-T", "-"], cwd=ROOT, input=files, capture_output=True, check=True
        )
        subprocess.run(self._inside(f"mkdir -p {folder} && tar -C {folder} -x"), input=packed.stdout, check=True)

    def _inside(self, command: str) -> list[str]:
        return ["nsenter", "--target", str(self.leader), "--all", "/bin/bash", "-c", command]


@contextmanager
def booted(folder: Path) -> Iterator[Machine]:
    """Such a machine, as long as the block lasts; `folder` is an empty one."""
    log = folder.with_suffix(".log")
    with log.open("w") as output:
        container = subprocess.Popen(
            ["unshare", "--mount", "/bin/bash", "-ec", BOOT, str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        machine = Machine(_leader(container, log))
        said = machine.run("systemctl is-system-running --wait", code=None)
        assert said in ("running", "degraded"), said
        yield machine
    finally:
        container.send_signal(signal.SIGTERM)  # which it takes for the power button
        try:
            container.wait(BOOT_SECONDS)
        except subprocess.TimeoutExpired:
            container.kill()
            container.wait()
            raise


def _leader(container: subprocess.Popen[bytes], log: Path) -> int:
    """The first process of the machine, once systemd can be asked something."""
    own, deadline = os.readlink("/proc/self/ns/pid"), time.monotonic() + BOOT_SECONDS
    while time.monotonic() < deadline and container.poll() is None:
        for process in psutil.Process(container.pid).children(recursive=True):
            try:
                is_inside = os.readlink(f"/proc/{process.pid}/ns/pid") != own and "systemd" in process.name()
                if is_inside and Path(f"/proc/{process.pid}/root/run/systemd/private").exists():
                    return process.pid
            except (OSError, psutil.Error):
                continue
        time.sleep(0.05)
    raise AssertionError(f"The machine did not boot:\n{log.read_text()}")
