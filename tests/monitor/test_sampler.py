"""The sampler: one tick a second, disks that may hang, a machine that may not answer."""

import asyncio
import threading
import time
from collections.abc import Callable

import pytest

from app.core.clock import Clock
from app.monitor import sampler as sampler_module
from app.monitor.disks import DiskReader
from app.monitor.machine import Machine
from app.monitor.sampler import Sampler
from app.monitor.schemas import DiskUsage, Snapshot

DISK = DiskUsage("/dev/sda1", "/", "ext4", 100, 40, 60, 60.0)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampler_module, "INTERVAL", 0.05)
    monkeypatch.setattr(sampler_module, "FIRST_AFTER", 0.0)
    monkeypatch.setattr(sampler_module, "DISKS_LIMIT", 0.02)
    monkeypatch.setattr(sampler_module, "DISKS_STALE", 3)
    monkeypatch.setattr(sampler_module, "MACHINE_LIMIT", 0.1)


async def samples(sampler: Sampler, enough: Callable[[list[Snapshot]], bool]) -> list[Snapshot]:
    """What the sampler publishes until there is enough of it."""
    taken: list[Snapshot] = []
    done = asyncio.Event()

    def publish(snapshot: Snapshot) -> None:
        taken.append(snapshot)
        if enough(taken):
            done.set()

    task = asyncio.create_task(sampler.run(publish))
    try:
        async with asyncio.timeout(10):
            await done.wait()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        sampler.close()
    return taken


class Disks(DiskReader):
    """Disks that say what `answer` says."""

    def __init__(self, answer: Callable[[], tuple[DiskUsage, ...]]) -> None:
        super().__init__()
        self.answer = answer

    def read(self) -> tuple[DiskUsage, ...]:
        return self.answer()


async def test_ticks_follow_each_other_and_all_reads_share_one_thread() -> None:
    threads: set[int] = set()

    class Watched(Machine):
        def prime(self) -> bool:
            threads.add(threading.get_ident())
            return super().prime()

        def read(self, tick: int, sampled_at: str, disks: tuple[DiskUsage, ...]) -> Snapshot:
            threads.add(threading.get_ident())
            return super().read(tick, sampled_at, disks)

    taken = await samples(Sampler(Clock(), Watched(), DiskReader()), lambda taken: len(taken) == 5)
    ticks = [snapshot.tick for snapshot in taken]
    assert ticks[0] == 0
    assert ticks == sorted(set(ticks))
    assert len(threads) == 1
    assert threads != {threading.get_ident()}


@pytest.mark.fault("O18")
async def test_disks_that_hang_hold_nothing_up_and_become_absent() -> None:
    hang = threading.Event()
    answers = iter([(DISK,)])

    def answer_once() -> tuple[DiskUsage, ...]:
        for answer in answers:
            return answer
        hang.wait()
        return ()

    disks = Disks(answer_once)
    taken = await samples(Sampler(Clock(), Machine(), disks), lambda taken: not taken[-1].disks)
    hang.set()
    assert taken[0].disks == (DISK,)
    assert taken[1].disks == (DISK,)  # kept for a few samples
    assert taken[-1].cpu_percent is not None


async def test_a_table_of_mounts_that_cannot_be_read_is_no_error() -> None:
    def refuse() -> tuple[DiskUsage, ...]:
        raise PermissionError(13, "Permission denied")

    taken = await samples(Sampler(Clock(), Machine(), Disks(refuse)), lambda taken: len(taken) == 2)
    assert taken[-1].disks == ()


async def test_a_pause_of_the_machine_leaves_ticks_out() -> None:
    answer = threading.Event()

    class Pausing(Machine):
        def read(self, tick: int, sampled_at: str, disks: tuple[DiskUsage, ...]) -> Snapshot:
            if tick == 1:
                answer.wait(0.3)
            return super().read(tick, sampled_at, disks)

    taken = await samples(Sampler(Clock(), Pausing(), DiskReader()), lambda taken: taken[-1].tick > 4)
    ticks = [snapshot.tick for snapshot in taken]
    assert ticks[0] == 0
    assert 1 not in ticks
    assert ticks[1] > 4  # it goes on with the present, it does not catch up


async def test_a_machine_that_answers_late_is_asked_again() -> None:
    naps = iter([0.3])

    class Late(Machine):
        def prime(self) -> bool:
            time.sleep(next(naps, 0))
            return super().prime()

    taken = await samples(Sampler(Clock(), Late(), DiskReader()), lambda taken: len(taken) == 1)
    assert taken[0].cpu_percent is not None
