"""Processes that a plugin started and left behind, found by the socket path in their environment."""

from pathlib import Path

from app.runner.sweep import sweep_marked

SOCKET = "TORU_PLUGIN_SOCKET"


def sweep_plugin(socket_path: str) -> int:
    """Kills everything that one plugin's process started, until nothing is found; answers how many. Blocks."""
    return sweep_marked(f"{SOCKET}={socket_path}")


def sweep_all(folder: Path) -> int:
    """The same for all plugins whose sockets lie in `folder`: those of a core that was killed. Blocks."""
    return sweep_marked(f"{SOCKET}={folder}/")
