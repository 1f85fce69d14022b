"""plugins/README.md says what is true: each of its blocks is executed, each component is in it, and no other."""

import asyncio
import inspect
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import toru_plugin
from app.plugins.pages.nodes import KINDS
from app.plugins.pages.page import PluginPage
from tests.plugins.pages.support import looking
from tests.plugins.puppet import until_healthy
from tests.sdk.support import PLUGINS, SDK, python, toru
from tests.support.clients import http_client, session_cookies
from tests.support.server import ROOT, Server
from toru_plugin import Event, Node, Plugin, Viewer, column, components
from toru_plugin.testing import running

GUIDE = (PLUGINS / "README.md").read_text()
PARTS = ("col", "chip", "action", "series", "option", "now")
LEFT_TO_PLACE = {"place", "children"}

TORU = """#!/bin/sh
export TORU_CALLED_FROM="$PWD"
cd {root}
exec {python} -m app.cli "$@"
"""


def blocks(language: str, chapter: str) -> list[str]:
    text = GUIDE.partition(f"\n## {chapter}\n")[2].partition("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_every_block_belongs_to_a_chapter_that_is_tried() -> None:
    tried = {
        "Five minutes": ["sh", "python", "python", "sh", "sh"],
        "The page": ["python"],
        "Components": ["python"],
        "Requests": ["python"],
        "Values, and what comes with them": ["python"],
        "Tests": ["python", "sh"],
        "Debugging": ["sh", "sh"],
        "Licences": ["python"],
        "Other languages": ["python"],
    }
    chapters = re.split(r"\n## ", GUIDE)[1:]
    found = {chapter.partition("\n")[0]: re.findall(r"```(\w+)\n.*?```", chapter, re.DOTALL) for chapter in chapters}
    assert {name: languages for name, languages in found.items() if languages} == tried


@pytest.mark.parametrize("guide", [PLUGINS / "README.md", SDK / "README.md", PLUGINS / "rust" / "README.md"])
def test_links_lead_somewhere(guide: Path) -> None:
    links = re.findall(r"\]\(((?!https?:)[^)]+)\)", guide.read_text())
    for link in links:
        file, _, place = link.partition("#")
        target = guide.parent / file if file else guide
        assert target.exists(), link
        titles = re.findall(r"(?m)^#+ (.*)$", target.read_text()) if place else []
        assert not place or place in {
            re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in titles
        }, link


def test_the_example_of_the_librarys_readme_works() -> None:
    (text,) = re.findall(r"```python\n(.*?)```", (SDK / "README.md").read_text(), re.DOTALL)
    names: dict[str, Any] = {"__name__": "readme"}
    exec(compile(text, "plugins/sdk/README.md", "exec"), names)
    with running(names["plugin"]) as p:
        assert p.page().press("Greet").message == "Hello, ada."
        assert p.page().find("visits")["value"] == 1


# -- five minutes, and what comes after them


@pytest.mark.timeout(120)
async def test_from_nothing_to_a_live_page(start_server: Any, tmp_path: Path) -> None:
    (tmp_path / "server0" / "plugins").mkdir(parents=True)
    server: Server = await start_server()
    launcher = server.folder / "toru"
    launcher.write_text(TORU.format(root=ROOT, python=sys.executable))
    launcher.chmod(0o755)

    async def type_in(lines: str) -> str:
        done = await asyncio.to_thread(
            subprocess.run, ["sh", "-eu", "-c", lines], cwd=server.folder, env=server.environment(),
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{lines}\n{done.stdout}{done.stderr}"
        return str(done.stdout)

    new, test, run = blocks("sh", "Five minutes")
    (check,), (logs, by_hand) = blocks("sh", "Tests"), blocks("sh", "Debugging")
    plugin, its_test = blocks("python", "Five minutes")
    await type_in(new)
    (server.folder / "pulse" / "pulse.py").write_text(plugin)
    (server.folder / "pulse" / "test_pulse.py").write_text(its_test)
    assert "1 of 1 tests passed." in await type_in(test)
    await type_in(run)
    async with http_client(server, await session_cookies(server)) as admin:
        await until_healthy(admin, "pulse")
        async with looking(admin, "pulse") as viewer:
            tree = await viewer.tree()
            chart, clear = tree["children"][1]["children"]
            form = tree["children"][2]["children"][0]
            assert (chart["type"], clear["type"], form["type"]) == ("chart", "button", "form")
            patches = await viewer.patches()
            assert any("points" in patch for patch in patches)
            assert (await viewer.ask(form["id"], "submit", values={"limit": "x"}))["errors"].keys() == {"limit"}
            assert (await viewer.ask(form["id"], "submit", values={"limit": "-1"}))["message"] == "Saved."
            assert (await viewer.ask(clear["id"]))["ok"]
        shown = (await admin.get("/api/plugins/pulse/page")).json()["tree"]
        assert shown["children"][0]["children"][0]["tone"] == "warn"
    assert "No rule is broken." in await type_in(check)
    assert "It is ready." in await type_in(logs)
    told = await type_in(by_hand)
    assert "is a plugin for Toru Steering Center" in told
    assert json.loads(told.splitlines()[-1])["id"] == "pulse"


# -- one plugin, chapter by chapter


@pytest.fixture
def names() -> dict[str, Any]:
    """The names that the blocks from chapter to chapter share."""
    return {"plugin": Plugin(id="guide", name="Guide", version="1.0.0"), "__name__": "guide"}


def execute(names: dict[str, Any], *chapters: str) -> None:
    for chapter in chapters:
        for block in blocks("python", chapter):
            exec(compile(block, f"plugins/README.md: {chapter}", "exec"), names)


def test_the_handler_returns_what_the_comments_say(names: dict[str, Any]) -> None:
    execute(names, "The page")

    def outcome(**values: Any) -> Any:
        return names["save"](Event("form", Viewer("ada", "admin"), {"name": "ada", "size": 1, **values}))

    assert outcome() == "Saved."
    assert outcome(name="root").errors == {"name": "This name is taken."}
    assert outcome(size=None).message == "Say how large it shall be."
    assert (outcome(size=101).kind, outcome(size=101).go) == ("info", "/plugins")


def test_the_page_is_one_for_the_core_and_the_tests_pass(names: dict[str, Any]) -> None:
    execute(names, "Components")
    PluginPage().show(toru_plugin.tree.Tree(names["page"]()).root.as_json())
    execute(names, "Requests", "Tests")


def test_what_is_repeated_keeps_its_count(names: dict[str, Any]) -> None:
    execute(names, "Values, and what comes with them")
    with running(names["plugin"]) as p:
        p.kv["times"] = "98"
        while not p.toasts:
            names["look"]()
        assert p.toasts == [("Looked a hundred times.", "success")]


def test_the_line_about_licences_wants_one(names: dict[str, Any]) -> None:
    execute(names, "Licences")
    assert names["plugin"].metadata["license"] == "required"


def test_the_shortest_plugin_without_the_library_keeps_every_rule(tmp_path: Path) -> None:
    file = tmp_path / "tiny.binary"
    (text,) = blocks("python", "Other languages")
    file.write_text(text)
    file.chmod(0o755)
    done = toru("plugin", "check", "tiny.binary", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    (message,) = re.findall(r'`(\{"type": "page".*\})`', GUIDE)
    PluginPage().show(json.loads(message)["payload"]["tree"])


def test_the_library_can_be_installed(tmp_path: Path) -> None:
    """What `pip install plugins/sdk` would install are the packages that are there."""
    import tomllib

    told = tomllib.loads((SDK / "pyproject.toml").read_text())
    packages = {".".join(path.parent.relative_to(SDK).parts) for path in (SDK / "toru_plugin").rglob("__init__.py")}
    assert set(told["tool"]["setuptools"]["packages"]) == packages
    assert told["project"]["dependencies"] == []
    assert (SDK / "toru_plugin" / "py.typed").is_file()
    copy = Path(shutil.copytree(SDK / "toru_plugin", tmp_path / "toru_plugin"))
    assert python("-c", "import toru_plugin", cwd=copy.parent).returncode == 0


# -- the tables


def rows(mark: str) -> dict[str, str]:
    """The signatures of a table, by name."""
    table = GUIDE.partition(f"<!-- {mark} -->\n")[2].partition("\n\n")[0]
    return {text.partition("(")[0]: text for text in re.findall(r"(?m)^\| `(\w+\(.*?\))` \|", table)}


def test_every_component_of_the_core_is_in_the_table_and_a_function() -> None:
    assert list(rows("components")) == list(KINDS)
    assert set(KINDS) <= set(toru_plugin.__all__)
    assert tuple(rows("parts")) == PARTS


@pytest.mark.parametrize("name", [*KINDS, *PARTS])
def test_a_row_tells_what_the_function_takes(name: str) -> None:
    told = (rows("components") | rows("parts"))[name]
    parameters = inspect.signature(getattr(toru_plugin, name)).parameters.values()
    expected = []
    for one in parameters:
        if one.kind is one.VAR_KEYWORD:
            continue
        default = "" if one.default is one.empty else "=" + repr(one.default).replace("'", '"')
        if one.kind is one.VAR_POSITIONAL:
            expected.append({"tabs": "tab, …", "chart": "series, …"}.get(name, "child, …"))
        else:
            expected.append(f"{one.name}{default}")
    assert told == f"{name}({', '.join(expected)})"


@pytest.mark.parametrize("name", KINDS)
def test_a_function_can_say_every_field_that_the_core_knows(name: str) -> None:
    taken = set(inspect.signature(getattr(components, name)).parameters) - LEFT_TO_PLACE
    handlers = {"on_press", "on_submit", "on_action"}
    assert taken - handlers == set(KINDS[name].fields) - ({"series"} if name == "chart" else set()) | (
        {"lines"} if name == "chart" else set()
    )


def test_what_is_left_out_looks_as_the_core_means_it() -> None:
    """Each component with as little as it takes is one for the core."""
    made: dict[str, Node] = {
        "field": toru_plugin.form(components.field("name", "Name"), on_submit=lambda event: None),
        "tab": components.tabs(components.tab("One")),
        "table": components.table("Disks", [components.col("a", "A")]),
        "link": components.link("Plugins", "/plugins"),
        "form": toru_plugin.form(on_submit=lambda event: None),
        "button": components.button("Go", lambda event: None),
        "metric": components.metric("Load", 1.5),
        "progress": components.progress(None),
        **{name: getattr(components, name)("x") for name in ("text", "markdown", "card", "badge", "code", "chart")},
        **{name: getattr(components, name)() for name in ("column", "row", "tabs", "log")},
    }
    assert set(made) == set(KINDS)
    PluginPage().show(toru_plugin.tree.Tree(column(*made.values())).root.as_json())
