"""Which plugins are enabled: `.metadata/config.json` in the plugins folder, the one home of that fact."""

import contextlib
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Choice:
    """What counts when several files want one id.

    Attributes:
        enabled: ids.
        files: the name of the file with which it was enabled, by id.
    """

    enabled: frozenset[str]
    files: Mapping[str, str]


class EnabledPlugins:
    """The file; whatever else it holds is kept. Only `load`, `put` and `remember` block.

    Args:
        plugins_dir: the plugins folder.
    """

    def __init__(self, plugins_dir: Path) -> None:
        self._path = plugins_dir / ".metadata" / "config.json"
        self._content: dict[str, Any] = {}

    def load(self) -> None:
        """Reads the file again; one that is missing or no JSON says nothing."""
        try:
            with self._path.open("rb") as file:
                content = json.loads(file.read(MOST_BYTES))
        except FileNotFoundError:
            content = {}
        except (OSError, ValueError, RecursionError) as error:
            log.warning("%s is not used: %s", self._path, error, extra={"event": "plugins_config_unusable"})
            return
        self._content = content if isinstance(content, dict) else {}

    def is_enabled(self, plugin_id: str) -> bool | None:
        """What an admin decided, None when nobody has yet."""
        found = self._part("plugins").get(plugin_id)
        return found if isinstance(found, bool) else None

    def reason(self, plugin_id: str) -> str | None:
        """Why the core itself disabled it, None when it did not."""
        found = self._part("reasons").get(plugin_id)
        return found if isinstance(found, str) else None

    @property
    def choice(self) -> Choice:
        """Which files were meant."""
        enabled = frozenset(key for key, value in self._part("plugins").items() if value is True)
        return Choice(enabled, {key: name for key, name in self._part("files").items() if isinstance(name, str)})

    def put(self, plugin_id: str, enabled: bool, reason: str | None = None, file: str | None = None) -> None:
        """Writes the decision; it is on the disk when this returns. Raises OSError, and then nothing has changed.

        Args:
            file: the name of the one that was meant; None where it is as before.
        """
        self.load()
        reasons = {key: value for key, value in self._part("reasons").items() if key != plugin_id}
        if reason is not None:
            reasons[plugin_id] = reason
        content = {**self._content, "plugins": {**self._part("plugins"), plugin_id: enabled}, "reasons": reasons}
        if not reasons:
            del content["reasons"]
        if file is not None:
            content["files"] = {**self._part("files"), plugin_id: file}
        self._save(content)

    def remember(self, plugin_id: str, file: str) -> None:
        """Writes which file runs as this plugin, where the one that was meant is unknown or gone. Raises OSError."""
        self.load()
        meant = self.choice.files.get(plugin_id)
        if meant is None or not os.path.lexists(self._path.parent.parent / meant):
            self._save({**self._content, "files": {**self._part("files"), plugin_id: file}})

    def _save(self, content: dict[str, Any]) -> None:
        self._write(json.dumps(content, indent=2, sort_keys=True).encode() + b"\n")
        self._content = content

    def _part(self, name: str) -> dict[str, Any]:
        found = self._content.get(name)
        return found if isinstance(found, dict) else {}

    def _write(self, data: bytes) -> None:
        folder = self._path.parent
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        new = self._path.with_name(f"{self._path.name}.new")
        try:
            with new.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._path)
        except OSError:
            with contextlib.suppress(OSError):
                new.unlink()
            raise
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
