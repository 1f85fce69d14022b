"""The thread for blocking reads: always the same one, and never waited for."""

import asyncio
import threading

import pytest

from app.monitor.worker import Worker, WorkerBusy


async def test_every_read_runs_in_the_same_thread_outside_the_loop() -> None:
    worker = Worker("test")
    threads = [await worker.call(threading.get_ident, 5) for _ in range(5)]
    worker.close()
    assert len(set(threads)) == 1
    assert threads[0] != threading.get_ident()


async def test_what_a_read_raises_reaches_the_caller() -> None:
    worker = Worker("test")
    with pytest.raises(ZeroDivisionError):
        await worker.call(lambda: 1 // 0, 5)
    assert await worker.call(lambda: "the thread lives on", 5) == "the thread lives on"
    worker.close()


async def test_a_read_that_hangs_is_given_up_and_holds_up_nobody_else() -> None:
    worker = Worker("test")
    disk_answers = threading.Event()
    with pytest.raises(TimeoutError):
        await worker.call(disk_answers.wait, 0.05)
    with pytest.raises(WorkerBusy):
        await worker.call(lambda: "not even tried", 5)

    disk_answers.set()
    async with asyncio.timeout(5):
        while True:
            try:
                assert await worker.call(lambda: "back", 5) == "back"
                break
            except WorkerBusy:
                await asyncio.sleep(0.01)
    worker.close()
