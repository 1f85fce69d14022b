"""The first test of Plugin name."""

from plugin_name import plugin

from toru_plugin.testing import running


def test_it_answers_and_shows_its_page() -> None:
    with running(plugin) as p:
        assert "load" in p.get("/load").json()
        page = p.page()
        assert page.press("Say hello").message == "Hello, ada."
        page.wait(lambda page: page.find("chart")["series"][0]["data"])
