"""What a page says about itself."""

from dataclasses import dataclass

from app.core.permissions import Role


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the frame; its module has it as `PAGE` beside `async def build(services, actor, …)`.

    Attributes:
        path: its address; `{name}` in it reaches `build` as a keyword argument, as parameters of the query do.
        title: what header, menu and window show.
        icon: its picture in the menu, a name of theme/icons.py.
        role: who may see it. Nobody but an admin, unless the page says client (which means everybody signed in).
        menu: whether the menu lists it.
        bar: whether the bar at the bottom of a phone has it; there is room for four.
        parent: the path that the arrow in the header leads back to, None for no arrow.
        group: the heading that it stands below in the menu, empty for none; pages of a group lie together.
    """

    path: str
    title: str
    icon: str = "square"
    role: Role = Role.ADMIN
    menu: bool = False
    bar: bool = False
    parent: str | None = None
    group: str = ""

    def allows(self, role: Role) -> bool:
        """Whether somebody of this role may see the page."""
        return role is Role.ADMIN or self.role is Role.CLIENT

    def matches(self, path: str) -> bool:
        """Whether `path` (without query) is an address of this page."""
        mine, theirs = self.path.strip("/").split("/"), path.strip("/").split("/")
        return len(mine) == len(theirs) and all(
            a == b or (a.startswith("{") and b != "") for a, b in zip(mine, theirs, strict=True)
        )
