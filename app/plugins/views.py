"""A plugin as it is shown: what it says of itself, its state, its figures and its licence in one frozen object."""

from collections.abc import Iterable

from app.core.permissions import Actor
from app.plugins.figures import PluginFigures
from app.plugins.licence_store import LicenceStore
from app.plugins.metadata import TREE
from app.plugins.schemas import Health, LicenseState, PluginState, PluginView
from app.plugins.supervisor import Supervisor


class Views:
    """Makes them."""

    def __init__(self, figures: PluginFigures, licences: LicenceStore) -> None:
        self._figures = figures
        self._licences = licences

    async def measure(self, supervisors: Iterable[Supervisor]) -> None:
        """Brings the figures of all processes up to date, to at most a second ago."""
        await self._figures.measure({one.metadata.id: one.pid for one in supervisors if one.pid is not None})

    def of(self, actor: Actor, supervisor: Supervisor, *, enabled: bool) -> PluginView:
        """One plugin at this moment, with the figures of the last measurement, as this actor may see it."""
        metadata, state = supervisor.metadata, supervisor.state
        if state.takes_requests and supervisor.pid is None:
            state = PluginState.WAITING  # its process has just ended; what follows is decided in a moment
        usage = self._figures.usage(metadata.id) if supervisor.pid is not None else None
        requests = self._figures.requests(metadata.id)
        return PluginView(
            id=metadata.id,
            name=metadata.name,
            version=metadata.version,
            author=metadata.author,
            icon=metadata.icon,
            route=metadata.route,
            enabled=enabled,
            running=state.running,
            health=Health.of(state),
            pid=supervisor.pid,
            socket_path=supervisor.socket_path,
            description=metadata.description,
            protocol=metadata.protocol,
            state=state,
            reason=supervisor.reason if actor.is_admin else _plain(supervisor.reason, state),
            restarts=supervisor.restarts,
            uptime_seconds=supervisor.uptime,
            cpu_percent=usage.cpu_percent if usage is not None else None,
            memory=usage.memory if usage is not None else None,
            requests=requests.count,
            p95_ms=requests.p95_ms,
            license=self._license(supervisor),
            has_page_tree=metadata.page == TREE,
            warning=supervisor.warning,
        )

    def _license(self, supervisor: Supervisor) -> LicenseState:
        plugin_id = supervisor.metadata.id
        if self._licences.key_of(plugin_id) is not None:
            return LicenseState.STORED if self._licences.problem_of(plugin_id) is None else LicenseState.INVALID
        return LicenseState.REQUIRED if supervisor.metadata.needs_license else LicenseState.NONE


def _plain(reason: str | None, state: PluginState) -> str | None:
    """The same for clients: the reason itself may quote what the plugin printed, which is its log, for admins."""
    if reason is None:
        return None
    if state is PluginState.GIVEN_UP:
        return "It was disabled because it does not run. An administrator can see why."
    return "It crashed and will be started again."
