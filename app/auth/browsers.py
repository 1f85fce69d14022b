"""What a browser calls itself, in words that people recognise."""

import re

# The order matters: nearly everybody claims to be Chrome, Safari and Mozilla, too.
BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Vivaldi", "Vivaldi"),
    ("Firefox/", "Firefox"),
    ("FxiOS", "Firefox"),
    ("HeadlessChrome", "Chrome"),
    ("Chrome/", "Chrome"),
    ("CriOS", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
PRODUCT = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,29}")
UNKNOWN = "Unknown browser"


def browser_of(user_agent: str) -> str:
    """Such as "Firefox on Android"; of a program its own first word, such as "curl"."""
    browser = _first(BROWSERS, user_agent)
    if browser is None:
        program = PRODUCT.match(user_agent)
        return program[0] if program and program[0] != "Mozilla" else UNKNOWN
    system = _first(SYSTEMS, user_agent)
    return browser if system is None else f"{browser} on {system}"


def _first(marks: tuple[tuple[str, str], ...], user_agent: str) -> str | None:
    return next((name for mark, name in marks if mark in user_agent), None)
