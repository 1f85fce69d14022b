"""Errors in log files: whatever a test did, none may be there that it did not announce."""

import json
import os
import re
from pathlib import Path


class LogWatch:
    """Reads what a `toru.log` gained since the last look."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen = 0

    def errors(self, allowed: str | None = None) -> list[str]:
        """Error lines since the last call, but for those that match `allowed`."""
        if not self.path.exists():
            return []
        with self.path.open("rb") as file:
            if os.fstat(file.fileno()).st_size < self._seen:  # rotated
                self._seen = 0
            file.seek(self._seen)
            fresh = file.read()
        self._seen += len(fresh)
        lines = [json.loads(line) for line in fresh.splitlines() if line.strip()]
        told = [f"{line['message']}\n{line.get('error', '')}" for line in lines if line["level"] == "error"]
        return [text for text in told if not (allowed and re.search(allowed, text))]
