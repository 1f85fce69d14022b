"""Several of a few: check boxes with a word and what it means."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from nicegui.element import Element


@dataclass(frozen=True, slots=True)
class Option:
    """One box; with `covers_all` the others are part of it."""

    key: str
    text: str
    hint: str = ""
    covers_all: bool = False


class CheckList(Element, component="check_list.js"):
    """Check boxes in a column; `value` is the keys of those that are ticked.

    Args:
        label: what is chosen.
        options: from top to bottom.
        value: what is ticked at first.
    """

    def __init__(self, label: str, options: Sequence[Option], value: Sequence[str] = ()) -> None:
        super().__init__()
        self.value = list(value)
        self._keys = {option.key for option in options}
        self.props["label"] = label
        self.props["options"] = [asdict(option) for option in options]
        self.props["value"] = self.value
        self.props["problem"] = ""
        self.on("change", lambda event: self._choose(event.args))

    def say(self, problem: str) -> None:
        """Shows what is wrong; an empty text takes it back."""
        self.props["problem"] = problem
        self.update()

    def _choose(self, keys: object) -> None:
        if isinstance(keys, list):
            self.value = [key for key in keys if key in self._keys]
