"""A process that takes a core for itself."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil


@contextmanager
def burner() -> Iterator[psutil.Process]:
    """Such a process, as long as the block lasts."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        try:
            yield psutil.Process(process.pid)
        finally:
            process.kill()


def until_burnt(process: psutil.Process, seconds: float) -> float:
    """Waits until it has used so many seconds of processor time from now on; how many it were."""
    before = sum(process.cpu_times()[:2])
    while (burnt := sum(process.cpu_times()[:2]) - before) < seconds:
        time.sleep(0.01)
    return float(burnt)
