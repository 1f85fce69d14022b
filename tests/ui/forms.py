"""What a simulated user does with the forms of a page."""

import asyncio

from nicegui import ui
from nicegui.testing import User
from nicegui.testing.user_interaction import UserInteraction

from ui.components.field import Field, Form, Select


def field(user: User, label: str) -> Field:
    """The field with this label."""
    [found] = [field for field in user.find(Field).elements if field.label == label]
    return found


async def is_refused(user: User, label: str) -> None:
    """Waits until the field says that its value will not do."""
    async with asyncio.timeout(4):
        while "aria-invalid" not in field(user, label).input.props:
            await asyncio.sleep(0.02)


def choose(user: User, label: str, key: str) -> None:
    """Chooses in the list with this label, as the browser reports it."""
    [found] = [select for select in user.find(Select).elements if select.props["label"] == label]
    UserInteraction(user, {found}, None).trigger("change", key)


def submit(user: User, action: str) -> None:
    """Sends the form that has a button with this word."""
    forms = {
        form
        for form in user.find(Form).elements
        if any(isinstance(part, ui.button) and part.text == action for part in form.descendants())
    }
    assert len(forms) == 1, f"{len(forms)} forms have a button {action}"
    UserInteraction(user, forms, None).trigger("submit.prevent")
