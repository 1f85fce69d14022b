"""The kit, tried on plugins that a test makes."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterable
from contextlib import aclosing
from pathlib import Path

from app.plugins.conformance.findings import Finding, Result
from app.plugins.conformance.kit import Installation, check_plugin
from app.plugins.process import Starter, plugin_environment

Changes = list[tuple[str, str]]

AT_ONCE = 4
"""Plugins looked at together: mostly they wait."""

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
INSTANCE = "3f2b8c1e-5d47-4a90-9c1b-7e6f0a1d2c3b"


def sample(name: str) -> str:
    """The text of a sample."""
    return (SAMPLES / f"{name}.binary").read_text()


def plugin(folder: Path, text: str, *changes: tuple[str, str]) -> Path:
    """A plugin's file, made of a sample by changes to its text."""
    for old, new in changes:
        assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
        text = text.replace(old, new)
    file = folder / "made.binary"
    file.write_text(text)
    file.chmod(0o755)
    return file


async def findings(file: Path, *rules: str, key: str | None = None, instance_id: str = INSTANCE) -> dict[str, Finding]:
    """What the kit says of these rules, or of all, by rule, in its order."""
    with tempfile.TemporaryDirectory(prefix="toru-") as folder:
        starter = Starter(shutil.which("setpriv") or "setpriv", Path(folder), plugin_environment())
        installation = Installation(starter, Path(folder), instance_id, key)
        async with aclosing(check_plugin(file, installation, rules)) as told:
            found = [finding async for finding in told]
    assert len({finding.rule for finding in found}) == len(found)
    return {finding.rule: finding for finding in found}


def broken(found: dict[str, Finding]) -> dict[str, str]:
    """The details of the rules that were not kept."""
    return {name: finding.detail for name, finding in found.items() if finding.result is not Result.OK}


async def findings_of_each(
    folder: Path, text: str, plugins: Iterable[tuple[Changes, Iterable[str]]]
) -> list[dict[str, Finding]]:
    """What the kit says of plugins, some at a time: each a sample's text with changes, asked these rules, or all."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def asked(number: int, changes: Changes, rules: Iterable[str]) -> dict[str, Finding]:
        own = folder / str(number)
        own.mkdir()
        async with turn:
            return await findings(plugin(own, text, *changes), *rules)

    return await asyncio.gather(*(asked(number, *one) for number, one in enumerate(plugins)))
