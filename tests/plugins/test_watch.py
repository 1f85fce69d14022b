"""Changes in the plugins folder are noticed, whatever the kernel tells."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from app.plugins import watch
from app.plugins.watch import changes, is_deaf

Next = Callable[[], Awaitable[bool]]


@asynccontextmanager
async def watching(folder: Path) -> AsyncIterator[Next]:
    """Tells whether another word comes within five seconds; the first one comes at once."""
    async with aclosing(changes(folder)) as moments:

        async def is_told() -> bool:
            try:
                async with asyncio.timeout(5):
                    await anext(moments)
            except TimeoutError:
                return False
            return True

        assert await is_told()
        yield is_told


async def test_every_kind_of_change_is_noticed(tmp_path: Path) -> None:
    folder, outside = tmp_path / "plugins", tmp_path / "outside"
    folder.mkdir()
    outside.write_text("x")
    path = folder / "a.binary"
    async with watching(folder) as is_told:
        for change in (
            lambda: path.write_text("x"),
            lambda: path.chmod(0o755),
            lambda: outside.rename(path),
            lambda: path.rename(outside),
            lambda: outside.rename(path),
            path.unlink,
        ):
            change()
            assert await is_told()


async def test_a_folder_that_comes_and_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(watch, "AT_LEAST_SECONDS", 0.2)
    folder = tmp_path / "plugins"
    async with watching(folder) as is_told:
        folder.mkdir()
        assert await is_told()
        assert await is_told()
        (folder / "a.binary").touch()
        assert await is_told()
        (folder / "a.binary").unlink()
        folder.rename(tmp_path / "old")
        folder.mkdir()
        for _ in range(6):
            assert await is_told()
        (folder / "b.binary").touch()
        assert await is_told()


async def test_where_the_kernel_watches_no_more_somebody_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(watch, "LOOK_SECONDS", 0.05)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "inotify watch limit reached")

    monkeypatch.setattr("watchfiles.awatch", full)
    async with watching(tmp_path) as is_told:
        for _ in range(3):
            assert await is_told()
    assert "cannot be watched" in caplog.text


async def test_a_name_that_is_not_utf8_ends_no_watching(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(watch, "LOOK_SECONDS", 0.05)
    async with watching(tmp_path) as following:
        for name in (b"caf\xe9.txt", b"\xff.binary"):
            await asyncio.to_thread(Path(os.fsdecode(bytes(tmp_path) + b"/" + name)).touch)
            await following()
            await following()  # it was only looked; from here on the kernel tells again
            (tmp_path / "a.binary").touch()
            await following()
    assert caplog.text.count("cannot be watched") == 1


def test_the_file_system_tells_whether_the_kernel_hears_others(tmp_path: Path) -> None:
    assert not is_deaf(tmp_path)
    device = tmp_path.stat().st_dev
    mounts = tmp_path / "mountinfo"
    for kind, deaf in (("ext4", False), ("nfs4", True), ("fuse.sshfs", True), ("overlay", False), ("9p", True)):
        mounts.write_text(f"36 35 {device >> 8}:{device & 0xFF} / /x rw,noatime shared:1 - {kind} source rw\n")
        assert is_deaf(tmp_path, mounts) is deaf
    mounts.write_bytes(b"1 0 0:0 / /caf\xe9 rw - ext4 source rw\n" + mounts.read_bytes())
    assert is_deaf(tmp_path, mounts)
    assert is_deaf(tmp_path, tmp_path / "nowhere")
