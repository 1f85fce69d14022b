"""The way to Toru, while there is one."""

from typing import Any

from toru_plugin.frames import Frames


class Offline(RuntimeError):
    """There is no connection: the plugin does not run, or is about to end."""

    def __init__(self) -> None:
        super().__init__("There is no connection to Toru. Values and pages are there while Toru runs the plugin.")


class Link:
    """Hands messages to the connection of the moment."""

    def __init__(self) -> None:
        self._frames: Frames | None = None

    def connect(self, frames: Frames) -> None:
        """Sends on this connection from now on."""
        self._frames = frames

    def disconnect(self) -> None:
        """Sends no more."""
        self._frames = None

    def send(self, kind: str, payload: dict[str, Any], request_id: str | None = None) -> None:
        """Sends one message. Raises Offline, and TypeError or ValueError for what JSON cannot say."""
        frames = self._frames
        if frames is None:
            raise Offline
        try:
            frames.send(kind, payload, request_id)
        except OSError:
            raise Offline from None
