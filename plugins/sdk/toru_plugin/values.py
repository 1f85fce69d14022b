"""`plugin.kv`: texts that Toru keeps for the plugin, through restarts and updates."""

import threading
from typing import Any

from toru_plugin.wire import Link, Offline

ANSWER_SECONDS = 30.0


class ValueRefused(ValueError):
    """Toru did not take it: the sentence says why (a key or value too long, all the space used)."""


class Values:
    """The plugin's own values. Calls wait for Toru's answer; any thread may make them.

    Args:
        link: the way to Toru.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._news = threading.Condition()
        self._calls = 0
        self._answers: dict[str, dict[str, Any] | None] = {}

    def get(self, key: str) -> str | None:
        """The text, None without one. Raises Offline, TimeoutError or ValueRefused, as the others do."""
        return self._call("get", key)

    def set(self, key: str, value: str) -> None:
        """Keeps a text; at most 1 MiB under a key of at most 1 KiB."""
        if not isinstance(value, str):
            raise TypeError(f"A value is a text, not {type(value).__name__}: str(…) or json.dumps(…) makes one.")
        self._call("set", key, value)

    def delete(self, key: str) -> None:
        """Forgets it."""
        self._call("delete", key)

    def take(self, request_id: object, payload: dict[str, Any]) -> None:
        """For the connection: an answer that came."""
        with self._news:
            if isinstance(request_id, str) and request_id in self._answers:
                self._answers[request_id] = payload
                self._news.notify_all()

    def hang_up(self) -> None:
        """For the connection: no answer will come any more."""
        with self._news:
            self._answers.clear()
            self._news.notify_all()

    def _call(self, action: str, key: str, value: str | None = None) -> str | None:
        with self._news:
            self._calls += 1
            number = f"k{self._calls}"
            self._answers[number] = None
        try:
            self._link.send("kv", {"action": action, "key": key, "value": value}, number)
            answer = self._wait(number)
        finally:
            with self._news:
                self._answers.pop(number, None)
        if "error" in answer:
            raise ValueRefused(str(answer["error"]))
        told = answer.get("value")
        return told if isinstance(told, str) else None

    def _wait(self, number: str) -> dict[str, Any]:
        def is_over() -> bool:
            return self._answers.get(number) is not None or number not in self._answers

        with self._news:
            if not self._news.wait_for(is_over, ANSWER_SECONDS):
                raise TimeoutError(f"Toru did not answer within {ANSWER_SECONDS:.0f} seconds.")
            answer = self._answers.get(number)
        if answer is None:
            raise Offline
        return answer
