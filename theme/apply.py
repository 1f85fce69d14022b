"""Puts the look onto NiceGUI: brand colours and the head that every page shares. Alone in theme/ it imports NiceGUI."""

from nicegui import app as nicegui_app
from nicegui import ui

from theme.tokens import BROWSER, DARK, LIGHT


def apply_theme(head_html: str) -> None:
    """Sets Quasar's brand colours and adds `head_html` to every page; call it once, before `ui.run_with`."""
    nicegui_app.colors(
        primary=LIGHT["primary"],
        secondary=LIGHT["primary-deep"],
        accent=LIGHT["accent-bright"],
        positive=LIGHT["ok"],
        negative=LIGHT["bad"],
        warning=LIGHT["warn"],
        info=LIGHT["primary"],
        dark=DARK["surface"],
        dark_page=DARK["bg"],
    )
    ui.add_head_html(head_html, shared=True)


def browser_head() -> str:
    """Metas that colour what the browser draws around a page and let it be installed."""
    return (
        f'<meta name="theme-color" content="{BROWSER["light"]}" media="(prefers-color-scheme: light)">'
        f'<meta name="theme-color" content="{BROWSER["dark"]}" media="(prefers-color-scheme: dark)">'
        '<meta name="mobile-web-app-capable" content="yes">'
        '<meta name="apple-mobile-web-app-title" content="Toru">'
        '<meta name="apple-mobile-web-app-status-bar-style" content="default">'
    )
