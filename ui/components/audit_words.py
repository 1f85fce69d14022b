"""What the rows of the audit are called on pages: a phrase and a picture for each kind."""

from collections.abc import Mapping
from typing import Any, Final

import orjson

PHRASES: Final = {
    "sign_in": "Signed in",
    "sign_in.code_asked": "Code asked for",
    "sign_out": "Signed out",
    "session.ended": "Sessions ended",
    "password.changed": "Password changed",
    "refused": "Refused",
    "run.started": "Run started",
    "run.queued": "Run queued",
    "run.ended": "Run ended",
    "run.cancelled": "Run cancelled",
    "user.created": "User added",
    "user.changed": "User changed",
    "user.activated": "User activated",
    "user.deactivated": "User deactivated",
    "user.deleted": "User deleted",
    "user.password_reset": "Password set",
    "admin.changed": "Administrator changed",
    "token.created": "Token made",
    "token.revoked": "Token revoked",
    "second_factor.enabled": "Second factor set up",
    "second_factor.removed": "Second factor removed",
    "second_factor.used_recovery": "Recovery code used",
    "second_factor.renewed_recovery": "Recovery codes renewed",
    "second_factor.step_up": "Confirmed by code",
    "setting.changed": "Setting changed",
    "action.created": "Quick action made",
    "action.changed": "Quick action changed",
    "action.deleted": "Quick action deleted",
    "action.ordered": "Quick actions ordered",
    "machine.added": "Machine added",
    "machine.changed": "Machine changed",
    "machine.removed": "Machine removed",
    "licence.stored": "Licence key stored",
    "licence.removed": "Licence key removed",
    "audit.pruned": "Oldest rows removed",
    "retention.runs": "Old runs removed",
    "retention.outputs": "Old output removed",
    "retention.sign_ins": "Old sign-ins removed",
    "retention.logs": "Old logs removed",
    "backup.made": "Backup made",
    "backup.downloaded": "Backup downloaded",
    "backup.deleted": "Backup deleted",
    "backup.exported": "Everything exported",
    "backup.restored": "Backup restored",
}
FAILED_PHRASES: Final = {
    "sign_in": "Sign-in failed",
    "second_factor.step_up": "Wrong code",
    "second_factor.begin": "Wrong password for a second factor",
    "password.changed": "Wrong password",
    "backup.made": "Backup failed",
    "backup.exported": "Export failed",
}

KINDS: Final = {
    "sign_in": "Sign-ins",
    "sign_out": "Sign-outs",
    "run": "Runs",
    "refused": "Refusals",
    "user": "Users",
    "session": "Sessions",
    "password": "Passwords",
    "second_factor": "Second factors",
    "token": "Tokens",
    "action": "Quick actions",
    "plugin": "Plugins",
    "licence": "Licence keys",
    "setting": "Settings",
    "retention": "Retention",
    "backup": "Backups",
    "machine": "Machines",
    "admin": "Administrator",
    "audit": "Audit itself",
}
"""What one may look for, by the first word of the kind."""

_ICONS: Final = {
    "sign_in": "log-in",
    "sign_out": "log-out",
    "session": "monitor",
    "password": "key-round",
    "refused": "ban",
    "run": "play",
    "user": "user-round",
    "admin": "user-round",
    "token": "square-terminal",
    "second_factor": "shield-check",
    "setting": "settings",
    "action": "zap",
    "plugin": "puzzle",
    "licence": "key-round",
    "machine": "server",
    "audit": "clipboard-list",
    "retention": "trash-2",
    "backup": "database-backup",
}


def phrase(what: str, outcome: str) -> str:
    """What happened, in words; a kind that nobody named here tells itself."""
    known = FAILED_PHRASES.get(what) if outcome != "ok" else None
    return known or PHRASES.get(what) or _plain(what)


def says_outcome(what: str) -> bool:
    """Whether the phrase of what did not work says so itself."""
    return what in FAILED_PHRASES or what == "refused"


def picture(what: str) -> str:
    """The name of an icon."""
    return _ICONS.get(what.partition(".")[0], "info")


def fact_words(detail: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Further facts as names and values."""
    return [(_plain(name), _value(value)) for name, value in detail.items() if value is not None]


def _plain(name: str) -> str:
    return name.replace(".", " ").replace("_", " ").capitalize()


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else orjson.dumps(value).decode()
