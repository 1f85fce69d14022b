"""Every component in every state, for whoever builds pages and for the tests that look at them."""

from nicegui import ui

from app.core.permissions import Actor
from app.services import Services
from ui.components.plugin_tree import PluginTree
from ui.components.text import heading, paragraph
from ui.gallery.own import PARTS
from ui.gallery.trees import REPLIES, TREES
from ui.page import Page

PAGE = Page(path="/components", title="Components", icon="layout-dashboard", parent="/settings")


async def build(services: Services, actor: Actor) -> None:
    """Draws our own components first, then those that pages of plugins are made of."""
    paragraph("What pages are made of. The first half is Python of ours, the second is drawn from trees of plugins.")
    for title, draw in PARTS.items():
        with _part(title):
            draw()
    for title, tree in TREES.items():
        with _part(title):
            PluginTree("", "The gallery", still=tree, replies=REPLIES)


def _part(title: str) -> ui.element:
    part = ui.element("section").classes("t-gallery t-column").props(f'data-part="{title}" aria-label="{title}"')
    with part:
        heading(title)
    return part
