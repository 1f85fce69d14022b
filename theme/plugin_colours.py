"""Our colours under the names that plugin pages know: shadcn's variables, as HSL triplets, for light and dark."""

import colorsys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from theme.tokens import DARK, LIGHT

_TOKENS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "background": "bg",
        "foreground": "ink",
        "card": "surface",
        "card-foreground": "ink",
        "popover": "raised",
        "popover-foreground": "ink",
        "primary": "primary",
        "primary-foreground": "on-primary",
        "secondary": "accent-soft",
        "secondary-foreground": "accent",
        "muted": "surface-2",
        "muted-foreground": "ink-2",
        "accent": "accent-soft",
        "accent-foreground": "accent",
        "destructive": "danger",
        "destructive-foreground": "on-primary",
        "border": "line",
        "input": "line-strong",
        "ring": "focus",
    }
)
RADIUS: Final = "0.75rem"


def plugin_variables() -> str:
    """The style sheet that sets them, with `.dark` on the root for dark."""
    return f":root{{{_block(LIGHT)}--radius:{RADIUS}}}.dark{{{_block(DARK)}}}"


def plugin_utilities() -> str:
    """What Tailwind needs to know of them: the colour classes (`bg-card`, `text-muted-foreground` …) and `dark:`."""
    colours = "".join(f"--color-{name}:hsl(var(--{name}));" for name in _TOKENS)
    radii = "--radius-lg:var(--radius);--radius-md:calc(var(--radius) - 2px);--radius-sm:calc(var(--radius) - 4px);"
    # Tailwind imports itself where nobody does. Said here, a browser that reads ahead would fetch it as a style sheet.
    return (
        "@custom-variant dark (&:where(.dark, .dark *));"
        f"@theme inline{{{colours}{radii}}}"
        "@layer base{*,::before,::after{border-color:var(--color-border)}}"
    )


def _block(tokens: Mapping[str, str]) -> str:
    return "".join(f"--{name}:{_triplet(tokens[token])};" for name, token in _TOKENS.items())


def _triplet(colour: str) -> str:
    """A colour of six hexadecimal digits as hue, saturation and lightness."""
    red, green, blue = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    hue, light, saturation = colorsys.rgb_to_hls(red, green, blue)
    return f"{hue * 360:.1f} {saturation * 100:.1f}% {light * 100:.1f}%"
