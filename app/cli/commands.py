"""Every command of `toru`, one line each; and `toru --help`, told without importing any of them.

Nothing here imports anything: what only wants to know what there is does not wait for what it does not use.
"""

COMMANDS = (
    # its name, where it is, and the first sentence of its help (a test holds the two together)
    ("serve", "app.cli.serve:serve", "Serve the dashboard, REST and WebSockets."),
    ("status", "app.cli.status:status", "Tell whether Toru runs here, and how it is."),
    ("doctor", "app.cli.doctor:doctor", "Find what is wrong on this machine, and how to mend it."),
    ("config", "app.cli.config:config", "Check and show how this machine is deployed."),
    ("user", "app.cli.user:user", "Manage the people who may sign in."),
    ("token", "app.cli.token:token", "Make, list and end API tokens."),
    ("runs", "app.cli.runs:runs", "Start, follow and cancel scripts, here or elsewhere."),
    ("plugin", "app.cli.plugin:plugin", "Look after plugins, and make and check those that you write."),
    ("license", "app.cli.license:license_keys", "Make and check licence keys, for the maker of plugins."),
    ("audit", "app.cli.audit:audit", "Look at what was done here, and by whom."),
)

ABOUT = "Toru Steering Center: a dashboard for this machine and its scripts."

EXIT_CODES = """\
Exit codes: 0 done, 1 refused or not good, 2 not understood, 69 no Toru runs or
answers, 70 a mistake of ours, 74 cannot be read or written, 77 belongs to
another user, 78 wrong configuration, 130 Ctrl-C, 141 the reader left.

./toru test checks and tests everything. docs/cli.md shows each command."""

OPTIONS = (("--version", "Show the version and exit."), ("--help", "Show this message and exit."))


def help_text() -> str:
    """What `toru --help` prints."""
    parts = [
        "Usage: toru [OPTIONS] COMMAND [ARGS]...",
        f"  {ABOUT}",
        f"Options:\n{_rows(OPTIONS)}",
        f"Commands:\n{_rows([(name, sentence) for name, _, sentence in COMMANDS])}",
        "\n".join(f"  {line}".rstrip() for line in EXIT_CODES.splitlines()),
    ]
    return "\n\n".join(parts) + "\n"


def version_text(version: str) -> str:
    """What `toru --version` prints."""
    return f"toru, version {version}\n"


def _rows(rows: "list[tuple[str, str]] | tuple[tuple[str, str], ...]") -> str:
    width = max(len(name) for name, _ in rows) + 2
    return "\n".join(f"  {name:{width}}{sentence}" for name, sentence in rows)
