"""How plugins look: every state has a look of its own, and every icon that a plugin may name is a picture."""

import pytest

from app.plugins.schemas import PluginState
from ui.components.plugin_look import LOOKS, is_word, plugin_picture


def test_every_state_has_a_look_of_its_own() -> None:
    assert len({LOOKS[state].text for state in PluginState}) == len(PluginState)


@pytest.mark.parametrize(
    ("icon", "picture", "word"),
    [
        ("🧩", "🧩", False),
        ("👨‍👩‍👧", "👨‍👩‍👧", False),
        ("A", "A", False),
        ("DNS", "DNS", True),
        ("puzzle", "pu", True),
        ("<b>x</b>", "<b", True),
        ("  ", "He", True),
    ],
)
def test_an_icon_is_drawn_in_the_room_that_there_is(icon: str, picture: str, word: bool) -> None:
    assert (plugin_picture(icon, "Hello"), is_word(icon)) == (picture, word)
