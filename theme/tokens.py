"""The one source of the look: every colour of the product, as named tokens for light and dark.

No other file holds a colour literal; style sheets use the CSS variables that `css_variables` writes.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

LIGHT: Final[Mapping[str, str]] = MappingProxyType(
    {
        # surfaces, from the page up to what floats above it
        "bg": "#F9F9F9",
        "surface": "#FFFFFF",
        "surface-2": "#FBFAFF",
        "raised": "#FFFFFF",
        "scrim": "rgba(25, 19, 60, 0.42)",
        # text: read, second, quiet (each at least 4.5 : 1 on every surface above)
        "ink": "#191919",
        "ink-2": "#494949",
        "ink-3": "#66646F",
        # lines
        "line": "#E8E6EF",
        "line-strong": "#8C8899",
        "track": "#ECEAF6",
        # the brand
        "primary": "#493FAA",
        "primary-hover": "#7E64E7",
        "primary-deep": "#3A318C",
        "on-primary": "#FFFFFF",
        "accent": "#493FAA",
        "accent-bright": "#8E7EF7",
        "accent-pale": "#A294FF",
        "accent-soft": "#F1EFFD",
        "accent-line": "#CFC9F6",
        "focus": "#7E64E7",
        # the drawer keeps its violet in both modes
        "nav-top": "#493FAA",
        "nav-middle": "#372F87",
        "nav-bottom": "#2A2370",
        "nav-edge": "rgba(255, 255, 255, 0)",
        "nav-ink": "#FFFFFF",
        "nav-ink-2": "#DDD8FB",
        "nav-hover": "rgba(255, 255, 255, 0.08)",
        "nav-active": "rgba(255, 255, 255, 0.15)",
        "nav-marker": "#CBC3FF",
        "nav-tile": "#FFFFFF",
        # what cameras read stays dark on white
        "qr-ground": "#FFFFFF",
        # meaning
        "ok": "#0F7350",
        "ok-soft": "#E2F5EE",
        "ok-dot": "#1DB37E",
        "warn": "#8A5200",
        "warn-soft": "#FDF1DC",
        "warn-dot": "#D98A12",
        "bad": "#B0203F",
        "bad-soft": "#FDE8ED",
        "bad-dot": "#D6365C",
        "danger": "#B0203F",
        "danger-hover": "#8F1833",
        "neutral-soft": "#EFEEF3",
        "neutral-dot": "#8C8899",
        # depth
        "shadow": "0 1px 2px rgba(27, 22, 56, 0.05), 0 8px 24px -12px rgba(27, 22, 56, 0.12)",
        "shadow-float": "0 2px 6px rgba(27, 22, 56, 0.08), 0 24px 48px -16px rgba(27, 22, 56, 0.28)",
        "shadow-primary": "0 10px 22px -12px rgba(73, 63, 170, 0.85)",
        "sheen": "rgba(255, 255, 255, 0.28)",
    }
)

DARK: Final[Mapping[str, str]] = MappingProxyType(
    {
        "bg": "#0F0D1C",
        "surface": "#181530",
        "surface-2": "#1D1A38",
        "raised": "#211D40",
        "scrim": "rgba(5, 4, 14, 0.66)",
        "ink": "#F2F0FC",
        "ink-2": "#C3BDDC",
        "ink-3": "#A19BBD",
        "line": "#2A2649",
        "line-strong": "#7A739C",
        "track": "#2B2750",
        "primary": "#5A4FC4",
        "primary-hover": "#7E64E7",
        "primary-deep": "#473CA6",
        "on-primary": "#FFFFFF",
        "accent": "#B8AEFF",
        "accent-bright": "#8E7EF7",
        "accent-pale": "#A294FF",
        "accent-soft": "#272248",
        "accent-line": "#473E82",
        "focus": "#A294FF",
        "nav-top": "#221C4E",
        "nav-middle": "#1A163B",
        "nav-bottom": "#15122E",
        "nav-edge": "#262145",
        "nav-ink": "#FFFFFF",
        "nav-ink-2": "#CFC9F3",
        "nav-hover": "rgba(255, 255, 255, 0.07)",
        "nav-active": "rgba(255, 255, 255, 0.14)",
        "nav-marker": "#A294FF",
        "nav-tile": "#FFFFFF",
        "qr-ground": "#FFFFFF",
        "ok": "#5FD3A6",
        "ok-soft": "#15342E",
        "ok-dot": "#45D39B",
        "warn": "#F0B95A",
        "warn-soft": "#382A16",
        "warn-dot": "#E29A2B",
        "bad": "#FF8BA3",
        "bad-soft": "#3C1A29",
        "bad-dot": "#F0587B",
        "danger": "#B02A50",
        "danger-hover": "#C93A63",
        "neutral-soft": "#262243",
        "neutral-dot": "#8B84AD",
        "shadow": "0 1px 0 rgba(255, 255, 255, 0.03) inset, 0 10px 30px -18px rgba(0, 0, 0, 1)",
        "shadow-float": "0 1px 0 rgba(255, 255, 255, 0.05) inset, 0 24px 60px -12px rgba(0, 0, 0, 0.8)",
        "shadow-primary": "0 10px 22px -12px rgba(90, 79, 196, 0.85)",
        "sheen": "rgba(255, 255, 255, 0.16)",
    }
)

# Terminals stay dark in both modes; the names are those of xterm's theme.
TERMINAL: Final[Mapping[str, str]] = MappingProxyType(
    {
        "background": "#131024",
        "foreground": "#D9D5EF",
        "cursor": "#A594FF",
        "cursorAccent": "#131024",
        "selectionBackground": "#5A4FC499",
        "black": "#2A2545",
        "red": "#FF7A93",
        "green": "#6FDCB3",
        "yellow": "#F2C46D",
        "blue": "#8F9BFF",
        "magenta": "#C79BFF",
        "cyan": "#6FD3E8",
        "white": "#D9D5EF",
        "brightBlack": "#8A83AB",
        "brightRed": "#FF9DB0",
        "brightGreen": "#94EBCB",
        "brightYellow": "#FFDC99",
        "brightBlue": "#B1B9FF",
        "brightMagenta": "#DCC0FF",
        "brightCyan": "#9DE6F5",
        "brightWhite": "#FFFFFF",
    }
)

# The frame around a terminal, as CSS variables: --term-bar, --term-line …
TERMINAL_FRAME: Final[Mapping[str, str]] = MappingProxyType(
    {
        "bg": TERMINAL["background"],
        "bar": "#1A1632",
        "line": "#2A2549",
        "ink": "#FFFFFF",
        "ink-2": "#B7B0D8",
        "key": "#262145",
        "key-line": "#3A3362",
        "hover": "rgba(255, 255, 255, 0.09)",
        "match": "#F2C46D",
        "warn": TERMINAL["yellow"],
        "bad": TERMINAL["red"],
    }
)

# Lines of charts, chosen to be told apart on both grounds.
CHART: Final[Mapping[str, str]] = MappingProxyType(
    {
        "violet": "#7468D6",
        "green": "#18A07A",
        "amber": "#D98A12",
        "blue": "#2F8FC4",
        "rose": "#D6567C",
        "grid": "rgba(140, 132, 180, 0.18)",
        "axis-light": "#66646F",
        "axis-dark": "#A19BBD",
        "tooltip": "#1B1638",
        "tooltip-ink": "#FFFFFF",
    }
)

# The mark and the icons made of it.
MARK: Final[Mapping[str, str]] = MappingProxyType({"violet": "#493FAA", "fold": "#A294FF", "ground": "#FFFFFF"})

# What the browser paints around the page (address bar, splash screen).
BROWSER: Final[Mapping[str, str]] = MappingProxyType(
    {"light": LIGHT["bg"], "dark": DARK["bg"], "theme": LIGHT["primary"], "splash": LIGHT["surface"]}
)


def css_variables() -> str:
    """The style sheet that gives every token its CSS variable, dark ones under `html.dark` and within `.t-dark`."""
    shared = {f"term-{name}": value for name, value in TERMINAL_FRAME.items()}
    shared |= {f"chart-{name}": value for name, value in CHART.items()}
    shared |= {f"mark-{name}": value for name, value in MARK.items()}
    return _block(":root", {**shared, **LIGHT}, scheme="light") + _block("html.dark, .t-dark", DARK, scheme="dark")


def _block(selector: str, values: Mapping[str, str], *, scheme: str) -> str:
    lines = "".join(f"  --{name}: {value};\n" for name, value in values.items())
    return f"{selector} {{\n  color-scheme: {scheme};\n{lines}}}\n"
