"""When two user names are the same, and what a name may be."""

import unicodedata

from app.core.errors import BadValue

MAX_NAME = 64


def name_key(username: str) -> str:
    """What is compared: the name in Unicode's compatibility form, without case."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", username).casefold())


def check_username(username: str) -> str:
    """The name without outer spaces; raises BadValue when it is empty, too long or has unprintable characters."""
    username = username.strip()
    if not username:
        raise BadValue("A user name is needed.")
    if len(username) > MAX_NAME:
        raise BadValue(f"A user name has at most {MAX_NAME} characters.")
    if not username.isprintable():
        raise BadValue("A user name has printable characters only.")
    return username


def check_display_name(name: str | None) -> str:
    """The display name without outer spaces, empty when there is none; raises BadValue like `check_username`."""
    name = (name or "").strip()
    if len(name) > 100:
        raise BadValue("A display name has at most 100 characters.")
    if name and not name.isprintable():
        raise BadValue("A display name has printable characters only.")
    return name
