"""Values as unit files want them: systemd gives `%` a meaning everywhere, and quotes and `\\` in lists of words."""

from pathlib import Path


class Unwritable(ValueError):
    """A path that no unit file can name."""


def value(path: Path) -> str:
    """A path as the whole value of a setting. Raises Unwritable."""
    text = _checked(path)
    if text.endswith("\\"):  # a line that ends so goes on in the next one
        raise Unwritable(f"{text} ends with \\, and no unit can name that.")
    return text.replace("%", "%%")


def word(path: Path) -> str:
    """A path as one of several words, quoted. Raises Unwritable."""
    escaped = _checked(path).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def _checked(path: Path) -> str:
    text = str(path)
    if not text.isprintable() or text != text.strip():
        raise Unwritable(f"{text!r} has what no unit can name: an unprintable character, or a space at an end.")
    return text
