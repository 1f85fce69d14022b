"""Where each value of the deployment comes from, and which names mean nothing."""

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from app.core.config import ROOT, Config, read_env_file

PREFIXES = ("TORU_", "STEERING_", "ADMIN_")
ALSO_OURS = (
    "TORU_CALLED_FROM",
    "TORU_INSTANCE_ID",
    "TORU_LICENSE_KEY",
    "TORU_LICENSE_SECRET",
    "TORU_SECRETS_FD",
    "TORU_TOKEN",
    "TORU_TRACEBACK",
)
"""Variables that mean something to commands, and are not of the deployment."""


@dataclass(frozen=True, slots=True)
class Value:
    """One value of the deployment.

    Attributes:
        value: as JSON has it; of a secret None, whatever it is.
        source: `environment`, `.env` or `default`.
        is_set: whether there is one; all that is told of a secret.
    """

    name: str
    value: Any
    source: str
    is_secret: bool
    is_set: bool


def names_of(config: type[Config]) -> dict[str, str]:
    """The variable of each field."""
    return {field: str(info.validation_alias) for field, info in config.model_fields.items()}


def values(config: Config, given: Mapping[str, Any], env_file: Path = ROOT / ".env") -> list[Value]:
    """Every value, in the order of the documentation.

    Args:
        given: what was handed over beside the environment, by name: it wins, and came from the caller's environment.
    """
    written = read_env_file(env_file)
    told = []
    for field, name in names_of(Config).items():
        value = getattr(config, field if field != "chosen_log_dir" else "log_dir")
        source = "default"
        if given.get(name) or os.environ.get(name):
            source = "environment"
        elif name in written:
            source = ".env"
        is_secret = isinstance(value, SecretStr) or "PASSWORD" in name or "SECRET" in name
        told.append(Value(name, None if is_secret else _simple(value), source, is_secret, value is not None))
    return told


def strange_names(env_file: Path = ROOT / ".env") -> dict[str, str | None]:
    """Names that look like ours and mean nothing, each with the one that was probably meant."""
    known = {*names_of(Config).values(), *ALSO_OURS}
    written = {*read_env_file(env_file)}
    looks_ours = {name for name in (*os.environ, *written) if name.startswith(PREFIXES)}
    return {name: next(iter(difflib.get_close_matches(name, known, 1)), None) for name in sorted(looks_ours - known)}


def _simple(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_simple(item) for item in value]
    return value if value is None or isinstance(value, bool | int) else str(value)
