"""What Grafana and Prometheus are given speaks of figures that are told, and of all of them."""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.core.log import LogFile
from app.core.permissions import Actor
from app.core.vitals import Vitals
from app.metrics.core_families import process_families
from app.metrics.exposition import Family
from app.services import Services
from tests.support.server import ROOT

DASHBOARD = ROOT / "docs" / "grafana" / "toru.json"
ALERTS = ROOT / "docs" / "prometheus" / "alerts.yml"
GUIDE = ROOT / "docs" / "monitoring.md"
NAME = re.compile(r"\btoru_[a-z0-9_]+")
SERIES = {"histogram": ("_bucket", "_sum", "_count")}


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text())["panels"]
    return found


def queries() -> Iterator[str]:
    """Every expression of the dashboard and of the alerts."""
    for panel in panels():
        yield from (target["expr"] for target in panel.get("targets", ()))
    yield from re.findall(r"(?m)^ +expr: (.+)$", ALERTS.read_text())


def series(family: Family) -> set[str]:
    return {family.name + suffix for suffix in SERIES.get(family.kind, ("",))}


@pytest.fixture
async def families(services: Services, tmp_path: Path) -> list[Family]:
    """Every family there is, of a core that has all of them."""
    log_file = await asyncio.to_thread(LogFile, tmp_path / "toru.log")
    vitals = Vitals(log=log_file)
    vitals.turns.begin()
    await services.monitor.resources_json()
    told = {family.name: family for family in await services.metrics.families(Actor.system())}
    of_process = await asyncio.to_thread(lambda: list(process_families("x", None, vitals)))
    await asyncio.to_thread(log_file.close)
    told |= {family.name: family for family in of_process}
    return list(told.values())


async def test_every_name_that_is_asked_for_is_told(families: list[Family]) -> None:
    told = {name for family in families for name in series(family)}
    asked = {name for query in queries() for name in NAME.findall(query)}
    assert asked - told == set(), "Nobody tells these."


async def test_every_figure_is_shown(families: list[Family]) -> None:
    asked = {name for query in queries() for name in NAME.findall(query)}
    forgotten = [family.name for family in families if not series(family) & asked]
    assert forgotten == [], "Show these on the dashboard."


async def test_every_figure_is_in_the_guide_and_no_other(families: list[Family]) -> None:
    named = set(re.findall(r"`(toru_[a-z0-9_]+)`", GUIDE.read_text()))
    assert {family.name for family in families} - named == set(), "Describe these in docs/monitoring.md."
    assert named - {name for family in families for name in {family.name, *series(family)}} == set(), "These are gone."


async def test_labels_that_are_asked_for_are_there(families: list[Family]) -> None:
    labels: dict[str, set[str]] = {name: set() for family in families for name in series(family)}
    for family in families:
        for found, _ in family.samples:
            for name in series(family):
                labels[name] |= {*found, *(("le",) if family.kind == "histogram" else ())}
    known = set.union(*labels.values()) | {"instance", "job", "plugin", "route", "method", "status"}
    for query in queries():
        by = {label.strip() for inside in re.findall(r"\b(?:by|on) ?\(([^)]*)\)", query) for label in inside.split(",")}
        matched = set(re.findall(r"[{,]\s*([a-z_]+)(?:=|!)", query))
        assert by | matched <= known, query


def test_each_panel_has_a_place_of_its_own_and_asks_the_chosen_prometheus() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not taken & cells, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
        for target in panel.get("targets", ()):
            assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
            assert "$instance" in target["expr"], target["expr"]
    assert len({panel["id"] for panel in panels()}) == len(panels())


def test_the_dashboard_lets_one_choose_prometheus_and_machines() -> None:
    variables = {one["name"]: one for one in json.loads(DASHBOARD.read_text())["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    assert variables["datasource"]["query"] == "prometheus"
    assert variables["instance"]["definition"] == "label_values(toru_build_info, instance)"
    assert variables["instance"]["multi"] is variables["instance"]["includeAll"] is True


def test_each_alert_has_a_severity_and_a_summary() -> None:
    alerts = ALERTS.read_text().split("- alert: ")[1:]
    assert len(alerts) >= 10
    for alert in alerts:
        assert re.search(r"severity: (critical|warning|info)\}", alert), alert
        assert "summary: " in alert, alert
