"""Cloudflare Access in the environment: how a team may be written, and one clear line where something is missing."""

import os
from pathlib import Path

import pytest

from app.core.config import Config, ConfigError, load_config

TAG = "4714c1358e65fe4b408ad6d432a5f878f08194bdb4752441fd56faefa9b2b6f2"


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("TORU_")]:
        monkeypatch.delenv(name)


def load(**values: str) -> Config:
    return load_config({f"TORU_ACCESS_{name}": value for name, value in values.items()}, env_file=None)


def problem(**values: str) -> str:
    with pytest.raises(ConfigError) as told:
        load(**values)
    return str(told.value)


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("my-team", "https://my-team.cloudflareaccess.com"),
        (" My-Team.CloudflareAccess.com ", "https://my-team.cloudflareaccess.com"),
        ("https://my-team.cloudflareaccess.com/", "https://my-team.cloudflareaccess.com"),
        ("https://access.example.com:8443", "https://access.example.com:8443"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_a_team_may_be_written_in_several_ways(written: str, address: str) -> None:
    assert load(TEAM=written, AUDIENCE=TAG).access_team == address


@pytest.mark.parametrize(
    "written",
    [
        *("http://my-team.cloudflareaccess.com", "ftp://my-team", "https://", "my team", "my_team/x", "a..b", "é"),
        *(
            "https://my-team.cloudflareaccess.com/cdn-cgi",
            "https://ada:secret@team.example",
            "team?x",
            "team:port",
            " ",
        ),
        *("http://localhost.evil.example", "http://127.0.0.1.evil.example", "https://[::2]"),
    ],
)
def test_what_is_no_team_is_one_line(written: str) -> None:
    line = problem(TEAM=written, AUDIENCE=TAG)
    assert line.startswith("TORU_ACCESS_TEAM: must be a team's name, or look like https://")
    assert line.isprintable()


def test_several_applications_may_lead_here() -> None:
    assert load(TEAM="team", AUDIENCE=f"{TAG}, abc ,").access_audience == (TAG, "abc")


@pytest.mark.parametrize("audience", [",", " ", "a b", "<tag>", "é"])
def test_what_is_no_audience_is_one_line(audience: str) -> None:
    assert problem(TEAM="team", AUDIENCE=audience).startswith("TORU_ACCESS_AUDIENCE: must be the tag")


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"TEAM": "team"}, "TORU_ACCESS_TEAM: is set, and TORU_ACCESS_AUDIENCE is not; Cloudflare Access needs both"),
        ({"AUDIENCE": TAG}, "TORU_ACCESS_AUDIENCE: is set, and TORU_ACCESS_TEAM is not; Cloudflare Access needs both"),
        ({"KEYS": "x"}, "TORU_ACCESS_KEYS: is set, and TORU_ACCESS_TEAM and TORU_ACCESS_AUDIENCE are not"),
    ],
)
def test_all_or_nothing(values: dict[str, str], line: str) -> None:
    assert problem(**values) == line
    assert load().access_team is None


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"{", "is not JSON"),
        (b"\xff\xff", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"[]", "is no JSON Web Key Set"),
        (b'{"keys": []}', "is no JSON Web Key Set"),
        (b'{"keys": "x"}', "is no JSON Web Key Set"),
    ],
)
def test_a_file_of_keys_that_holds_none_is_one_line(content: bytes | None, says: str, tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    if content is not None:
        file.write_bytes(content)
    line = problem(TEAM="team", AUDIENCE=TAG, KEYS=str(file))
    assert line.startswith(f"TORU_ACCESS_KEYS: {file} ")
    assert says in line
    assert "\n" not in line


def test_a_file_of_keys_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_text('{"keys": [{}]}')
    assert load(TEAM="team", AUDIENCE=TAG, KEYS=str(file)).access_keys == file
