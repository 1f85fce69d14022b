"""The database as text: which columns leave it, and how they are written. What is not named here stays inside."""

import csv
import io
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from app.audit.export import FORMULA

EXPORTED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "users": ("id", "username", "username_key", "display_name", "is_active", "created_at"),
        "sessions": (
            *("user_id", "username", "created_at", "expires_at", "address", "user_agent"),
            *("last_seen_at", "proved_at"),
        ),
        "sign_ins": ("id", "username", "ip_address", "success", "counted", "failure_reason", "attempted_at"),
        "second_factors": ("owner", "created_at", "confirmed_at"),
        "tokens": ("id", "user_id", "username", "name", "scopes", "created_at", "expires_at", "last_used_at"),
        "settings": ("key", "value"),
        "actions": ("id", "name", "script_path", "icon", "display_order", "dangerous", "created_at"),
        "runs": (
            *("number", "id", "script", "args", "tty", "cols", "rows", "time_limit", "state", "exit_code", "signal"),
            *("reason", "truncated", "size", "user_id", "username", "requester", "idempotency_key", "boot_id"),
            *("created_at", "started_at", "finished_at", "duration", "kept_bytes", "output_removed_at"),
        ),
        "audit": (
            *("id", "at", "actor", "actor_id", "role", "address", "what", "target", "outcome", "detail"),
            *("previous_hash", "hash"),
        ),
        "plugin_values": ("plugin_id", "namespace", "key", "value"),
        "plugin_options": ("plugin_id", "pages_read_only"),
        "licence_keys": ("plugin_id", "key", "stored_at", "stored_by"),
        "machines": ("name", "url", "labels", "added_at"),
    }
)

LEFT_OUT: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "users": ("password_hash",),
        "sessions": ("id",),
        "sign_ins": ("name_bucket", "address_bucket"),
        "second_factors": ("secret", "recovery", "last_counter"),
        "tokens": ("hash",),
        "auth_state": ("id", "admin_username", "admin_password_hash", "device_key"),
        "licence_clock": ("id", "seen_at"),
        "alembic_version": ("version_num",),
    }
)
"""Secrets, hashes of secrets, and what only this machine can use. A test finds a column that neither table names."""

TRUTHS: Final = frozenset(
    {
        *("is_active", "success", "counted", "dangerous", "tty", "truncated", "pages_read_only"),
    }
)
JSONS: Final = frozenset({"scopes", "args", "detail", "labels"})


def columns_of(database: sqlite3.Connection) -> dict[str, list[str]]:
    """Every table and its columns, as they are in this file."""
    names = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    return {
        name: [row[1] for row in database.execute(f"PRAGMA table_info({name})")]
        for name in names
        if not name.startswith("sqlite_")
    }


def rows(database: sqlite3.Connection, table: str, columns: Sequence[str]) -> Iterator[Sequence[Any]]:
    """Its rows, in the order of the file."""
    database.text_factory = lambda raw: raw.decode("utf-8", "replace")
    return iter(database.execute(f"SELECT {', '.join(columns)} FROM {table} ORDER BY rowid"))  # noqa: S608 - names of our own schema


def json_line(columns: Sequence[str], row: Sequence[Any]) -> str:
    """A row as a JSON object, with its line end."""
    return json.dumps({name: _plain(name, value) for name, value in zip(columns, row, strict=True)}) + "\n"


def csv_line(cells: Sequence[Any]) -> str:
    """A row as comma-separated values, with its line end; a spreadsheet takes none of it for a formula."""
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerow(["" if cell is None else _safe(str(cell)) for cell in cells])
    return out.getvalue()


def _plain(name: str, value: Any) -> Any:
    if name in TRUTHS and value is not None:
        return bool(value)
    if name in JSONS and isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value.hex() if isinstance(value, bytes) else value


def _safe(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULA) else cell
