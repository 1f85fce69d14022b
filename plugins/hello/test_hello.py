"""Hello, as its viewers see it."""

from hello import plugin
from toru_plugin.testing import running


def test_it_greets_and_counts() -> None:
    with running(plugin) as p:
        assert p.get("/greeting?name=Ada").json() == {"hello": "Ada"}
        page = p.page()
        assert page.press("Greet").message == "Hello, ada."
        assert page.find("visits")["value"] == 1
        assert p.kv == {"visits": "1"}
