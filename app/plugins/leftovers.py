"""Processes that a plugin's file started and left behind, found by an entry in their environment."""

from pathlib import Path

from app.runner.sweep import sweep_marked, wait_for_marked

SOCKET = "TORU_PLUGIN_SOCKET"
METADATA = "PLUGIN_METADATA"
"""The file that was asked, and which time it was. No name of ours: a plugin that is asked sees none of those."""


def sweep_plugin(socket_path: str) -> int:
    """Kills everything that one plugin's process started, until nothing is found; answers how many. Blocks."""
    return sweep_marked(f"{SOCKET}={socket_path}")


def wait_for_plugin(socket_path: str, seconds: float) -> None:
    """Gives what one plugin's process started time to end by itself. Blocks."""
    wait_for_marked(f"{SOCKET}={socket_path}", seconds)


def sweep_asked(mark: str) -> int:
    """The same for a file that was asked for its metadata, with this value of METADATA. Blocks."""
    return sweep_marked(f"{METADATA}={mark}")


def sweep_all(sockets: Path, plugins_dir: Path) -> int:
    """The same for all plugins whose sockets or files lie in these folders: those of a core that was killed. Blocks."""
    return sweep_marked(f"{SOCKET}={sockets}/") + sweep_marked(f"{METADATA}={plugins_dir}/")
