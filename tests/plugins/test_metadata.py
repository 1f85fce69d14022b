"""What a plugin says of itself: asked in a process that cannot hang, flood or stay, believed only where it is valid."""

import contextlib
import json
import os
import shutil
import sys
import time
import tracemalloc
from pathlib import Path

import psutil
import pytest

from app.plugins.metadata import BadMetadata, parse, read_metadata
from app.plugins.process import Starter, plugin_environment
from tests.plugins.support import metadata


def said(**fields: object) -> bytes:
    """The JSON of a good plugin with some fields changed; None takes one away."""
    return json.dumps(
        {name: value for name, value in metadata("hello", **fields).items() if value is not None}
    ).encode()


def test_what_is_said_is_taken() -> None:
    told = parse(
        said(
            author="Ann",
            description="Says hello.",
            protocol="2",
            license="required",
            icon="👩‍🚀",
            route="/say_hello-1.0",
        )
    )
    assert (told.id, told.name, told.version, told.author, told.icon) == ("hello", "Hello", "1.0", "Ann", "👩‍🚀")
    assert (told.route, told.protocol, told.description, told.needs_license) == (
        "/say_hello-1.0",
        "2",
        "Says hello.",
        True,
    )


@pytest.mark.fault("G48")
def test_what_need_not_be_said() -> None:
    told = parse(said())
    assert (told.author, told.protocol, told.description, told.needs_license) == (None, "1", "", False)


def test_a_page_is_a_bundle_or_a_tree() -> None:
    told = [parse(said(protocol="2", page=page)).page for page in (None, "bundle", "tree")]
    assert told == ["bundle", "bundle", "tree"]
    assert parse(said(page="bundle")).page == "bundle"
    for page in ("", "forest", 1, ["tree"]):
        with pytest.raises(BadMetadata, match=r'Its page .* must be "bundle" or "tree"'):
            parse(said(protocol="2", page=page))
    with pytest.raises(BadMetadata, match='A page that is a "tree" needs protocol "2"'):
        parse(said(page="tree"))


@pytest.mark.fault("G03")
@pytest.mark.parametrize(
    "plugin_id", [None, "", "x" * 49, "x" * 200, "../x", "A B", ".", "..", "a/b", "ümlaut", "a_b", "a\n", 7, ["a"]]
)
def test_an_id_is_letters_digits_and_hyphens(plugin_id: object) -> None:
    with pytest.raises(BadMetadata, match=r"id .* must be 1 to 48 letters, digits and hyphens"):
        parse(said(id=plugin_id))


@pytest.mark.fault("G03")
def test_an_id_is_not_the_address_at_which_all_plugins_are_asked() -> None:
    with pytest.raises(BadMetadata, match="must not be route"):
        parse(said(id="route"))


@pytest.mark.fault("G04")
@pytest.mark.parametrize(
    "route",
    [
        None,
        "",
        "/",
        "hello",
        "//x",
        "/a/b",
        "/a/../b",
        "/..",
        "/.",
        "/a..b",
        "/%2e",
        "/a?b",
        "/a#b",
        "/a b",
        "/a\n",
        "/" + "x" * 1000,
        "/ümlaut",
        "/a\\b",
        5,
    ],
)
def test_a_route_is_one_plain_segment(route: object) -> None:
    with pytest.raises(BadMetadata, match="Its route"):
        parse(said(route=route))


@pytest.mark.fault("G04")
@pytest.mark.parametrize("route", ["/api", "/login", "/_nicegui", "/API"])
def test_a_route_is_none_of_ours(route: str) -> None:
    with pytest.raises(BadMetadata, match="an address of Toru's own"):
        parse(said(route=route))


@pytest.mark.fault("G04")
@pytest.mark.parametrize(("name", "most"), [("name", 100), ("version", 100), ("author", 100), ("icon", 32)])
def test_texts_have_a_length_and_one_line(name: str, most: int) -> None:
    assert getattr(parse(said(**{name: "x" * most})), name) == "x" * most
    for bad in ("x" * (most + 1), "a\nb", "a\x00b", "a\x1b[31m", "a\u2028b", "a\u202eb", 5, ["x"]):
        with pytest.raises(BadMetadata, match=f"Its {name}"):
            parse(said(**{name: bad}))


@pytest.mark.fault("G04")
@pytest.mark.parametrize("name", ["name", "version", "icon", "author"])
def test_texts_can_be_seen(name: str) -> None:
    for unseen in ("\u200b\u200d", "\u2060", "\ufe0f", "\u3164", "\u00ad \ufeff", "\u2800", "\u0301"):
        with pytest.raises(BadMetadata, match=f"Its {name} .* must have at least one character that can be seen"):
            parse(said(**{name: unseen}))
    for seen in ("\u200bx", "👩\u200d🚀", "❤\ufe0f", "1\ufe0f\u20e3", "\U0001fae9", "\ue0a0", "?"):
        assert getattr(parse(said(**{name: seen})), name) == seen


@pytest.mark.fault("G04")
def test_markup_is_only_text() -> None:
    assert parse(said(name="<b>Bold</b>")).name == "<b>Bold</b>"


@pytest.mark.fault("G48")
@pytest.mark.parametrize("protocol", ["3", "", 1, 2, None, ["1"], "1.0"])
def test_an_unknown_protocol_is_refused_with_those_that_are_known(protocol: object) -> None:
    text = json.dumps({**metadata("hello"), "protocol": protocol}).encode()
    with pytest.raises(BadMetadata, match='this version of Toru speaks "1" and "2"'):
        parse(text)


