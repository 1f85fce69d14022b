"""The small parts that every page is made of."""

from typing import Any

import pytest

from app.runs.schemas import RunState
from tests.support.inprocess import AsUser
from ui.components.action_icon import Picture, action_picture
from ui.components.badge import chip
from ui.components.button import icon_button
from ui.components.card import card
from ui.components.dialog import confirm
from ui.components.facts import facts
from ui.components.field import select_field, text_field
from ui.components.run_state import run_state_look
from ui.components.table import Action, Cell, Column, Pressed, data_table
from ui.components.times import elapsed


@pytest.mark.parametrize(
    ("icon", "picture"),
    [
        ("rocket", Picture("rocket")),
        ("🚀", Picture(None, "🚀")),
        ("👨‍👩‍👧", Picture(None, "👨‍👩‍👧")),
        (None, Picture("play")),
        ("", Picture("play")),
        ("no-such-icon", Picture("play")),
        ("<b>", Picture("play")),
        ("🚀" * 50, Picture("play")),
    ],
)
def test_whatever_automation_sets_as_an_icon_is_a_picture(icon: str | None, picture: Picture) -> None:
    assert action_picture(icon) == picture


@pytest.mark.parametrize("state", list(RunState))
def test_every_state_of_a_run_has_a_look_of_its_own(state: RunState) -> None:
    look = run_state_look(state)
    others = [run_state_look(other).text for other in RunState if other is not state]
    assert look.text not in others


def test_a_failed_run_says_its_code() -> None:
    assert run_state_look(RunState.FAILED, 3).text == "Failed (3)"
    assert run_state_look(RunState.SUCCEEDED, 0).text == "Succeeded"


async def test_what_a_machine_lacks_is_not_shown(as_user: AsUser) -> None:
    user = await as_user()
    with await user.open("/account"):
        facts({"Swap": None, "Kernel": "6.1", "Since": lambda: elapsed("2026-01-01T00:00:00Z")})
    await user.should_see("6.1")
    await user.should_not_see("Swap")
    await user.should_see("Since")


async def test_a_field_says_what_is_wrong_and_takes_it_back(as_user: AsUser) -> None:
    user = await as_user()
    with await user.open("/account"):
        field = text_field("Name", "x", hint="Any name.")
    await user.should_see("Any name.")
    field.say("Too short.")
    await user.should_see("Too short.")
    await user.should_not_see("Any name.")
    assert field.input.props["aria-invalid"] == "true"
    field.say("")
    await user.should_see("Any name.")
    assert "aria-invalid" not in field.input.props


async def test_a_choice_that_was_not_offered_is_ignored(as_user: AsUser) -> None:
    chosen: list[str] = []
    user = await as_user()
    with await user.open("/account"):
        field = select_field("State", {"a": "A", "b": "B"}, "a", chosen.append)
    fire(field, "change", "b")
    fire(field, "change", "<script>")
    assert chosen == ["b"]
    assert field.value == "b"


async def test_a_table_sends_plain_data_and_tells_which_button_was_pressed(as_user: AsUser) -> None:
    pressed: list[Pressed] = []
    user = await as_user()
    columns = [Column("name", "Name"), Column("state", "State", "chip"), Column("do", "", "actions")]
    with await user.open("/account"):
        table = data_table(columns, [], caption="Things", on_action=pressed.append)
    table.set_rows([{"key": "1", "name": "one", "state": Cell("Fine", "ok"), "do": [Action("stop", "x", "Stop")]}])
    [row] = table.props["rows"]
    assert row["state"] == {"text": "Fine", "tone": "ok", "icon": None}
    assert row["do"][0]["label"] == "Stop"
    fire(table, "action", {"row": "1", "name": "stop"})
    assert pressed == [Pressed("1", "stop")]


async def test_a_question_waits_for_its_answer(as_user: AsUser) -> None:
    user, answers = await as_user(), []
    client = await user.open("/account")

    async def ask(_event: object) -> None:
        answers.append(await confirm("Sure?", "It is gone then.", action="Do it"))

    with client:
        icon_button("x", "Ask", ask).mark("ask")
    for words, answer in (("Do it", True), ("Cancel", False)):
        user.find("ask").click()
        await user.should_see("It is gone then.")
        user.find(words).click()
        await user.should_not_see("It is gone then.")
        assert answers[-1] is answer


async def test_a_chip_changes_in_place_and_a_card_has_room_for_actions(as_user: AsUser) -> None:
    user = await as_user()
    with await user.open("/account"), card("A card of its own") as made:
        state = chip("Waiting")
        with made.actions:
            icon_button("x", "Away").mark("away")
    state.set("Ready", "ok", "circle-check")
    await user.should_see("A card of its own")
    await user.should_see("Ready")
    await user.should_not_see("Waiting")
    await user.should_see(marker="away")


def fire(element: Any, name: str, args: object) -> None:
    """What the browser would send."""
    from nicegui import events

    for listener in element._event_listeners.values():
        if listener.type == name:
            events.handle_event(
                listener.handler, events.GenericEventArguments(sender=element, client=element.client, args=args)
            )
