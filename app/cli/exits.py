"""Exit codes of `toru`, after sysexits.h where it has one; docs/cli.md says when which one comes."""

REFUSED = 1
USAGE = 2
UNAVAILABLE = 69
SOFTWARE = 70
UNREADABLE = 74
NOT_OURS = 77
CONFIG = 78
INTERRUPTED = 130
READER_LEFT = 141
