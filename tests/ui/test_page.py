"""What a page says about itself."""

import pytest

from app.core.permissions import Role
from ui.page import Page


def test_a_page_that_says_nothing_is_for_admins_only() -> None:
    page = Page(path="/x", title="X")
    assert page.allows(Role.ADMIN)
    assert not page.allows(Role.CLIENT)


def test_a_page_for_clients_is_for_everybody() -> None:
    page = Page(path="/x", title="X", role=Role.CLIENT)
    assert page.allows(Role.ADMIN)
    assert page.allows(Role.CLIENT)


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("/", "/", True),
        ("/", "/x", False),
        ("/scripts", "/scripts", True),
        ("/scripts", "/scripts/", True),
        ("/scripts", "/Scripts", False),
        ("/scripts", "/scripts/x", False),
        ("/run/{run_id}", "/run/abc", True),
        ("/run/{run_id}", "/run/", False),
        ("/run/{run_id}", "/run/a/b", False),
        ("/{name}", "/", False),
    ],
)
def test_which_addresses_are_a_pages(pattern: str, path: str, fits: bool) -> None:
    assert Page(path=pattern, title="X").matches(path) is fits
