"""One run: its terminal, how it stands, and what can be done with it."""

import asyncio
import shlex
import signal
from typing import Final

from nicegui import ui

from app.core.errors import NotFound
from app.core.permissions import Actor, Role
from app.runs.schemas import RunState, RunView
from app.services import Services
from ui.components.button import button, link_button
from ui.components.card import card
from ui.components.dialog import confirm, confirm_dangerous
from ui.components.icon import icon
from ui.components.run_state import run_state_chip, run_state_look
from ui.components.states import empty_state
from ui.components.terminal import Terminal
from ui.components.text import heading, span
from ui.components.times import ago, elapsed
from ui.layout import set_title
from ui.live import live, spawn
from ui.page import Page
from ui.session import acting

PAGE = Page(path="/run/{run_id}", title="Run", icon="square-terminal", role=Role.CLIENT, parent="/history")

CALM_SECONDS: Final = 0.3  # between a change of other runs and asking for our place in the queue
_ICONS: Final = {"bad": "circle-alert", "warn": "triangle-alert"}
_CODES: Final = {
    126: "A command that it calls may not be executed.",
    127: "A command that it calls does not exist on this machine.",
}


async def build(services: Services, actor: Actor, run_id: str) -> None:
    """Shows one run, or says that it is not kept."""
    try:
        run = await services.runs.get(actor, run_id)
    except NotFound as error:
        with card(), empty_state(str(error), icon="search-x"):
            link_button("Show all runs", "/history", kind="primary")
        return
    page = RunPage(services, actor, run, again=await services.runs.may_start(actor, run.script, run.args))
    live(services.runs.subscribe, page.changed)
    page.show(await services.runs.get(actor, run_id))  # it may have gone on before `live` listened


class RunPage:
    """What stands around the terminal follows the run's state; the terminal follows its bytes by itself."""

    def __init__(self, services: Services, actor: Actor, run: RunView, *, again: bool) -> None:
        self._services = services
        self._actor = actor
        self._steer = services.runs.may_steer(actor, run)
        self._again = again
        self._run = run
        self._looking = False
        set_title(run.script)
        with ui.element("div").classes("run"):
            self._facts()
            self._notice = ui.element("div").classes("t-notice").props("role=status")
            self._terminal()
        self.show(run)

    def show(self, run: RunView) -> None:
        """Shows another state of the run."""
        self._run = run
        look = run_state_look(run.state, run.exit_code)
        self._chip.set(look.text, look.tone, look.icon)
        self._clock.set(run.started_at, run.finished_at)
        self._cancel.set_visibility(self._steer and not run.state.ended)
        self._start.set_visibility(self._again and run.state.ended)
        tone, sentence = explanation(run)
        self._notice.classes(remove="bad warn", add=tone).set_visibility(bool(sentence))
        self._notice.clear()
        with self._notice:
            icon(_ICONS.get(tone, "hourglass" if run.state is RunState.QUEUED else "info"))
            span(sentence)

    def changed(self, run: RunView) -> None:
        """Some run changed; another one's end may have moved ours forward in the queue."""
        if run.id == self._run.id:
            self.show(run)
        elif self._run.state is RunState.QUEUED and not self._looking:
            self._looking = True
            spawn(self._look_again(), name="place in the queue")

    async def _look_again(self) -> None:
        await asyncio.sleep(CALM_SECONDS)
        self._looking = False
        self.show(await self._services.runs.get(self._actor, self._run.id))

    def _facts(self) -> None:
        run = self._run
        with ui.element("div").classes("run-facts"):
            with ui.element("p").classes("run-who"):
                span(run.username, classes="run-user")
                ago(run.created_at)
                if run.args:
                    span(shlex.join(run.args), classes="t-mono run-args")
            self._cancel = button(
                "Cancel run", acting(self._services, self._cancel_run), kind="danger-plain", icon="circle-stop"
            )
            self._start = button("Run again", acting(self._services, self._run_again), kind="primary", icon="rotate-cw")

    def _terminal(self) -> None:
        run = self._run
        terminal = Terminal(
            socket=f"/api/ws/runs/{run.id}",
            label=f"Output of {run.script}",
            download=None if _is_gone(run) else f"/api/runs/{run.id}/output?download=1",
            writable=run.tty and self._steer and not run.state.ended,
            line_ends=not run.tty,
            backlog=run.size,
            nothing=_nothing(run),
            gone=_is_gone(run),
        )
        with terminal:
            heading(run.script)
            self._chip = run_state_chip(run.state, run.exit_code)
            self._clock = elapsed(run.started_at, run.finished_at)

    async def _cancel_run(self, actor: Actor) -> None:
        sentence = "It is asked to end, and after five seconds it is made to, with everything it started."
        if await confirm(
            f"Cancel {self._run.script}?", sentence, action="Cancel run", refusal="Let it run", danger=True
        ):
            self._cancel.disable()
            try:
                await self._services.runs.cancel(actor, self._run.id)
            finally:
                self._cancel.enable()

    async def _run_again(self, _: Actor) -> None:
        script = self._run.script
        if not await self._services.actions.is_dangerous(script) or await confirm_dangerous(script):
            await acting(self._services, self._start_again)()

    async def _start_again(self, actor: Actor) -> None:
        self._start.disable()
        try:
            run = await self._services.runs.start(actor, self._run.script, self._run.args, tty=self._run.tty)
        finally:
            self._start.enable()
        ui.navigate.to(f"/run/{run.id}")


def _is_gone(run: RunView) -> bool:
    return run.output_removed_at is not None and run.size > 0


def _nothing(run: RunView) -> str:
    """What stands in place of output."""
    if _is_gone(run):
        return "Its output is not kept any more."
    return "It did not start." if run.state is RunState.SPAWN_FAILED else "It wrote nothing."


def explanation(run: RunView) -> tuple[str, str]:
    """Tone and sentence for what the chip alone does not say; an empty sentence for a plain state."""
    if run.state is RunState.QUEUED:
        place = f": number {run.queue_position} in line" if run.queue_position else ""
        return "", f"It waits for one of the runs under way to end{place}."
    told = [run.reason, _CODES.get(run.exit_code or 0)]
    if run.state is RunState.KILLED and run.signal == signal.SIGKILL:
        told.append("Often that is the system, when memory runs out.")
    if _is_gone(run):
        told.append("Its output was removed, to keep to the limits in the settings.")
    elif run.truncated:
        told.append("It wrote more than is kept: the middle of its output is gone.")
    tone = run_state_look(run.state).tone
    return tone if tone in ("bad", "warn") else "", " ".join(sentence for sentence in told if sentence)
