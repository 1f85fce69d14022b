"""The services of systemd: their states, their journals, and for administrators start, stop and restart."""

import threading

import systemd
from toru_plugin import (
    Event,
    Node,
    Plugin,
    Problem,
    Request,
    action,
    button,
    card,
    chip,
    col,
    column,
    field,
    form,
    log,
    metric,
    row,
    table,
    text,
)
from toru_plugin.components import Cell, Tone

MOST_ROWS = 300
TONES: dict[str, Tone] = {"active": "ok", "failed": "bad", "activating": "info", "deactivating": "info"}

plugin = Plugin(
    id="services",
    name="Services",
    version="1.0.0",
    icon="⚙️",
    description="Shows the services of systemd, and lets administrators start and stop them.",
)


class View:
    """What the page shows now, to all who look at it: it is one page."""

    def __init__(self) -> None:
        self.turn = threading.Lock()
        self.search = ""
        self.chosen = ""
        self.rows: list[Cell] = []
        self.lines: list[str] = []


view = View()


# -- for automation


@plugin.get("/services")
def list_services(request: Request) -> list[dict[str, str]]:
    _require_systemd()
    found = _found(request.query.get("search", ""))
    return [{"name": one.name, "state": one.active, "sub": one.sub, "description": one.description} for one in found]


@plugin.get("/services/{name}")
def one_service(request: Request) -> dict[str, str]:
    _require_systemd()
    try:
        return systemd.details(request.params["name"])
    except systemd.SystemdError as error:
        raise Problem(str(error), status=404) from None


@plugin.get("/services/{name}/journal", only="admin")
def journal_of(request: Request) -> list[str]:
    _require_systemd()
    try:
        return systemd.journal(request.params["name"])
    except systemd.SystemdError as error:
        raise Problem(str(error)) from None


@plugin.post("/services/{name}/{verb}", only="admin")
def act_on(request: Request) -> dict[str, str]:
    _require_systemd()
    return {"done": _act(request.params["verb"], request.params["name"], request.viewer.name)}


# -- the page


@plugin.page
def page() -> Node:
    problem = systemd.problem()
    if problem is not None:
        return column(card("Services", text(problem), button("Look again", on_press=look_again)))
    services = _found("")
    counts = row(
        metric("Services", len(services), id="all"),
        metric("Running", _count(services, "active"), id="running", tone="ok"),
        metric("Failed", _count(services, "failed"), id="failed", tone="bad" if _count(services, "failed") else "ok"),
    )
    view.rows = _rows()
    search = form(field("search", "Name or description", value=view.search), on_submit=look_for, submit="Search")
    columns = [
        col("name", "Service", "strong", sortable=True),
        col("state", "State", "chip", sortable=True),
        col("description", "Description", wide=True),
        col("actions", "", "actions"),
    ]
    everything = table("Services", columns, view.rows, empty="No service fits.", on_action=choose, id="table")
    return column(counts, card("", search, everything), column(*_chosen(), id="chosen"))


def _chosen() -> list[Node]:
    """The card of the service that was chosen."""
    name = view.chosen
    if not name:
        return []
    try:
        told = systemd.details(name)
    except systemd.SystemdError as error:
        return [card(name, text(str(error)))]
    memory = told.get("MemoryCurrent", "")
    is_known = memory.isdecimal() and len(memory) < 16  # systemd's "nothing" is 2**64 - 1
    facts = row(
        metric("State", told.get("ActiveState", ""), note=told.get("SubState", ""), id="state"),
        metric("At the start of the machine", told.get("UnitFileState") or "—"),
        metric("Memory", int(memory) // 1_000_000 if is_known else "—", unit="MB" if is_known else ""),
    )
    short = name.removesuffix(".service")
    buttons = row(
        button("Start", on_press=lambda event: _press("start", event), icon="play", id="start"),
        button("Stop", lambda event: _press("stop", event), kind="danger", confirm=f"Stop {short}?", id="stop"),
        button("Restart", lambda event: _press("restart", event), confirm=f"Restart {short}?", id="restart"),
        only="admin",
    )
    view.lines = _journal(name)
    lines = log(view.lines, label="Journal", id="journal", only="admin")
    return [card(name, facts, buttons, lines, subtitle=told.get("Description", ""))]


def look_again(event: Event) -> None:
    plugin.page.refresh()


def look_for(event: Event) -> str:
    view.search = str(event.values.get("search") or "")
    found = _found(view.search)
    _show_rows()
    return f"{len(found)} services fit." if len(found) != 1 else "One service fits."


def choose(event: Event) -> None:
    view.chosen = event.row
    plugin.page.children("chosen", *_chosen())


def _press(verb: str, event: Event) -> str:
    done = _act(verb, view.chosen, event.viewer.name)
    plugin.page.children("chosen", *_chosen())
    _show_rows()
    return done


@plugin.every(5)
def tick() -> None:
    """Looks again, while somebody looks at the page."""
    if not plugin.page.viewers or systemd.problem() is not None:
        return
    services = _found("")
    plugin.page.set("all", value=len(services))
    plugin.page.set("running", value=_count(services, "active"))
    failed = _count(services, "failed")
    plugin.page.set("failed", value=failed, tone="bad" if failed else "ok")
    _show_rows()
    lines = _journal(view.chosen) if view.chosen else []
    if view.chosen and lines != view.lines:
        view.lines = lines
        plugin.page.set("journal", lines=lines)


# -- what both use


def _show_rows() -> None:
    with view.turn:
        rows = _rows()
        if rows != view.rows:
            view.rows = rows
            plugin.page.set("table", rows=rows)


def _rows() -> list[Cell]:
    return [
        {
            "key": one.name,
            "name": one.name.removesuffix(".service"),
            "state": chip(one.sub, TONES.get(one.active, "neutral")),
            "description": one.description,
            "actions": [action("show", "Show")],
        }
        for one in _found(view.search)[:MOST_ROWS]
    ]


def _found(search: str) -> list[systemd.Service]:
    words = search.casefold()
    try:
        return [one for one in systemd.services() if words in f"{one.name} {one.description}".casefold()]
    except systemd.SystemdError as error:
        raise Problem(str(error), status=502) from None


def _count(services: list[systemd.Service], active: str) -> int:
    return sum(one.active == active for one in services)


def _journal(name: str) -> list[str]:
    try:
        return systemd.journal(name)
    except systemd.SystemdError as error:
        return [str(error)]


def _act(verb: str, name: str, who: str) -> str:
    try:
        systemd.act(verb, name)
    except systemd.SystemdError as error:
        raise Problem(str(error)) from None
    plugin.log.info(f"{who}: {verb} {name}")
    ending = {"start": "was started", "stop": "was stopped", "restart": "was restarted"}[verb]
    return f"{name.removesuffix('.service')} {ending}."


def _require_systemd() -> None:
    if (problem := systemd.problem()) is not None:
        raise Problem(problem, status=503)


if __name__ == "__main__":
    plugin.run()
