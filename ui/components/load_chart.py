"""The chart of CPU and memory over the last hour; its points never pass through NiceGUI."""

from nicegui import ui

from theme.charts import load_chart_options
from ui.components.parts import LIVE


class LoadChart(ui.echart, component="load_chart.js", dependencies=list(LIVE)):
    """An ECharts chart that fetches the hour by REST and goes on with the live figures."""

    def __init__(self) -> None:
        super().__init__(load_chart_options())
        self.classes(remove="nicegui-echart")


def load_chart() -> LoadChart:
    """The chart, at the full width of what it stands in."""
    return LoadChart()
