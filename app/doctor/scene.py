"""What the doctor's checks look at: the deployment, and what its core says of itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.core.config import Config


@dataclass(frozen=True, slots=True)
class Scene:
    """One machine's Toru.

    Attributes:
        config: how it is deployed.
        status: what the running core says of itself (`toru status`), None where none answers.
        silence: why a core that is there does not answer, None where none is there or it does.
        database_problem: what the running core says of its database, None when it is sound.
        strange_names: variables that look like ours and mean nothing.
        root: the folder of `toru`.
    """

    config: Config
    status: Mapping[str, Any] | None = None
    silence: str | None = None
    database_problem: str | None = None
    strange_names: Mapping[str, str | None] = field(default_factory=dict)
    root: Path = field(default_factory=Path)

    @property
    def is_running(self) -> bool:
        """Whether a core answers."""
        return self.status is not None

    @property
    def database(self) -> Path:
        """Its file."""
        return self.config.data_dir / "toru.db"
