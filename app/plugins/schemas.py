"""What leaves the concept: a plugin as the manager shows it, its state, and files that cannot be plugins."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class PluginState(StrEnum):
    """Where a plugin is in its life."""

    DISABLED = "disabled"
    """Nobody enabled it, or somebody disabled it."""

    STARTING = "starting"
    READY = "ready"
    UNHEALTHY = "unhealthy"
    """It runs, but does not answer pings or requests."""

    WAITING = "waiting"
    """It crashed and will be started again after a pause."""

    STOPPING = "stopping"
    GIVEN_UP = "given_up"
    """It crashed too often or said that it must not run, and was disabled for it; enabling it tries again."""

    @property
    def running(self) -> bool:
        """Whether there is a process."""
        return self in (PluginState.STARTING, PluginState.READY, PluginState.UNHEALTHY, PluginState.STOPPING)

    @property
    def takes_requests(self) -> bool:
        """Whether requests are handed to it."""
        return self in (PluginState.READY, PluginState.UNHEALTHY)


class Health(StrEnum):
    """The state in the three words that REST clients know."""

    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    DISABLED = "disabled"

    @classmethod
    def of(cls, state: PluginState) -> "Health":
        """A plugin that is being started or waits for its next start is not healthy."""
        if state is PluginState.READY:
            return cls.HEALTHY
        return cls.DISABLED if state in (PluginState.DISABLED, PluginState.GIVEN_UP) else cls.UNHEALTHY


class LicenseState(StrEnum):
    """What is known of a plugin's licence key; whether it is good only the plugin can tell."""

    NONE = "none"
    """The plugin asks for none, and none is stored."""

    REQUIRED = "required"
    """The plugin asks for one, and none is stored."""

    STORED = "stored"
    INVALID = "invalid"
    """One is stored, and the plugin ended with the exit code that says no."""


@dataclass(frozen=True, slots=True)
class PluginView:
    """One plugin at this moment.

    Attributes:
        route: as in its metadata: a slash and the first segment below `/api/plugins/route`.
        socket_path: where the plugin listens.
        protocol: "1" or "2".
        reason: a sentence about why it does not serve, None when there is none; only to admins in the plugin's words.
        restarts: times it was started again after a crash, since the core was started.
        uptime_seconds: since the process was started, None without one.
        cpu_percent: of one core, None while nothing was measured.
        memory: resident bytes, None while nothing was measured.
        requests: answered or failed since the core was started.
        p95_ms: of the newest requests, None without one.
        has_page_tree: whether its page is drawn by us, from what its process describes.
        warning: a sentence about the file that runs all the same, None without one.
    """

    id: str
    name: str
    version: str
    author: str | None
    icon: str
    route: str
    enabled: bool
    running: bool
    health: Health
    pid: int | None
    socket_path: str
    description: str
    protocol: str
    state: PluginState
    reason: str | None
    restarts: int
    uptime_seconds: float | None
    cpu_percent: float | None
    memory: int | None
    requests: int
    p95_ms: float | None
    license: LicenseState
    has_page_tree: bool = False
    warning: str | None = None


@dataclass(frozen=True, slots=True)
class PluginEvent:
    """Something that a plugin of protocol 2 told.

    Attributes:
        name: such as `toast`; the plugin's own word, not to be trusted on a page.
        data: any JSON value, at most 8 KiB.
    """

    plugin_id: str
    name: str
    data: object


@dataclass(frozen=True, slots=True)
class PluginProblem:
    """A `*.binary` in the plugins folder that is not run, and why.

    Attributes:
        file: its name in the folder.
        reason: a sentence for people.
        plugin_id: what it calls itself, None where it was not asked.
    """

    file: str
    reason: str
    plugin_id: str | None = None


@dataclass(frozen=True, slots=True)
class LicenceView:
    """A stored licence key, without the key.

    Attributes:
        expires: the last day (UTC) on which it is valid, None for ever.
        stored_at: when it was stored.
        stored_by: the user name of the admin who did.
        problem: why it is no good now, as a sentence; None where the core knows of nothing.
    """

    expires: date | None
    stored_at: str
    stored_by: str
    problem: str | None
