"""Exit codes of `toru`, after sysexits.h where it has one."""

USAGE = 2
UNAVAILABLE = 69
CONFIG = 78
