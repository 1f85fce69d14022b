"""`toru status`, `toru config` and `toru doctor`, as somebody at a terminal and as a program."""

import json
from pathlib import Path

import pytest

from tests.cli.calling import toru, toru_process
from tests.support.server import Server

pytestmark = pytest.mark.allows_blocking  # a command may hold up its own loop


def test_status_tells_how_the_core_is(server: Server) -> None:
    told = json.loads(toru(server.data_dir, "status", "--json").out)
    assert (told["is_running"], told["pid"], told["port"]) == (True, server.pid, server.port)
    assert told["memory_bytes"] > 10 << 20
    assert set(told["runs"]) == {"running", "queued"}
    shown = toru(server.data_dir, "status")
    assert shown.code == 0
    lines = dict(line.split(maxsplit=1) for line in shown.out.splitlines())
    assert lines["address"] == server.url
    assert lines["Toru"].endswith(f", process {server.pid}")
    assert {"running", "runs", "plugins", "memory", "log"} <= set(lines)


def test_status_of_nothing_is_69(tmp_path: Path) -> None:
    done = toru(tmp_path, "status")
    assert (done.code, done.out, done.err) == (69, "", f"toru: No Toru runs on {tmp_path}.\n")
    done = toru(tmp_path, "status", "--json")
    assert (done.code, done.err) == (69, "")
    assert json.loads(done.out) == {"is_running": False, "problem": f"No Toru runs on {tmp_path}."}


def test_the_doctor_asks_the_running_core(server: Server) -> None:
    done = toru(server.data_dir, "doctor", "--json", TORU_SCRIPTS_DIR=str(server.scripts_dir))
    findings = {one["check"]: one for one in json.loads(done.out)["findings"]}
    assert findings["core"]["says"].endswith(f"runs as process {server.pid}.")
    assert findings["port"] == {
        "check": "port",
        "level": "ok",
        "says": f"127.0.0.1:{server.port} answers.",
        "mend": "",
    }
    assert findings["database"]["level"] == "ok"
    assert findings["runner"]["level"] == "ok"


def test_the_doctor_ends_with_1_where_something_fails(tmp_path: Path) -> None:
    (tmp_path / "toru.db").write_bytes(b"no database" * 100)
    (tmp_path / "toru.db").chmod(0o644)
    done = toru_process(tmp_path, "doctor", TORU_SCRIPTS_DIR=str(tmp_path / "none"), TORU_DATADIR="x")
    assert (done.code, done.err) == (1, "")
    lines = [line.split(maxsplit=1) for line in done.out.splitlines()]
    assert {word for word, _ in lines} <= {"ok", "warn", "fail"}
    failed = "\n".join(rest for word, rest in lines if word == "fail")
    assert "chmod 600" in failed
    assert "damaged" in failed
    assert str(tmp_path / "none") in failed
    assert "TORU_DATADIR means nothing to Toru. Did you mean TORU_DATA_DIR?" in done.out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["toru.db"], "nothing is changed"


def test_the_doctor_tells_of_a_configuration_that_cannot_be_read(tmp_path: Path) -> None:
    done = toru(tmp_path, "doctor", "--json", STEERING_PORT="http", PRODUCTION="perhaps")
    assert done.code == 1
    assert [one["level"] for one in json.loads(done.out)["findings"]] == ["fail", "fail"]


def test_config_show_hides_secrets_and_tells_where_from(tmp_path: Path) -> None:
    secret = "Very-Secret-42"
    for arguments in (["show"], ["show", "--json"]):
        done = toru(tmp_path, "config", *arguments, ADMIN_PASSWORD=secret, TRUST_PROXY="true")
        assert done.code == 0
        assert secret not in done.out + done.err
    told = {one["name"]: one for one in json.loads(done.out)}
    assert told["ADMIN_PASSWORD"] == {
        "name": "ADMIN_PASSWORD",
        "value": None,
        "source": "environment",
        "secret": True,
        "set": True,
    }
    assert (told["TRUST_PROXY"]["value"], told["TRUST_PROXY"]["source"]) == ("cloudflare", "environment")
    assert (told["STEERING_PORT"]["value"], told["STEERING_PORT"]["source"]) == (3000, "default")
    assert told["TORU_DATA_DIR"]["value"] == str(tmp_path)


def test_config_check_says_what_serve_would_refuse(tmp_path: Path) -> None:
    assert toru(tmp_path, "config", "check").out == "The configuration can be used.\n"
    for env, sentence in (
        ({"STEERING_PORT": "0"}, "STEERING_PORT"),
        ({"PRODUCTION": "true"}, "ADMIN_PASSWORD is missing, and PRODUCTION is set."),
        ({"PRODUCTION": "true", "ADMIN_PASSWORD": "weak"}, "ADMIN_PASSWORD is too weak"),
    ):
        done = toru(tmp_path, "config", "check", **env)
        assert (done.code, done.out) == (78, "")
        assert sentence in done.err
        assert "weak'" not in done.err
        told = json.loads(toru(tmp_path, "config", "check", "--json", **env).out)
        assert not told["is_usable"]
        assert [f"toru: {problem}" for problem in told["problems"]] == done.err.splitlines()
    warned = toru(tmp_path, "config", "check", STEERING_PRT="1")
    assert (warned.code, "Did you mean STEERING_PORT?" in warned.err) == (0, True)
