"""A data folder with something in it, archives of it, and commands on it."""

import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from app.backup.archive import make_backup
from app.backup.restore import Restored, restore
from app.backup.schemas import Job, Made
from app.core.config import Config, load_config
from tests.cli import calling
from tests.support.server import ROOT

PASSPHRASE = "correct horse battery"
AT = "2026-11-23T08:00:00.000Z"


@dataclass(frozen=True)
class Place:
    """A deployment below one folder, that no core serves."""

    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def config(self) -> Config:
        return load_config(self.environment, env_file=None)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "TORU_DATA_DIR": str(self.data),
            "TORU_SCRIPTS_DIR": str(self.folder / "scripts"),
            "TORU_PLUGINS_DIR": str(self.folder / "plugins"),
            "TORU_LOG_DIR": str(self.folder / "logs"),
        }

    def job(self, target: Path, *, outputs: bool = True, kind: str = "backup", as_folder: bool = False) -> Job:
        return Job(
            kind=kind,
            data_dir=str(self.data),
            plugins_dir=str(self.folder / "plugins"),
            scripts_dir=str(self.folder / "scripts"),
            log_dir=str(self.folder / "logs"),
            target=str(target),
            outputs=outputs,
            made_at=AT,
            as_folder=as_folder,
        )

    def backup(self, target: Path, passphrase: str | None = None, *, outputs: bool = True) -> Made:
        return make_backup(self.job(target, outputs=outputs), passphrase)

    def write(self, name: str, content: str | bytes, mode: int = 0o644) -> Path:
        """A file below the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)
        return path

    def restore(self, file: Path, passphrase: str | None = None) -> Restored:
        """What `toru restore` does, in this process."""
        return restore(self.config, file, passphrase, lambda _: None)

    def toru(self, *arguments: str, line: str = "") -> subprocess.CompletedProcess[str]:
        """A command of `toru`, typed in the folder."""
        done = calling.toru(self.data, *arguments, text=line, **self._typed)
        return subprocess.CompletedProcess(arguments, done.code, done.out, done.err)

    def toru_process(self, *arguments: str, line: str = "") -> subprocess.CompletedProcess[str]:
        """The same as a process of its own."""
        return subprocess.run(
            [sys.executable, "-m", "app.cli", *arguments],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], **self._typed},
            input=line,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @property
    def _typed(self) -> dict[str, str]:
        return {"TORU_CALLED_FROM": str(self.folder), **self.environment}

    def tree(self) -> dict[str, bytes]:
        """Every file below it, and what is in it; without the lock."""
        paths = (path for path in sorted(self.folder.rglob("*")) if path.is_file() and path.name != "toru.lock")
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in paths}


def archive_of(path: Path, files: Iterable[tuple[tarfile.TarInfo | str, bytes]]) -> Path:
    """A tar.gz with these files, whatever they are."""
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files:
            about = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            about.size = len(content) if about.isreg() else 0
            tar.addfile(about, io.BytesIO(content))
    return path


def members_of(path: Path) -> dict[str, bytes]:
    """What an archive holds, by name, in its order."""
    with tarfile.open(path) as tar:
        files = ((about.name, tar.extractfile(about)) for about in tar)
        return {name: file.read() for name, file in files if file is not None}
