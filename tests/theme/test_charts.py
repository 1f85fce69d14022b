"""Charts: their colours are tokens, and they hold no data of their own."""

import json
import re

from theme.charts import load_chart_options
from theme.tokens import CHART


def test_every_colour_of_a_chart_is_a_token() -> None:
    colours = set(re.findall(r"#[0-9A-Fa-f]{6}", json.dumps(load_chart_options())))
    assert colours <= set(CHART.values())


def test_a_chart_brings_no_points_and_no_animation() -> None:
    options = load_chart_options()
    assert options["animation"] is False
    assert all(series["data"] == [] for series in options["series"])
