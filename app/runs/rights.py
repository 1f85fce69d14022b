"""Who may start, see and steer which run."""

from collections.abc import Sequence

from app.actions.service import ActionsService
from app.core.clock import Clock
from app.core.errors import BadValue, Forbidden
from app.core.permissions import Actor
from app.runs.arguments import MAX_TIME_LIMIT
from app.runs.live import LiveRun
from app.runs.schemas import RunView
from app.settings.service import SettingsService


class Rights:
    """Admins may everything. Clients start quick actions and steer their own runs; they see all. A token may be made
    for less: to start some quick actions, and to see and steer only what it started itself."""

    def __init__(self, actions: ActionsService, settings: SettingsService, clock: Clock) -> None:
        self._actions = actions
        self._settings = settings
        self._clock = clock

    async def may_start(self, actor: Actor, script: str, args: Sequence[str]) -> bool:
        """Whether the actor may start this."""
        return actor.is_admin or (not args and await self._actions.allows(actor, script))

    async def require_start(self, actor: Actor, script: str, args: Sequence[str]) -> None:
        """Raises Forbidden unless the actor may start this."""
        if await self.may_start(actor, script, args):
            return
        if actor.token is not None:
            raise Forbidden("This token may only run the quick actions that its scopes name, without arguments.")
        raise Forbidden("You may only run quick actions.")

    async def require_proof(self, actor: Actor, script: str) -> None:
        """Raises StepUpNeeded when a dangerous quick action runs this script and the second factor is wanted again."""
        if await self._actions.is_dangerous(script):
            actor.require_fresh_factor(self._clock.now())

    def time_limit(self, actor: Actor, asked: int | None) -> int:
        """The seconds that a run of this actor may take, 0 for no limit; `asked` is None for the setting.

        Raises:
            BadValue: it is no time limit.
            Forbidden: a client asks for more than the setting gives.
        """
        limit = self._settings.run_timeout
        if asked is None:
            return limit
        if not 0 <= asked <= MAX_TIME_LIMIT:
            raise BadValue(f"A time limit is 0 to {MAX_TIME_LIMIT} seconds.")
        if not actor.is_admin and limit and not 0 < asked <= limit:
            raise Forbidden(f"You may run this for at most {limit} seconds.")
        return asked

    def may_steer(self, actor: Actor, run: RunView) -> bool:
        """Whether a person may cancel the run and type into it."""
        return actor.is_admin or (actor.token is None and run.user_id == actor.user_id)

    def require_sight(self, actor: Actor, run: LiveRun) -> None:
        """Raises Forbidden for a token that may not see this run."""
        if run.requester != actor.requester:
            actor.require_read()

    def require_steer(self, actor: Actor, run: LiveRun) -> None:
        """Raises Forbidden unless the actor may cancel the run and type into it."""
        if run.requester != actor.requester and not self.may_steer(actor, run.view):
            raise Forbidden("This run is somebody else's.")
