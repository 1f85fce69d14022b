"""What leaves the backups: what one is to hold, the backups that there are, and how things stand."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Job:
    """What a process of its own writes.

    Attributes:
        kind: `backup` or `export`.
        target: the file or folder under its final name; nothing is there yet.
        as_folder: an export as a folder, not as an archive.
        outputs: whether with what runs printed.
        configuration: the deployment without its secrets, to look it up later.
    """

    kind: str
    data_dir: str
    plugins_dir: str
    scripts_dir: str
    log_dir: str
    target: str
    outputs: bool
    made_at: str
    as_folder: bool = False
    configuration: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Made:
    """What was written.

    Attributes:
        path: where it lies.
        size: of the file, in bytes; of all files where it is a folder.
        files: how many are in it.
        left_out: a sentence for each thing that is not in it, though one might look for it.
    """

    path: str
    size: int
    files: int
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BackupView:
    """A backup that lies in the folder.

    Attributes:
        size: in bytes.
        scheduled: whether the schedule made it; only those are removed by themselves.
        encrypted: whether it takes a passphrase.
    """

    name: str
    made_at: str
    size: int
    scheduled: bool
    encrypted: bool


@dataclass(frozen=True, slots=True)
class Failure:
    """That the newest try came to nothing, and why."""

    at: str
    reason: str


@dataclass(frozen=True, slots=True)
class BackupState:
    """How things stand.

    Attributes:
        folder: where backups lie.
        running_since: when the one began that is being made, None when none is.
        next_at: when the schedule makes the next one, None when it is off.
        failure: of the newest try since the start; None when it worked.
        encrypts: whether a passphrase is kept here, with which backups are encrypted that are made without asking.
        problem: why the folder cannot be used now, None when it can.
    """

    folder: str
    backups: tuple[BackupView, ...]
    running_since: str | None
    next_at: str | None
    failure: Failure | None
    encrypts: bool
    problem: str | None = None
