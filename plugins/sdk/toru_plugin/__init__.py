"""Plugins for Toru Steering Center: `from toru_plugin import Plugin, button, card, column, metric`."""

from toru_plugin.components import (
    action,
    badge,
    button,
    card,
    chart,
    chip,
    code,
    col,
    column,
    field,
    form,
    link,
    log,
    markdown,
    metric,
    option,
    progress,
    row,
    series,
    tab,
    table,
    tabs,
    text,
)
from toru_plugin.events import Done, Event, Problem, Viewer
from toru_plugin.page import Page
from toru_plugin.plugin import Plugin
from toru_plugin.requests import Request, Response
from toru_plugin.times import now
from toru_plugin.tree import Node

__all__ = [
    "Done",
    "Event",
    "Node",
    "Page",
    "Plugin",
    "Problem",
    "Request",
    "Response",
    "Viewer",
    "action",
    "badge",
    "button",
    "card",
    "chart",
    "chip",
    "code",
    "col",
    "column",
    "field",
    "form",
    "link",
    "log",
    "markdown",
    "metric",
    "now",
    "option",
    "progress",
    "row",
    "series",
    "tab",
    "table",
    "tabs",
    "text",
]
