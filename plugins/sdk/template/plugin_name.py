"""What this plugin is for, in one line."""

import os

from toru_plugin import Event, Node, Plugin, Request, button, card, chart, column, metric, now, series

plugin = Plugin(
    id="plugin-name",
    name="Plugin name",
    version="1.0.0",
    icon="🧩",
    route="/plugin-name",
    description="What this plugin is for.",
)


@plugin.get("/load")
def load(request: Request) -> dict[str, float]:
    return {"load": os.getloadavg()[0]}


def press(event: Event) -> str:
    plugin.log.info(f"{event.viewer.name} pressed the button.")
    return f"Hello, {event.viewer.name}."


@plugin.page
def page() -> Node:
    return column(
        card("Load", metric("Now", os.getloadavg()[0], id="now"), chart("Last minutes", series("load"), id="chart")),
        button("Say hello", on_press=press),
    )


@plugin.every(5)
def tick() -> None:
    value = os.getloadavg()[0]
    plugin.page.set("now", value=value)
    plugin.page.points("chart", {"load": [(now(), value)]}, keep=100)


if __name__ == "__main__":
    plugin.run()
