"""What is said to a plugin about its page: the payloads of messages of the type `page`."""

from typing import Any

Payload = dict[str, Any]


def event(node_id: str, kind: str, value: Payload, viewer: Payload) -> Payload:
    """Somebody pressed something."""
    return {"action": "event", "id": node_id, "event": kind, "value": value, "viewer": viewer}


def watched(viewers: int) -> Payload:
    """How many look."""
    return {"action": "watched", "viewers": viewers}


def refused(reason: str) -> Payload:
    """Something broke a rule."""
    return {"action": "refused", "reason": reason}
