"""Says hello, and counts how often."""

from toru_plugin import Event, Node, Plugin, Request, button, card, column, metric

plugin = Plugin(id="hello", name="Hello", version="1.0.0", icon="👋", route="/hello", description="Says hello.")


@plugin.get("/greeting")
def greeting(request: Request) -> dict[str, str]:
    return {"hello": request.query.get("name", "world")}


def greet(event: Event) -> str:
    visits = int(plugin.kv.get("visits") or 0) + 1
    plugin.kv.set("visits", str(visits))
    plugin.page.set("visits", value=visits)
    return f"Hello, {event.viewer.name}."


@plugin.page
def page() -> Node:
    visits = metric("Visits", plugin.kv.get("visits") or 0, id="visits")
    return column(card("Hello", visits, button("Greet", on_press=greet, kind="primary")))


if __name__ == "__main__":
    plugin.run()
