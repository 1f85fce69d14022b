"""Which boot of the machine this is: what was never synced to the disk outlives a process, but not a boot."""

from pathlib import Path


def boot_id() -> str:
    """The kernel's id of this boot, empty where it does not tell. Blocks."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
