"""What the deployment says of Cloudflare Access: the names in the environment, and what fits together."""

import json
from pathlib import Path
from urllib.parse import urlsplit

DOMAIN = "cloudflareaccess.com"
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def team_address(text: str) -> str:
    """The address of a team, which is also who issues its assertions: `team`, `team.cloudflareaccess.com` or a URL.

    Raises:
        ValueError: it is none of these.
    """
    text = text.strip().lower()
    parts = urlsplit(text if "://" in text else f"https://{text}")
    host = parts.hostname or ""
    if parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("not a plain address")
    # Keys that anybody on the way may exchange are worth nothing.
    if parts.scheme != "https" and not (parts.scheme == "http" and host in LOOPBACK):
        raise ValueError("not over TLS")
    if not all(part.replace("-", "").isalnum() and part.isascii() for part in host.split(".")) and host != "::1":
        raise ValueError("not a name")
    shown = f"[{host}]" if ":" in host else host if "." in host or host in LOOPBACK else f"{host}.{DOMAIN}"
    return f"{parts.scheme}://{shown}" + (f":{parts.port}" if parts.port else "")


def access_problem(team: str | None, audience: tuple[str, ...], keys: Path | None) -> str | None:
    """One line about values that do not fit together, None when they do."""
    if (team is None) != (not audience):
        given, missing = "TORU_ACCESS_TEAM", "TORU_ACCESS_AUDIENCE"
        given, missing = (given, missing) if team is not None else (missing, given)
        return f"{given}: is set, and {missing} is not; Cloudflare Access needs both"
    if keys is None:
        return None
    if team is None:
        return "TORU_ACCESS_KEYS: is set, and TORU_ACCESS_TEAM and TORU_ACCESS_AUDIENCE are not"
    reason = _no_key_set(keys)
    return f"TORU_ACCESS_KEYS: {keys} {reason}" if reason else None


def _no_key_set(path: Path) -> str | None:
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    except (ValueError, RecursionError):
        return "is not JSON"
    if not isinstance(document, dict) or not isinstance(document.get("keys"), list) or not document["keys"]:
        return 'is no JSON Web Key Set: it must look like {"keys": [...]}'
    return None
