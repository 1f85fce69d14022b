"""A request to a plugin and its answer, whatever protocol carries them, and what may go wrong on the way."""

from dataclasses import dataclass, field

from app.core.errors import ToruError, Unavailable

MAX_BODY = 8 << 20
"""Bytes of a body, each way."""

MAX_FRAME = 16 << 20
"""Bytes of JSON in one frame."""

ANSWER_SECONDS = 30.0
"""From the arrival of a request to its answer, waiting for its turn included."""


@dataclass(frozen=True, slots=True)
class PluginRequest:
    """One HTTP request.

    Attributes:
        path: as it came, with the query string; begins with a slash.
        headers: what the plugin is told; one value a name.
    """

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class PluginAnswer:
    """What the plugin said, unfiltered.

    Attributes:
        status: 200 to 599.
        headers: in the plugin's order; a name may come twice.
    """

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class PluginDown(ToruError):
    """The plugin does not run, or went away before it answered; the request was not sent a second time."""

    status = 502


class PluginRefused(ToruError):
    """The plugin's answer is none that could be passed on."""

    status = 502


class AnswerTooLarge(PluginRefused):
    """The plugin's answer is one, but for its size."""


class PluginLate(ToruError):
    """No answer within ANSWER_SECONDS."""

    status = 504


class PluginBusy(Unavailable):
    """Too many requests wait for this plugin already."""

    retry_after = 1


class NotText(ToruError):
    """The body is not UTF-8, and protocol 1 carries nothing else."""

    status = 415
