"""The gallery's parts of our own pages: each component in each of its states."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, get_args

from nicegui import ui

from app.plugins.schemas import PluginState
from app.runs.schemas import RunState
from ui.components.action_icon import IconPicker, Picture
from ui.components.badge import Tone, chip
from ui.components.button import Kind, button, icon_button, link_button
from ui.components.card import card, grid, row
from ui.components.check_list import CheckList, Option
from ui.components.dialog import confirm
from ui.components.facts import code_block, facts
from ui.components.field import (
    Field,
    number_field,
    password_field,
    search_field,
    select_field,
    submit_button,
    text_field,
)
from ui.components.icon import icon
from ui.components.plugin_look import LOOKS
from ui.components.run_state import run_state_chip
from ui.components.states import empty_state, failed_state, loading_state
from ui.components.switch import Switch
from ui.components.table import Action, Cell, Column, Row, data_table
from ui.components.text import paragraph, span
from ui.components.theme_choice import ThemeChoice
from ui.components.times import ago, date, elapsed
from ui.feedback import toast

LONG: Final = "A name that is much longer than anybody would have thought when this was drawn " * 2
UNBROKEN: Final = "without-a-single-place-where-it-could-be-broken-" * 3
MOMENT: Final = "2025-11-22T18:00:12Z"
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
TONES: Final[tuple[Tone, ...]] = get_args(Tone)


def buttons() -> None:
    """Every kind, with and without a picture, off, and with too many words."""
    for kind in KINDS:
        with row():
            button(kind.capitalize(), kind=kind)
            button("With a picture", kind=kind, icon="play")
            button("Disabled", kind=kind, icon="ban").props("disable")
    with row():
        icon_button("copy", "Copy")
        icon_button("trash-2", "Delete", classes="bad")
        icon_button("pencil", "Edit").props("disable")
        link_button("A link", "/components", icon="globe")
        link_button("A primary link", "/components", kind="primary")


def chips() -> None:
    """Every tone, every state of runs and plugins."""
    with row():
        for tone in TONES:
            chip(tone, tone)
            chip(tone, tone, icon="info")
            chip(tone, tone, icon="dot")
    with row():
        for state in RunState:
            run_state_chip(state, 3)
    with row():
        for plugin_state in PluginState:
            look = LOOKS[plugin_state]
            chip(look.text, look.tone, icon=look.icon)


def notices() -> None:
    """Words that a page must not hide."""
    for tone in ("", "ok", "warn", "bad"):
        with ui.element("div").classes(f"t-notice {tone}"):
            icon("info")
            span("Something that one should know before going on.")


def cards() -> None:
    """With and without head, picture, actions, and with long names."""
    with grid():
        with card("A title", "What it is about.", icon="server", classes="span-6") as made:
            with made.actions:
                button("Do it", kind="primary")
            paragraph("Some words.")
        with card(label="Without a title", classes="span-6"):
            paragraph("A card without a head.")
        with card(LONG, UNBROKEN, icon="cpu", classes="span-12") as made:
            with made.actions:
                icon_button("settings", "Settings of the long one")
            paragraph(LONG)


def fields() -> None:
    """Each kind of field, empty, filled in, and refused."""
    with grid():
        with card("Text", classes="span-6"), ui.element("form").classes("t-stack").props("novalidate"):
            text_field("Name", placeholder="Any name", hint="What it is called.")
            text_field("Command", "systemctl restart nginx", mono=True)
            _refused(text_field("Refused", "nobody", hint="Who."), "There is nobody of this name.")
            number_field("Keep", 30, unit="days")
            password_field("Password")
            submit_button("Save")
        with card("Choices", classes="span-6"), ui.element("div").classes("t-stack"):
            select_field("State", {"all": "All states", "failed": "Failed"}, "all", hint="Which ones are shown.")
            select_field("Refused choice", {"a": "A", "b": "B"}, "a").say("This one is taken.")
            with row():
                search_field("Search", lambda _: None)
            Switch("On", "It takes effect at once.", True, lambda _: None)
            Switch("Off", "So does this one.", False, lambda _: None)
            options = [Option("all", "Everything", covers_all=True), Option("runs", "Runs", "Start and cancel them.")]
            CheckList("Rights", options, ["runs"])
            ThemeChoice()
    with card("Icons"):
        IconPicker("rocket")


def _refused(field: Field, problem: str) -> None:
    field.say(problem)


def tables() -> None:
    """Every kind of cell, a marked row, a sorted column, long names, no rows."""
    columns = (
        Column("icon", "", "icon"),
        Column("name", "Name", "strong", sortable=True),
        Column("state", "State", "chip"),
        Column("when", "When", "time"),
        Column("took", "Took", "seconds", classes="labelled"),
        Column("size", "Size", "bytes"),
        Column("share", "Share", "percent", classes="wide"),
        Column("path", "Path", "mono", classes="wide"),
        Column("do", "", "actions"),
    )
    with card("Rows", classes="flush"):
        made = data_table(columns, [_row(key) for key in ("one", "two", "three")], caption="Things")
        made.set_sort("name")
    with card("Long names", classes="flush"):
        data_table(columns, [{**_row("four"), "name": LONG, "path": UNBROKEN}], caption="Long things")
    with card("Nothing", classes="flush"):
        empty_state("No things yet", "They appear here when there are some.", icon="inbox")


def _row(key: str) -> Row:
    return {
        "key": key,
        "icon": Picture("database") if key != "two" else Picture(None, "DB"),
        "name": f"Number {key}",
        "mark": Cell("New", "info", "star") if key == "one" else None,
        "state": Cell("Running", "info", "dot") if key == "two" else Cell("Fine", "ok", "circle-check"),
        "when": MOMENT,
        "took": 12.34 if key == "one" else None,
        "size": 48_318_382,
        "share": 41.52,
        "path": f"/srv/{key}",
        "do": [Action("edit", "pencil", f"Edit {key}"), Action("delete", "trash-2", f"Delete {key}", classes="bad")],
    }


def facts_and_code() -> None:
    """Names with values, times, code."""
    with grid():
        with card("Facts", classes="span-6"):
            facts({"Host": "server-1", "Missing": None, "Long": UNBROKEN, "Begun": lambda: date(MOMENT)})
        with card("Times and code", classes="span-6"), ui.element("div").classes("t-stack"):
            with row():
                ago(MOMENT)
                elapsed(MOMENT, "2025-11-22T19:02:15Z")
            code_block("curl -H 'Authorization: Bearer …' https://toru.example/api/resources", label="the command")


def states() -> None:
    """Nothing yet, loading, failed."""
    with grid():
        with card(label="Empty", classes="span-4"), empty_state("No runs yet", "Start one.", icon="history"):
            button("Start", kind="primary")
        with card(label="Loading", classes="span-4"):
            loading_state()
        with card(label="Failed", classes="span-4"):
            failed_state("The machine did not answer.")


def over_the_page() -> None:
    """What appears above everything else."""

    async def ask(_: object) -> None:
        await confirm("Delete quick action?", "It disappears for everybody.", action="Delete", danger=True)

    with row():
        button("Ask a question", ask)
        button("Show a toast", lambda _: toast("Settings saved."))
        button("Show an error", lambda _: toast("The machine did not answer.", "bad"))


PARTS: Final[Mapping[str, Callable[[], None]]] = MappingProxyType(
    {
        "Buttons": buttons,
        "Chips": chips,
        "Notices": notices,
        "Cards": cards,
        "Fields": fields,
        "Tables": tables,
        "Facts and code": facts_and_code,
        "Empty, loading, failed": states,
        "Over the page": over_the_page,
    }
)
