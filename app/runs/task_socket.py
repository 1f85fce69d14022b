"""/api/ws, contract §2: runs are started, cancelled and followed over one socket, one JSON message a line."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

from uvicorn.protocols.utils import ClientDisconnected

from app.core.errors import BadValue, Conflict, Forbidden, Malformed, StepUpNeeded, ToruError
from app.core.permissions import Actor
from app.core.tasks import TaskKeeper
from app.runs.schemas import Cancelled, Ended, RunState, RunView
from app.runs.service import RunsService
from app.runs.texts import TextSender
from app.runs.wire import message, read_message, task_texts
from app.sockets import Receive, Refused, incoming

log = logging.getLogger(__name__)

MAX_FOLLOWED = 200


class TaskSocket:
    """One open socket.

    Args:
        who: who acts now: what the session may do is asked anew with each message.
        refused: is told what was asked in vain.
    """

    def __init__(
        self, runs: RunsService, who: Callable[[], Actor], sender: TextSender, receive: Receive, refused: Refused
    ) -> None:
        self._runs = runs
        self._who = who
        self._actor = who()
        self._sender = sender
        self._receive = receive
        self._refused = refused
        self._followed: dict[str, asyncio.Task[None]] = {}
        self._ending: set[str] = set()  # cancelled from here without being followed
        self._tasks = TaskKeeper("socket")

    async def serve(self) -> None:
        """Answers messages until the peer leaves; no run ends with it."""
        try:
            while (frame := await incoming(self._receive)) is not None:
                await self._answer(frame.get("text"))
        finally:
            await self._tasks.close()

    async def _answer(self, text: str | None) -> None:
        task_id, request = None, {}
        try:
            request = read_message(text)
            named = request.get("task_id")
            task_id = named if isinstance(named, str) else None
            self._actor = self._who()
            await self._obey(request, task_id)
        except StepUpNeeded as error:
            await self._say_error(str(error), task_id, step_up=True)
        except Forbidden as error:
            wanted = " ".join(str(request.get(name) or "") for name in ("type", "script", "task_id"))
            await self._refused(self._actor, f"WebSocket /api/ws {wanted.strip()}", error)
            await self._say_error(str(error), task_id)
        except ToruError as error:
            await self._say_error(str(error), task_id)

    async def _obey(self, request: dict[str, Any], task_id: str | None) -> None:
        kind = request.get("type")
        if kind == "run":
            await self._start(request.get("script"))
        elif kind not in ("cancel", "follow"):
            raise Malformed("Unknown type of message. Known are run, cancel and follow.")
        elif task_id is None:
            raise Malformed("task_id must be the id of a task.")
        elif kind == "cancel":
            await self._cancel(task_id)
        else:
            await self._follow_from(task_id, request.get("offset", 0))

    async def _start(self, script: Any) -> None:
        if not isinstance(script, str):
            raise Malformed("script must be the name of a script.")
        run = await self._runs.start(self._actor, script)
        await self._say(type="started", task_id=run.id)
        self._follow(run.id, 0)

    async def _cancel(self, task_id: str) -> None:
        if not await self._runs.request_cancel(self._actor, task_id):
            raise Conflict("This task has ended.")
        if task_id not in self._followed and task_id not in self._ending:  # who follows hears it from the run itself
            self._ending.add(task_id)
            await self._say(type="cancelled", task_id=task_id)
            self._tasks.spawn(self._tell_end(task_id), f"end {task_id}")

    async def _follow_from(self, task_id: str, offset: Any) -> None:
        if not isinstance(offset, int) or isinstance(offset, bool) or offset < 0:
            raise BadValue("offset must be a number of bytes.")
        await self._runs.get(self._actor, task_id)  # an unknown task is answered here
        self._follow(task_id, offset)

    def _follow(self, task_id: str, offset: int) -> None:
        if len(self._followed) >= MAX_FOLLOWED and task_id not in self._followed:
            raise Conflict(f"One socket follows at most {MAX_FOLLOWED} tasks at a time.")
        earlier = self._followed.pop(task_id, None)
        if earlier is not None:
            earlier.cancel()
        self._followed[task_id] = self._tasks.start(self._pass_on(task_id, offset), f"follow {task_id}")

    async def _pass_on(self, task_id: str, offset: int) -> None:
        """Sends a task's events until its end, or until it is followed anew."""
        try:
            async with aclosing(self._runs.follow_lines(self._actor, task_id, offset)) as events:
                async for event in events:
                    if isinstance(event, Ended):
                        del self._followed[task_id]
                        await self._say_end(event.run)
                    elif isinstance(event, Cancelled):
                        await self._say(type="cancelled", task_id=task_id)
                    else:
                        await self._sender.send([text for part in event for text in task_texts(task_id, part)])
        except ClientDisconnected:
            pass
        except Exception:
            log.exception("a viewer of run %s got no further", task_id)

    async def _tell_end(self, task_id: str) -> None:
        try:
            await self._say_end(await self._runs.wait_end(self._actor, task_id))
        except ClientDisconnected:
            pass
        finally:
            self._ending.discard(task_id)

    async def _say_end(self, run: RunView) -> None:
        if run.state is RunState.SPAWN_FAILED:
            await self._say_error(run.reason or "The script could not be started.", run.id)
        else:
            await self._say(type="exit", task_id=run.id, code=run.code, state=run.state.value)

    async def _say_error(self, sentence: str, task_id: str | None, **further: object) -> None:
        named = {} if task_id is None else {"task_id": task_id}
        await self._say(type="error", **named, data=sentence, **further)

    async def _say(self, **fields: object) -> None:
        await self._sender.send([message(**fields)])
