"""The examples keep every rule, pass their own tests, and do no harm in the plugins folder."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from app.plugins.folder import PluginFolder
from app.plugins.pages.page import PluginPage
from tests.plugins.support import ADMIN, CARLA
from tests.plugins.test_protocol_guide import vectors
from tests.sdk.support import INSTANCE, PLUGINS, SDK, packed, python, toru, write_plugin
from toru_plugin.testing import running

PYTHON = ("hello", "services")


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example in Rust, built without asking anybody."""
    folder = tmp_path_factory.mktemp("rust")
    build = ["cargo", "build", "--release", "--locked", "--offline", "--target-dir", str(folder)]
    done = subprocess.run(build, cwd=PLUGINS / "rust", capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr
    return Path(shutil.copy(folder / "release" / "memory", folder / "memory.binary"))


def require_every_rule(file: Path) -> None:
    done = toru("plugin", "check", file, cwd=file.parent)
    assert done.returncode == 0, done.stdout
    assert "note" not in done.stdout, done.stdout
    assert done.stdout.endswith("No rule is broken.\n")


@pytest.mark.parametrize("name", PYTHON)
def test_an_example_in_python_passes_its_own_tests(name: str) -> None:
    done = python("-m", "toru_plugin.testing", PLUGINS / name)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\n(\d+) of \1 tests passed", done.stdout)


def test_the_page_of_services_with_a_chosen_one_is_one_for_the_core() -> None:
    code = """
import json
from test_services import JOURNALCTL, SYSTEMCTL, plugin, programs, running
with programs(systemctl=SYSTEMCTL, journalctl=JOURNALCTL), running(plugin) as p:
    p.page().act("table", "web.service", "show")
    print(json.dumps(p.page().tree))
"""
    done = python("-c", code, PYTHONPATH=f"{SDK}:{PLUGINS / 'services'}")
    assert done.returncode == 0, done.stderr
    tree = json.loads(done.stdout.splitlines()[-1])
    page = PluginPage()
    page.show(tree)
    assert page.tree(ADMIN) == tree, "the core drops nothing of it"
    assert '"stop"' in json.dumps(page.tree(ADMIN))
    assert '"stop"' not in json.dumps(page.tree(CARLA))
    assert "listening" not in json.dumps(page.tree(CARLA)), "a journal may tell what clients must not know"


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", PYTHON)
def test_an_example_in_python_keeps_every_rule(name: str, tmp_path: Path) -> None:
    require_every_rule(packed(name, tmp_path))


@pytest.mark.timeout(120)
def test_the_example_of_protocol_1_keeps_every_rule() -> None:
    require_every_rule(PLUGINS / "uptime" / "uptime.binary")


@pytest.mark.timeout(120)
@pytest.mark.parametrize("check", ["public_key={public!r}", "secret={secret!r}"])
def test_a_plugin_that_wants_a_licence_keeps_every_rule(tmp_path: Path, check: str) -> None:
    given = vectors()
    code = f"plugin.require_license({check.format(public=given['public key'], secret=given['HMAC secret'])})"
    file = write_plugin(tmp_path, code, id=given["plugin"])
    without = toru("plugin", "check", file, cwd=tmp_path)
    assert (without.returncode, "FAIL" in without.stdout) == (0, False), without.stdout
    key = given["v2 key" if "public" in check else "HMAC key"]
    rules = ["--rule", "license-foreign", "--rule", "http-answer"]
    with_key = toru("plugin", "check", *rules, file, cwd=tmp_path, TORU_LICENSE_KEY=key, TORU_INSTANCE_ID=INSTANCE)
    assert with_key.returncode == 0, with_key.stdout
    assert "ok    http-answer" in with_key.stdout


@pytest.mark.timeout(400)
@pytest.mark.needs("cargo")
def test_the_example_in_rust_keeps_every_rule(memory: Path) -> None:
    require_every_rule(memory)


@pytest.mark.timeout(400)
@pytest.mark.needs("cargo")
def test_the_example_in_rust_lives(memory: Path) -> None:
    with running(memory) as p:
        page = p.page()
        page.wait(lambda page: len(page.find("chart")["series"][0]["data"]) >= 2)
        assert page.find("free")["value"] > 0
        assert page.press("Start anew").message == "The chart begins anew."
        assert p.get("/free?x=1").json()["free_mb"] > 0
        assert p.get("/other").status == 404


@pytest.mark.timeout(400)
@pytest.mark.needs("cargo")
def test_the_example_in_rust_passes_its_own_tests(tmp_path: Path) -> None:
    test = ["cargo", "test", "--locked", "--offline", "--target-dir", str(tmp_path)]
    done = subprocess.run(test, cwd=PLUGINS / "rust", capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "test result: ok" in done.stdout


def test_hello_is_about_twenty_lines() -> None:
    lines = [line for line in (PLUGINS / "hello" / "hello.py").read_text().splitlines() if line.strip()]
    assert len(lines) <= 22


def test_the_folders_of_the_examples_do_no_harm_in_the_plugins_folder(tmp_path: Path) -> None:
    copy = Path(shutil.copytree(PLUGINS, tmp_path / "plugins", ignore=shutil.ignore_patterns("target", "*.binary")))
    shutil.copy(PLUGINS / "uptime" / "uptime.binary", copy / "uptime")
    found = PluginFolder(copy, lambda: 0.0).look()
    assert (found.files, found.refused, found.busy) == ({}, {}, set())
