"""How a terminal looks: xterm's options made of the tokens, dark in both modes. The style sheet has the font."""

from typing import Any

from theme.tokens import TERMINAL, TERMINAL_FRAME


def terminal_options() -> dict[str, Any]:
    """Options for xterm's constructor; colours that a script picks are lifted to a readable contrast."""
    return {
        "theme": {**TERMINAL, "selectionInactiveBackground": TERMINAL["selectionBackground"]},
        "fontSize": 13,
        "lineHeight": 1.25,
        "scrollback": 10_000,
        "minimumContrastRatio": 4.5,
        "cursorBlink": False,
        "cursorInactiveStyle": "outline",
        "macOptionIsMeta": True,
        "allowProposedApi": True,  # marks of the search
    }


def search_colours() -> dict[str, str]:
    """The ground of what a search found, and ground and letters of the one match that is selected."""
    return {
        "match": TERMINAL_FRAME["key-line"],
        "selected": TERMINAL_FRAME["match"],
        "selectedInk": TERMINAL["background"],
    }