@pytest.mark.fault("G02")
@pytest.mark.parametrize(
    "printed",
    [
        b"",
        b"hello",
        b"[]",
        b'"text"',
        said() + said(),
        b"\xef\xbb\xbf" + said(),
        said()[:-1] + b', "x": NaN}',
        said() + b"\0",
        b"[" * 60_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b"\xff\xfe" + said(),
        said()[:-5],
    ],
    ids=["nothing", "text", "list", "string", "two", "bom", "nan", "nul", "deep", "deep objects", "utf-16", "half"],
)
def test_what_is_no_json_object_is_refused(printed: bytes) -> None:
    with pytest.raises(BadMetadata, match=r"is not (a )?JSON"):
        parse(printed)


@pytest.fixture
def starter(tmp_path: Path) -> Starter:
    return Starter(shutil.which("setpriv") or "setpriv", tmp_path, plugin_environment())


def script(folder: Path, text: str) -> Path:
    path = folder / "it.binary"
    path.write_text(text)
    path.chmod(0o755)
    return path


def running(argument: str) -> list[psutil.Process]:
    """Our descendants with this argument that are more than an exit nobody took."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if argument in process.cmdline():
                found.append(process)
    return found


async def test_a_program_is_asked(tmp_path: Path, starter: Starter) -> None:
    path = script(tmp_path, f"#!/bin/sh\ntest \"$*\" = --metadata && echo '{said().decode()}' && echo noise >&2\n")
    assert (await read_metadata(path, starter)).id == "hello"


async def test_it_sees_nothing_of_ours(tmp_path: Path, starter: Starter, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = tmp_path / "seen"
    path = script(tmp_path, f"#!/bin/sh\n/usr/bin/env > {seen}\necho '{said().decode()}'\n")
    monkeypatch.setenv("TORU_LICENSE_SECRET", "secret")
    starter = Starter(shutil.which("setpriv") or "setpriv", tmp_path, plugin_environment())
    await read_metadata(path, starter)
    names = {line.partition("=")[0] for line in seen.read_text().splitlines()}
    assert names <= {"PATH", "HOME", "LANG", "TZ", "PWD", "SHLVL", "_", "OLDPWD", "PLUGIN_METADATA"}


@pytest.mark.fault("G02")
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "#!/bin/sh\necho '{json}'; echo first >&2; echo 'it hurts' >&2; exit 1\n",
            "ended with exit code 1: it hurts.",
        ),
        ("#!/bin/sh\nkill -SEGV $$\n", "was ended by signal 11."),
        ("#!/nowhere/sh\n", "ended with exit code 127"),
        ("nonsense", "ended with exit code 127: .*nonsense"),
    ],
    ids=["exit 1", "signal", "no interpreter", "no program"],
)
async def test_a_program_that_fails_says_how(tmp_path: Path, starter: Starter, text: str, reason: str) -> None:
    with pytest.raises(BadMetadata, match=reason):
        await read_metadata(script(tmp_path, text.replace("{json}", said().decode())), starter)


async def test_a_program_that_hangs_is_ended_with_all_it_started(
    tmp_path: Path, starter: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.plugins.metadata.SECONDS", 0.5)
    started = time.monotonic()
    path = script(tmp_path, "#!/bin/sh\nsleep 987 &\nsleep 987\n")
    with pytest.raises(BadMetadata, match="did not end within"):
        await read_metadata(path, starter)
    assert time.monotonic() - started < 30
    assert not running("987")


async def test_a_child_that_holds_the_output_delays_nothing_and_is_ended(tmp_path: Path, starter: Starter) -> None:
    started = time.monotonic()
    path = script(tmp_path, f"#!/bin/sh\nsleep 986 &\necho '{said().decode()}'\n")
    assert (await read_metadata(path, starter)).id == "hello"
    assert time.monotonic() - started < 30
    assert not running("986")


async def test_a_child_that_left_the_group_is_ended(tmp_path: Path, starter: Starter) -> None:
    path = script(tmp_path, f"#!/bin/sh\nsetsid -f sleep 985\necho '{said().decode()}'\n")
    assert (await read_metadata(path, starter)).id == "hello"
    # It is nobody's child any more: all processes are looked at.
    left = [one for one in psutil.process_iter(["cmdline"]) if one.info["cmdline"] == ["sleep", "985"]]
    for process in left:
        process.kill()
    assert left == []


@pytest.mark.fault("G02")
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
async def test_a_flood_costs_neither_time_nor_memory(tmp_path: Path, starter: Starter, stream: str) -> None:
    code = f"import sys\nwhile True: sys.{stream}.buffer.write(b'x' * (1 << 20))\n"
    path = script(tmp_path, f"#!{sys.executable} -IS\n{code}")
    tracemalloc.start()
    try:
        with pytest.raises(BadMetadata, match="more than 64 KiB" if stream == "stdout" else "did not end") as told:
            await read_metadata(path, starter)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 << 20
    assert len(str(told.value)) < 2000


async def test_a_file_that_went_away_is_told(tmp_path: Path, starter: Starter) -> None:
    with pytest.raises(BadMetadata, match=r"No such file|ended with exit code 127"):
        await read_metadata(tmp_path / "gone.binary", starter)


def test_the_allow_list(monkeypatch: pytest.MonkeyPatch) -> None:
    source = {"PATH": "/bin", "HOME": "/h", "LANG": "C", "TZ": "UTC", "ADMIN_PASSWORD": "x", "TORU_LICENSE_SECRET": "y"}
    assert plugin_environment(source) == {"PATH": "/bin", "HOME": "/h", "LANG": "C", "TZ": "UTC"}
    bare = plugin_environment({})
    assert set(bare) == {"PATH", "HOME", "LANG"}
    assert bare["PATH"].startswith("/usr/local")
    assert os.path.isabs(bare["HOME"])
