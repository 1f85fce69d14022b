"""How charts look: ECharts options without data. Letters and grid lines follow light and dark in the browser."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from theme.tokens import CHART

SERIES: Final = tuple(CHART[name] for name in ("violet", "green", "amber", "blue", "rose"))
"""The colours of one series after the other."""

_TIME_AXIS: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "axisLine": {"show": False},
        "axisTick": {"show": False},
        "splitLine": {"show": False},
        "splitNumber": 5,
        "axisLabel": {"fontSize": 11.5, "hideOverlap": True},
    }
)


def _tooltip() -> dict[str, Any]:
    return {
        "trigger": "axis",
        "confine": True,
        "borderWidth": 0,
        "backgroundColor": CHART["tooltip"],
        "textStyle": {"color": CHART["tooltip-ink"], "fontSize": 12},
        "extraCssText": "border-radius:10px",
    }


def load_chart_options() -> dict[str, Any]:
    """Percentages over time, the first series above the second, drawn without animation."""
    return {
        "animation": False,
        "grid": {"left": 42, "right": 8, "top": 12, "bottom": 26},
        "tooltip": _tooltip(),
        "xAxis": {
            **_TIME_AXIS,
            "type": "time",
            "axisLabel": {**_TIME_AXIS["axisLabel"], "formatter": "{HH}:{mm}"},
        },
        "yAxis": {
            "type": "value",
            "min": 0,
            "max": 100,
            "interval": 25,
            "axisLabel": {"fontSize": 11.5, "formatter": "{value} %"},
        },
        "series": [
            {**line("CPU", CHART["violet"]), **area(CHART["violet"], "55"), "data": []},
            {**line("Memory", CHART["green"]), **area(CHART["green"], "26"), "data": []},
        ],
    }


def plugin_chart_options() -> dict[str, Any]:
    """What charts of plugins begin with: the parts of any chart, and every series' look by its kind."""
    return {
        "base": {
            "animation": False,
            "grid": {"left": 4, "right": 10, "top": 12, "bottom": 2, "containLabel": True},
            "tooltip": _tooltip(),
        },
        "x": dict(_TIME_AXIS),
        "y": {"type": "value", "splitNumber": 4, "axisLabel": {"fontSize": 11.5}},
        "series": [
            {"line": line("", colour), "area": {**line("", colour), **area(colour, "44")}, "bar": bar(colour)}
            for colour in SERIES
        ],
    }


def line(name: str, colour: str) -> dict[str, Any]:
    """A smooth line."""
    return {
        "name": name,
        "type": "line",
        "showSymbol": False,
        "smooth": 0.2,
        "connectNulls": False,
        "lineStyle": {"width": 2, "color": colour},
        "itemStyle": {"color": colour},
    }


def area(colour: str, strength: str) -> dict[str, Any]:
    """The ground below a line, fading out."""
    fade = [{"offset": 0, "color": colour + strength}, {"offset": 1, "color": colour + "00"}]
    return {"areaStyle": {"color": {"type": "linear", "x": 0, "y": 0, "x2": 0, "y2": 1, "colorStops": fade}}}


def bar(colour: str) -> dict[str, Any]:
    """Bars, round at the top."""
    return {"type": "bar", "barMaxWidth": 34, "itemStyle": {"color": colour, "borderRadius": [5, 5, 0, 0]}}
