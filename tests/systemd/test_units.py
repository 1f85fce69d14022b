"""The units: what systemd itself says of them, and what they promise."""

import re
import subprocess
from pathlib import Path

import pytest

from app.core.config import ROOT
from app.systemd.escaping import Unwritable, value, word
from app.systemd.units import Deployment, units

MOST_EXPOSED = 4.5
ODD = 'Toru "5 %s" $HOME \\x'


def deployment(root: Path = ROOT, **fields: object) -> Deployment:
    plain = {
        "name": "toru",
        "root": root,
        "data_dir": Path("/var/lib/toru"),
        "log_dir": Path("/var/log/toru"),
        "plugins_dir": root / "plugins",
        "user": "root",
        "is_strict": False,
    }
    return Deployment(**{**plain, **fields})  # type: ignore[arg-type]


def written(folder: Path, texts: dict[str, str]) -> list[str]:
    for name, text in texts.items():
        (folder / name).write_text(text)
    return [str(folder / name) for name in texts]


def settings(text: str, name: str) -> list[str]:
    return re.findall(rf"(?m)^{name}=(.*)$", text)


@pytest.mark.fault("O15")
@pytest.mark.needs("systemd-analyze")
@pytest.mark.parametrize("strict", [False, True], ids=["plain", "strict"])
@pytest.mark.parametrize("user", ["root", "daemon"])
def test_systemd_finds_nothing_to_say_about_them(tmp_path: Path, user: str, strict: bool) -> None:
    made = written(tmp_path, units(deployment(user=user, is_strict=strict)))
    done = subprocess.run(["systemd-analyze", "verify", *made], capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.needs("systemd-analyze")
def test_folders_with_odd_names_are_those_that_were_meant(tmp_path: Path) -> None:
    root = tmp_path / ODD
    root.mkdir()
    odd = deployment(root, data_dir=root / "data", log_dir=root / "logs", is_strict=True)
    made = written(tmp_path, units(odd))
    done = subprocess.run(["systemd-analyze", "verify", *made], capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    text = units(odd)["toru.service"]
    assert settings(text, "WorkingDirectory") == [str(root).replace("%", "%%")]
    assert f'-"{tmp_path}/Toru \\"5 %%s\\" $HOME \\\\x/data"' in settings(text, "ReadWritePaths")[0]
    assert "StateDirectory" not in text


@pytest.mark.fault("O15")
@pytest.mark.needs("systemd-analyze")
@pytest.mark.parametrize("unit", ["toru.service", "toru-runner-1.service"])
def test_the_strict_profile_exposes_little(tmp_path: Path, unit: str) -> None:
    written(tmp_path, units(deployment(is_strict=True)))
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(tmp_path / unit)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=50, check=True).stdout
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
    assert found is not None, said
    assert float(found[1]) <= MOST_EXPOSED


def test_without_it_scripts_and_plugins_may_do_what_their_user_may() -> None:
    for name, text in units(deployment()).items():
        restricted = re.findall(r"(?m)^(?:Protect|Private|Restrict|SystemCall|Capability|NoNew|ReadWrite)\w*=.*", text)
        assert not [line for line in restricted if not line.startswith("RestartPrevent")], name


def test_the_core_is_watched_and_started_again_but_not_with_a_wrong_configuration() -> None:
    text = units(deployment())["toru.service"]
    promised = {
        "Type": "notify",
        "WatchdogSec": "60",
        "Restart": "on-failure",
        "RestartPreventExitStatus": "78",
        "RuntimeDirectory": "toru",
        "StateDirectory": "toru",
        "LogsDirectory": "toru",
        "User": "root",
    }
    assert {name: settings(text, name)[0] for name in promised} == promised
    assert settings(text, "StartLimitBurst")


def test_the_runner_ends_neither_with_the_core_nor_takes_it_along() -> None:
    texts = units(deployment())
    core, runner = texts["toru.service"], texts["toru-runner-1.service"]
    for text in (core, runner):
        assert not re.search(r"(?m)^(Requires|BindsTo|PartOf|Upholds|PropagatesStopTo)=", text)
    assert "toru-runner-1.service" in settings(core, "Wants")[0]
    assert "toru-runner-1.service" in settings(core, "After")[0]  # so at shutdown the core ends first
    assert settings(runner, "KillMode") == ["process"]


def test_several_on_a_machine_share_nothing() -> None:
    one, two = units(deployment()), units(deployment(name="client-b", data_dir=Path("/var/lib/client-b")))
    assert not one.keys() & two.keys()
    shared = set("\n".join(one.values()).splitlines()) & set("\n".join(two.values()).splitlines())
    assert not [line for line in shared if re.search(r"\.sock|StateDirectory=|RuntimeDirectory=", line)]


def test_where_systemd_makes_no_folder_none_is_asked_for() -> None:
    text = units(deployment(data_dir=Path("/srv/toru/data"), log_dir=Path("/srv/toru/logs")))["toru.service"]
    assert "StateDirectory" not in text
    assert "LogsDirectory" not in text


@pytest.mark.parametrize(
    ("path", "as_value", "as_word"),
    [
        ("/opt/toru", "/opt/toru", '"/opt/toru"'),
        ("/opt/my toru", "/opt/my toru", '"/opt/my toru"'),
        ("/opt/100%", "/opt/100%%", '"/opt/100%%"'),
        ('/opt/"a"', '/opt/"a"', '"/opt/\\"a\\""'),
        ("/opt/a\\b", "/opt/a\\b", '"/opt/a\\\\b"'),
    ],
)
def test_a_path_is_written_as_systemd_reads_it(path: str, as_value: str, as_word: str) -> None:
    assert (value(Path(path)), word(Path(path))) == (as_value, as_word)


@pytest.mark.parametrize("path", ["/opt/a\nExecStartPre=evil", "/opt/a\tb", "/opt/end ", "/opt/\udcff", "/opt/a\\"])
def test_a_path_that_no_unit_can_name_is_refused(path: str) -> None:
    with pytest.raises(Unwritable):
        value(Path(path))
