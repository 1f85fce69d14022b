"""Mistakes in arguments of components: told where they are made, and judged as Toru judges them."""

from collections.abc import Callable
from typing import Any

import pytest

import toru_plugin
from app.plugins.pages import tables
from app.plugins.pages.checks import Check, Wrong
from app.plugins.pages.nodes import EVERY, FIELD_KINDS, KINDS, OPTION
from toru_plugin import Plugin, button, column, metric, right
from toru_plugin.testing import running

Made = Callable[[], Any]
sdk: Any = toru_plugin
"""As those call it who make mistakes."""


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: sdk.card(sdk.text("a")), "card: title must be text, not a Node"),
        (
            lambda: sdk.card("A", icon="no such icon"),
            "card: icon must be an icon's name, or text of at most 8 characters",
        ),
        (lambda: sdk.text(5), "text: text must be text, not 5"),
        (
            lambda: sdk.metric("A", 1, tone="purple"),
            "metric: tone must be one of ok, warn, bad, info, neutral, not 'purpl",
        ),
        (lambda: sdk.metric("A", 1, share=200), "metric: share must be a number from 0 to 100, not 200"),
        (lambda: sdk.metric("A", 1, trend=[1, "2"]), "metric: trend must be a list, each item of it a number"),
        (lambda: sdk.metric("A", 1, trend=[1] * 201), "metric: trend must be at most 200 items"),
        (lambda: sdk.metric("A", True), "metric: value must be text or a number, not True"),
        (lambda: sdk.row(width=13), "row: width must be a whole number from 1 to 12, not 13"),
        (lambda: sdk.row(only="client"), "row: only must be “admin”, not 'client'"),
        (lambda: sdk.progress(101), "progress: value must be a number from 0 to 100, not 101"),
        (lambda: sdk.log(keep=5000), "log: keep must be a whole number from 1 to 1000, not 5000"),
        (lambda: sdk.link("A", "javascript:alert(1)"), "link: href must be an address that begins with https://"),
        (lambda: sdk.link("A", "//evil.example"), "link: href must be an address"),
        (lambda: sdk.button("A", None), "button: on_press must be a function, not None"),
        (lambda: sdk.form(on_submit="save"), "form: on_submit must be a function, not 'save'"),
        (lambda: sdk.table("A", [], on_action=1), "table: on_action must be a function, not 1"),
        (lambda: sdk.field("a", "A", "colour"), "field: kind must be one of text, password"),
        (lambda: sdk.field("", "A"), "field: name must be text of 1 to 100 characters"),
        (lambda: sdk.field("a", "A", "select"), "field: options must be there for the kind select"),
        (
            lambda: sdk.field("a", "A", options=["b"]),
            r"field: options must be a list, each item of it made by option\(…\)",
        ),
        (lambda: sdk.chart("A", [(1, 2)]), r"chart: series must be a list, each item of it made by series\(…\)"),
        (lambda: sdk.col("key", "A"), "col: key must be another name than key and href, not 'key'"),
        (lambda: sdk.chip("A", "red"), "chip: tone must be one of ok"),
        (lambda: sdk.action("", "A"), "action: name must be text of 1 to 100 characters"),
        (lambda: sdk.series(1), "series: name must be text"),
        (lambda: sdk.option(1, "one"), "option: value must be text, not 1"),
        (lambda: sdk.column(sdk.tab("A")), "column cannot hold tab"),
        (lambda: sdk.tabs(sdk.text("A")), "tabs cannot hold text"),
    ],
)
def test_a_mistake_names_component_and_argument(make: Made, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        make()


def test_a_change_of_the_page_is_judged_too_and_a_wrong_one_changes_nothing() -> None:
    plugin = Plugin(id="made", name="Made", version="1.0")
    plugin.page(lambda: column(metric("A", 1, id="a"), button("Done", lambda event: None)))
    with running(plugin) as core:
        page = core.page()
        with pytest.raises(ValueError, match="metric: tone must be one of"):
            plugin.page.set("a", value=2, tone="purple")
        assert page.press("Done").ok
        assert page.find("a")["value"] == 1


# -- the core and the library judge alike

PROBES: tuple[Any, ...] = (
    *("", "a", "A b", "x" * 8, "x" * 9, "Xxxxxxxxx", "x" * 40, "x" * 41, "x" * 100, "x" * 101, "x" * (64 << 10)),
    *("é" * (64 << 10), "key", "href", "👋", "/a", "//a", "https://a", "https://", "ftp://a", "/a b", "/a\\b"),
    *(True, False, -1, 0, 1, 12, 13, 100, 100.5, 101, 1000, 1001, 10_000, 10_001, 0.5),
    *([], [1], ["a"], [{}], {}, [1] * 200, [1] * 201),
    *right.TONES,
    *right.COLUMNS,
    *FIELD_KINDS,
    *("body", "quiet", "strong", "heading", "mono", "line", "area", "bar", "category", "small", "medium", "large"),
    *("primary", "plain", "danger", "admin", "client"),
)
LATER = {("table", "columns"), ("table", "rows"), ("field", "value"), ("field", "options"), ("chart", "series")}
"""What the library hands on: these are judged together with what else the component has."""

TAKEN_AS_IT_IS = {("log", "lines")}


def judged(check: Check, value: Any) -> bool:
    try:
        check(value)
    except Wrong:
        return False
    return True


@pytest.mark.parametrize("component", KINDS)
def test_the_library_judges_arguments_as_the_core_does(component: str) -> None:
    differing = [
        (name, value)
        for name, check in {**KINDS[component].fields, **EVERY}.items()
        if (component, name) not in LATER | TAKEN_AS_IT_IS and name != "id"
        for value in PROBES
        if judged(check, value) != fits(component, name, value)
    ]
    assert differing == []


@pytest.mark.parametrize(
    ("part", "check", "whole"),
    [
        ("col", tables.COLUMN, {"key": "a", "label": "A"}),
        ("chip", tables.CHIP, {"text": "A"}),
        ("action", tables.ACTION, {"name": "a", "label": "A"}),
        ("option", OPTION, {"value": "a", "text": "A"}),
    ],
)
def test_the_library_judges_parts_as_the_core_does(part: str, check: Check, whole: dict[str, Any]) -> None:
    differing = [
        (name, value)
        for name in right.COMPONENTS[part]
        for value in PROBES
        if judged(check, whole | {name: value}) != fits(part, name, value)
        if (name, value) not in {("key", "key"), ("key", "href")}  # the core says so of all columns together
    ]
    assert differing == []


def fits(component: str, name: str, value: Any) -> bool:
    try:
        right.require(component, {name: value})
    except ValueError:
        return False
    return True
