"""What leaves the actions concept."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ActionView:
    """One quick action.

    Attributes:
        script_path: the script's file name in the scripts folder.
        icon: a name of an icon or an emoji, None for the usual one.
        display_order: smaller ones come first.
        dangerous: whether running its script asks for the second factor of who has one.
    """

    id: str
    name: str
    script_path: str
    icon: str | None
    display_order: int
    dangerous: bool = False
