"""Every setting: its key, what it means, and which values it takes."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from app.core.config import ROOT
from app.core.errors import BadValue


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting.

    Attributes:
        key: its name on REST and in the database.
        title: its name on the page.
        help: a sentence that says what it does.
        check: returns the value to store for a text, or raises BadValue with a sentence.
        unit: what a number counts, empty for text.
        choices: the values that it may have, empty for any.
        writable: whether anybody may change it.
        guarded: whether changing it asks for the second factor again.
        section: the card of the page that it stands in, empty for the usual ones.
        first: its value until somebody changes it, where the catalogue knows it.
    """

    key: str
    title: str
    help: str
    check: Callable[[str], str]
    unit: str = ""
    choices: tuple[str, ...] = ()
    writable: bool = True
    guarded: bool = False
    section: str = ""
    first: str = ""


MAX_SHOWN = 200
YES_NO = ("no", "yes")
INTERVALS = MappingProxyType({"off": 0, "6h": 6, "12h": 12, "1d": 24, "2d": 48, "7d": 168, "30d": 720})
"""How often there may be a backup, in hours."""


def _whole(name: str, low: int, high: int) -> Callable[[str], str]:
    def check(text: str) -> str:
        text = text.strip()
        if not text.isascii() or not text.isdigit() or not low <= int(text[:12]) <= high:
            raise BadValue(f"{name} must be a whole number from {low} to {high}.")
        return str(int(text))

    return check


def _choice(name: str, choices: tuple[str, ...]) -> Callable[[str], str]:
    def check(text: str) -> str:
        text = text.strip().lower()
        if text not in choices:
            raise BadValue(f"{name} must be {' or '.join(choices)}.")
        return text

    return check


def _folder(text: str) -> str:
    text = text.strip()
    if not text or not text.isprintable():
        raise BadValue("The scripts folder must be the path of a folder.")
    try:
        path = Path(os.path.normpath(ROOT / Path(text).expanduser()))
        is_folder = path.is_dir()
    except (OSError, RuntimeError):  # a name too long, a home that nobody has
        is_folder = False
    if not is_folder:
        raise BadValue(f"There is no folder {text[:MAX_SHOWN]}.")
    return str(path)


def _backup_folder(text: str) -> str:
    text = text.strip()
    if not text:
        return ""  # the usual one
    if not text.isprintable() or not Path(text).is_absolute():
        raise BadValue("The backup folder must be an absolute path, or empty for the folder backups beside the data.")
    path = Path(os.path.normpath(text))
    try:
        is_usable = path.is_dir() and os.access(path, os.W_OK | os.X_OK)
    except OSError:  # a name too long
        is_usable = False
    if not is_usable:
        raise BadValue(f"There is no folder {text[:MAX_SHOWN]} that can be written.")
    return str(path)


def _text(text: str) -> str:
    return text


SCRIPTS_DIR = Setting("scripts_dir", "Scripts folder", "Where the scripts lie that may be run.", _folder, guarded=True)
MAX_RUNS = Setting("max_runs", "Runs at once", "Further runs wait in a queue.", _whole("Runs at once", 1, 200), "runs")
OUTPUT_CAP = Setting(
    "output_cap_mb",
    "Output kept of a run",
    "Past it the middle is dropped; beginning and end stay.",
    _whole("Output kept of a run", 24, 16384),
    "MiB",
)
RUN_TIMEOUT = Setting(
    "run_timeout",
    "Time limit of a run",
    "A run that takes longer is ended; 0 means no limit.",
    _whole("Time limit of a run", 0, 31_536_000),
    "seconds",
)
REQUIRE_SECOND_FACTOR = Setting(
    "require_second_factor",
    "Second factor for everybody",
    "Whoever has none can do nothing but set one up.",
    _choice("Second factor for everybody", YES_NO),
    choices=YES_NO,
    guarded=True,
)
ENABLE_NEW_PLUGINS = Setting(
    "enable_new_plugins",
    "Enable new plugins",
    "A plugin that was copied into the folder runs without being enabled by hand.",
    _choice("Enable new plugins", YES_NO),
    choices=YES_NO,
    guarded=True,
)
BACKUP = "backup"
BACKUP_EVERY = Setting(
    "backup_every",
    "Back up",
    "Those of the schedule; by hand at any time.",
    _choice("Back up", tuple(INTERVALS)),
    choices=tuple(INTERVALS),
    section=BACKUP,
    first="off",
)
BACKUP_KEEP = Setting(
    "backup_keep",
    "Scheduled backups kept",
    "Older ones of the schedule are removed; those made by hand stay.",
    _whole("Scheduled backups kept", 1, 1000),
    "backups",
    section=BACKUP,
    first="7",
)
BACKUP_OUTPUTS = Setting(
    "backup_outputs",
    "With what runs printed",
    "Needs as much space as the outputs themselves, compressed.",
    _choice("With what runs printed", YES_NO),
    choices=YES_NO,
    section=BACKUP,
    first="no",
)
BACKUP_FOLDER = Setting(
    "backup_folder",
    "Backup folder",
    "Best on another disk. Empty: the folder backups beside the data.",
    _backup_folder,
    guarded=True,
    section=BACKUP,
)
INSTANCE_ID = Setting("instance_id", "Instance", "Names this installation.", _text, writable=False)


RETENTION = "retention"
"""The section of what says how long things are kept, and how many of them."""


def _keeping(key: str, title: str, help_: str, unit: str, most: int, first: int) -> Setting:
    return Setting(key, title, help_, _whole(title, 0, most), unit, section=RETENTION, first=str(first))


KEEP_RUNS_DAYS = _keeping(
    "keep_runs_days", "Runs", "Ended runs go after this time, with their output; 0 keeps them.", "days", 36_500, 365
)
KEEP_RUNS = _keeping(
    "keep_runs", "Number of runs", "Of more, the oldest that have ended go; 0 keeps all.", "runs", 10_000_000, 100_000
)
KEEP_OUTPUT_DAYS = _keeping(
    "keep_output_days",
    "Output of runs",
    "The output goes after this time, the run stays listed; 0 keeps it as long as the run.",
    "days",
    36_500,
    0,
)
KEEP_OUTPUT_MB = _keeping(
    "keep_output_mb",
    "Output of all runs",
    "When it takes more, the oldest goes; 0 sets no limit.",
    "MiB",
    100_000_000,
    10_240,
)
KEEP_SIGN_INS_DAYS = _keeping(
    "keep_sign_ins_days", "Sign-ins", "Of the list of sign-ins, not of the audit; 0 keeps them.", "days", 36_500, 365
)
KEEP_LOGS_DAYS = _keeping(
    "keep_logs_days",
    "Logs of plugins",
    "Log files that nobody wrote to for this time go; 0 keeps five old files a plugin.",
    "days",
    36_500,
    0,
)

SETTINGS = {
    setting.key: setting
    for setting in (
        SCRIPTS_DIR,
        MAX_RUNS,
        OUTPUT_CAP,
        RUN_TIMEOUT,
        REQUIRE_SECOND_FACTOR,
        ENABLE_NEW_PLUGINS,
        KEEP_RUNS_DAYS,
        KEEP_RUNS,
        KEEP_OUTPUT_DAYS,
        KEEP_OUTPUT_MB,
        KEEP_SIGN_INS_DAYS,
        KEEP_LOGS_DAYS,
        BACKUP_EVERY,
        BACKUP_KEEP,
        BACKUP_OUTPUTS,
        BACKUP_FOLDER,
        INSTANCE_ID,
    )
}
