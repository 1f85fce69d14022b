"""How charts look: ECharts options without data. Letters and grid lines follow light and dark in the browser."""

from typing import Any

from theme.tokens import CHART


def load_chart_options() -> dict[str, Any]:
    """Percentages over time, the first series above the second, drawn without animation."""
    return {
        "animation": False,
        "grid": {"left": 42, "right": 8, "top": 12, "bottom": 26},
        "tooltip": {
            "trigger": "axis",
            "confine": True,
            "borderWidth": 0,
            "backgroundColor": CHART["tooltip"],
            "textStyle": {"color": CHART["tooltip-ink"], "fontSize": 12},
            "extraCssText": "border-radius:10px",
        },
        "xAxis": {
            "type": "time",
            "axisLine": {"show": False},
            "axisTick": {"show": False},
            "splitLine": {"show": False},
            "splitNumber": 5,
            "axisLabel": {"fontSize": 11.5, "hideOverlap": True, "formatter": "{HH}:{mm}"},
        },
        "yAxis": {
            "type": "value",
            "min": 0,
            "max": 100,
            "interval": 25,
            "axisLabel": {"fontSize": 11.5, "formatter": "{value} %"},
        },
        "series": [_area("CPU", CHART["violet"], "55"), _area("Memory", CHART["green"], "26")],
    }


def _area(name: str, colour: str, strength: str) -> dict[str, Any]:
    fade = [{"offset": 0, "color": colour + strength}, {"offset": 1, "color": colour + "00"}]
    return {
        "name": name,
        "type": "line",
        "showSymbol": False,
        "smooth": 0.2,
        "connectNulls": False,
        "lineStyle": {"width": 2, "color": colour},
        "itemStyle": {"color": colour},
        "areaStyle": {"color": {"type": "linear", "x": 0, "y": 0, "x2": 0, "y2": 1, "colorStops": fade}},
        "data": [],
    }
