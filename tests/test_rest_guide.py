"""docs/rest.md says what is true: its lines are executed, one after the other, and answer what stands below them."""

import asyncio
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from tests.conftest import StartServer
from tests.support.clients import http_client, session_cookies
from tests.support.server import ROOT, Server
from tests.support.waiting import eventually

GUIDE = (ROOT / "docs" / "rest.md").read_text()
HERE = "127.0.0.1:3000"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
MARK = "-- the end of this block --"


class Step(NamedTuple):
    """What is typed in, and what is answered: None where the guide does not show it."""

    chapter: str
    language: str
    typed: str
    shown: str | None


def steps() -> list[Step]:
    """Every block that is executed, with the block that shows its answer."""
    found: list[Step] = []
    for chapter in re.split(r"(?m)^## ", GUIDE):
        title = chapter.partition("\n")[0]
        blocks = BLOCK.findall(chapter)
        for number, (language, text) in enumerate(blocks):
            if language in ("sh", "python"):
                after = blocks[number + 1] if number + 1 < len(blocks) else ("", "")
                found.append(Step(title, language, text, after[1] if after[0] in ("json", "text") else None))
    return found


def script(server: Server) -> str:
    """One shell script of all blocks, so that a variable stays; each begins with its number on a line."""
    lines = ["set -eu"]
    for number, step in enumerate(steps()):
        typed = step.typed.replace(HERE, f"127.0.0.1:{server.port}")
        if step.language == "python":
            Path(server.folder / f"{number}.py").write_text(typed)
            typed = f"TOKEN=$TOKEN RUN=$RUN {sys.executable} {number}.py\n"
        lines += [f"# {step.chapter}", typed, f"printf '\\n%s\\n' '{MARK}'"]
    return "\n".join(lines)


async def answers(server: Server) -> list[str]:
    """What each block printed."""
    done = await asyncio.to_thread(
        subprocess.run, ["sh", "-c", script(server)], cwd=server.folder, env=server.environment(),
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr}"
    return done.stdout.split(f"\n{MARK}\n")[:-1]


def shape(value: Any) -> Any:
    """Names and kinds: what stays of an answer when its values do not matter."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def lacking(shown: Any, told: Any, place: str = "answer") -> list[str]:
    """What the guide shows otherwise than it is: a field that is missing or of another kind; further ones are fine."""
    if isinstance(shown, dict) and isinstance(told, dict):
        missing = [f"{place}.{name} is missing" for name in shown.keys() - told.keys()]
        both = [lacking(shown[name], told[name], f"{place}.{name}") for name in shown.keys() & told.keys()]
        return missing + [one for some in both for one in some]
    if isinstance(shown, list) and isinstance(told, list) and shown and told:
        return lacking(shown[0], told[0], f"{place}[0]")
    if shown == told or "NoneType" in (shown, told):  # what a machine does not tell is null
        return []
    return [f"{place} is {told}, not {shown}"]


async def _finds_plugins(client: httpx.AsyncClient) -> bool:
    return bool((await client.get("/api/plugins")).json())


@pytest.mark.needs("curl")
@pytest.mark.timeout(180)
async def test_every_line_is_executed_and_answers_what_is_shown(start_server: StartServer, tmp_path: Path) -> None:
    plugins = tmp_path / "server0" / "plugins"
    plugins.mkdir(parents=True)
    shutil.copy(ROOT / "plugins" / "uptime" / "uptime.binary", plugins)
    server = await start_server()
    async with http_client(server, await session_cookies(server)) as admin:
        await eventually(lambda: _finds_plugins(admin))  # the folder is looked at soon after the start
    (example,) = re.findall(r"(?ms)^```bash\n(.*?)^```", GUIDE)
    server.script("nightly.sh", example)
    told = await answers(server)
    expected = steps()
    assert len(told) == len(expected) > 15
    for step, answer in zip(expected, told, strict=True):
        where = f"docs/rest.md, {step.chapter}:\n{step.typed}\nanswers\n{answer}"
        if step.shown is None:
            continue
        try:
            shown = json.loads(step.shown)
        except ValueError:
            assert lines_of(answer) == lines_of(step.shown), where
            continue
        assert lacking(shape(shown), shape(json.loads(answer))) == [], where


@pytest.mark.needs("curl")
async def test_the_lines_of_the_readme_are_executed_too(
    server: Server, admin: httpx.AsyncClient, tmp_path: Path
) -> None:
    chapter = (ROOT / "README.md").read_text().partition("\n## REST and WebSocket\n")[2].partition("\n## ")[0]
    lines = "".join(text for language, text in BLOCK.findall(chapter) if language == "sh")
    assert lines.count("curl ") == 8
    shutil.copy(ROOT / "scripts" / "system-report.sh", server.scripts_dir)
    made = await admin.post("/api/tokens", json={"name": "readme", "scopes": ["read"]})
    typed = f'set -eu\nTOKEN={made.json()["token"]}\ncurl() {{ command curl -fsS "$@"; }}\n{lines}'
    done = await asyncio.to_thread(
        subprocess.run, ["sh", "-c", typed.replace(HERE, f"127.0.0.1:{server.port}")], cwd=tmp_path,
        env=server.environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr}"
    assert 'event: exit\ndata: {"state":"succeeded","code":0' in done.stdout
    assert '"cpu_percent"' in done.stdout.rpartition("event: exit")[2], "the token reads the machine"


def lines_of(text: str) -> list[str]:
    """Lines, but for spaces at their ends and empty ones at the end."""
    return [line.rstrip() for line in text.strip().splitlines()]


def test_every_block_that_shows_an_answer_stands_below_what_is_executed() -> None:
    blocks = BLOCK.findall(GUIDE)
    for before, (language, _) in zip([("", ""), *blocks], blocks, strict=False):
        assert language in ("sh", "python", "bash", "json", "text")
        assert language not in ("json", "text") or before[0] in ("sh", "python")


@pytest.mark.parametrize("number", range(3))
def test_an_answer_that_differs_is_told(number: int) -> None:
    """Of what the comparison itself is worth."""
    shown = {"a": 1, "b": [{"c": "x"}], "d": None}
    told: tuple[Any, ...] = ({"b": [{"c": "x"}], "d": 1}, {"a": 1, "b": [{}], "d": 1}, {"a": "1", "b": [], "d": 1})
    assert lacking(shape(shown), shape(shown)) == []
    assert lacking(shape(shown), shape(told[number])) != []
