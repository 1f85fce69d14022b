"""The conformance kit: every rule of plugins/PROTOCOL.md, tried on a plugin in any language."""

import asyncio
import os
import stat
from collections.abc import AsyncGenerator, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.plugins.conformance.bench import AnyBench, Bench, Rule
from app.plugins.conformance.findings import Finding, Result, Violation
from app.plugins.conformance.http_rules import HTTP_RULES
from app.plugins.conformance.license_rules import WITH_A_KEY, WITHOUT_A_KEY
from app.plugins.conformance.page_rules import PAGE_RULES
from app.plugins.conformance.rules1 import RULES1, Speaker1
from app.plugins.conformance.rules2 import RULES2
from app.plugins.conformance.speaker2 import Speaker2
from app.plugins.conformance.subject import Subject
from app.plugins.folder import ENDING
from app.plugins.metadata import TREE, BadMetadata, Metadata, read_metadata
from app.plugins.process import Starter

FILE = "The file can be executed, may not be changed by everybody, and its name ends in .binary."
METADATA = "With --metadata it prints its description within 5 seconds, and every field is as it must be."
METADATA_AGAIN = "A second time it prints the same."
RULES2_WITH_PAGE = (*HTTP_RULES, *PAGE_RULES, *(rule for rule in RULES2 if rule not in HTTP_RULES))
START = "It listens within 10 seconds, takes init, and goes on."


@dataclass(frozen=True, slots=True)
class Installation:
    """The installation that the kit plays.

    Attributes:
        starter: starts processes as the core does.
        folder: empty and short, for the socket.
        instance_id: what the plugin is told.
        license_key: what the plugin gets, None for nothing.
    """

    starter: Starter
    folder: Path
    instance_id: str
    license_key: str | None


async def check_plugin(
    file: Path, installation: Installation, only: Collection[str] = ()
) -> AsyncGenerator[Finding, None]:
    """One finding a rule, as soon as it is there; where a later rule makes no sense any more, it ends.

    Closing the generator, or running it to its end, leaves nothing of the plugin behind.

    Args:
        only: names of the rules to try, besides those that all others need; empty for every rule.
    """
    yield await asyncio.to_thread(_file, file)
    try:
        metadata = await read_metadata(file, installation.starter)
    except BadMetadata as error:
        yield Finding("metadata", METADATA, Result.FAILED, str(error))
        return
    yield Finding("metadata", METADATA, Result.OK, _described(metadata))
    yield await _metadata_again(file, metadata, installation)
    subject = Subject(
        file,
        metadata,
        installation.starter,
        installation.folder,
        installation.instance_id,
        installation.license_key,
    )
    bench, rules = _bench(subject)
    try:
        chosen = [rule for rule in rules if not only or rule.name in (*only, "http-answer")]
        async for finding in _rules(bench, chosen):
            yield finding
    finally:
        await bench.stop()


def every_rule() -> dict[str, str]:
    """What each rule says, by name, in the order in which they are tried."""
    own = {"file": FILE, "metadata": METADATA, "metadata-again": METADATA_AGAIN}
    license_rules = {rule.name: rule.says for rule in (*WITHOUT_A_KEY, WITH_A_KEY)}
    return own | license_rules | {"start": START} | {rule.name: rule.says for rule in (*RULES1, *RULES2_WITH_PAGE)}


def _bench(subject: Subject) -> tuple[AnyBench, Sequence[Rule]]:
    if subject.metadata.protocol == "1":
        return Bench(subject, Speaker1(subject)), RULES1
    if subject.metadata.page != TREE:
        return Bench(subject, Speaker2(subject)), RULES2
    return Bench(subject, Speaker2(subject)), RULES2_WITH_PAGE


async def _rules(bench: AnyBench, rules: Sequence[Rule]) -> AsyncGenerator[Finding, None]:
    if bench.subject.metadata.needs_license:
        for rule in WITHOUT_A_KEY:
            yield await _tried(rule, bench)
        if bench.subject.license_key is None:
            why = "It wants a licence key. Set TORU_LICENSE_KEY and TORU_INSTANCE_ID to good ones."
            yield Finding("start", START, Result.SKIPPED, why)
            return
        yield await _tried(WITH_A_KEY, bench)
    start = await _tried(Rule("start", START, Bench.ready), bench)
    yield start
    if start.result is Result.OK:
        for rule in rules:
            finding = await _tried(rule, bench, must_run=True)
            yield finding
            if rule.name == "http-answer" and finding.result is not Result.OK:
                return  # every other rule asks, too


async def _tried(rule: Rule, bench: AnyBench, *, must_run: bool = False) -> Finding:
    try:
        if must_run:
            await bench.ready()
        await rule.check(bench)
        if rule.lives:
            await bench.require_alive()
    except Violation as violation:
        result = Result.FAILED if rule.must else Result.ADVICE
        return Finding(rule.name, rule.says, result, str(violation))
    return Finding(rule.name, rule.says, Result.OK)


async def _metadata_again(file: Path, metadata: Metadata, installation: Installation) -> Finding:
    try:
        again = await read_metadata(file, installation.starter)
    except BadMetadata as error:
        return Finding("metadata-again", METADATA_AGAIN, Result.FAILED, str(error))
    if again != metadata:
        return Finding("metadata-again", METADATA_AGAIN, Result.FAILED, "What it printed differs from the first time.")
    return Finding("metadata-again", METADATA_AGAIN, Result.OK)


def _file(file: Path) -> Finding:
    try:
        status = file.stat()
    except OSError as error:
        return Finding("file", FILE, Result.FAILED, f"It cannot be looked at: {error.strerror}.")
    problem = None
    if not stat.S_ISREG(status.st_mode):
        problem = "It is not a file."
    elif not os.access(file, os.X_OK):
        problem = "It may not be executed. Allow it with: chmod +x"
    elif status.st_mode & stat.S_IWOTH:
        problem = "It may be changed by everybody. Forbid that with: chmod o-w"
    if problem is not None:
        return Finding("file", FILE, Result.FAILED, problem)
    if not file.name.endswith(ENDING):
        return Finding("file", FILE, Result.ADVICE, f"Toru looks for names that end in {ENDING}.")
    return Finding("file", FILE, Result.OK)


def _described(metadata: Metadata) -> str:
    return f"{metadata.id} {metadata.version}, protocol {metadata.protocol}, at {metadata.route}"
