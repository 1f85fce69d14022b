"""The deployment's values: defaults, where they come from, and one clear line for each wrong one."""

from pathlib import Path

import pytest

from app.core.config import ROOT, Config, ConfigError, ProxyTrust, env_file_warning, load_config

NAMES = ("ADMIN_", "STEERING_", "TORU_", "PRODUCTION", "SECURE_COOKIES", "TRUST_PROXY")


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the machine that runs the tests reaches a Config."""
    import os

    for name in [name for name in os.environ if name.startswith(NAMES)]:
        monkeypatch.delenv(name)


def load(**values: str) -> Config:
    return load_config(values, env_file=None)


def problem(**values: str) -> str:
    with pytest.raises(ConfigError) as told:
        load(**values)
    return str(told.value)


def test_without_any_value_it_serves_the_own_machine_from_the_own_folder() -> None:
    config = load()
    assert (config.host, config.port, config.production, config.secure_cookies) == ("127.0.0.1", 3000, False, False)
    assert (config.admin_username, config.admin_display_name) == ("admin", "Administrator")
    assert config.data_dir == ROOT / "data"
    assert config.scripts_dir == ROOT / "scripts"
    assert config.plugins_dir == ROOT / "plugins"
    assert config.trust_proxy is ProxyTrust.NONE


def test_relative_paths_count_from_the_folder_of_toru_wherever_it_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/ada")
    config = load(TORU_DATA_DIR="../elsewhere/./data", TORU_SCRIPTS_DIR="~/scripts", TORU_LOG_DIR="/var/log/mine")
    assert config.data_dir == ROOT.parent / "elsewhere" / "data"
    assert config.scripts_dir == Path("/home/ada/scripts")
    assert config.log_dir == Path("/var/log/mine")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("STEERING_PORT", "http", "valid integer"),
        ("STEERING_PORT", "0", "greater than or equal to 1"),
        ("STEERING_PORT", "65536", "less than or equal to 65535"),
        ("STEERING_HOST", " ", "printable"),
        ("PRODUCTION", "treu", "valid boolean"),
        ("SECURE_COOKIES", "2", "valid boolean"),
        ("TRUST_PROXY", "yes please", "must be true, forwarded or false"),
        ("TORU_TRUSTED_PROXIES", "10.0.0.0/8, me", "addresses or networks"),
        ("TORU_PUBLIC_URL", "toru.example.com", "must look like https://"),
        ("TORU_PUBLIC_URL", "https://toru.example.com/dashboard", "without a path"),
        ("TORU_PUBLIC_URL", "https://toru.example.com:99999", "must look like"),
        ("TORU_PUBLIC_URL", "https://ada:secret@toru.example.com", "must look like"),
        ("TORU_PUBLIC_URL", "https://toru example.com", "must look like"),
        ("TORU_DATA_DIR", "~nobody-of-that-name/data", "has no meaning here"),
        ("TORU_DATA_DIR", "a\nb", "printable"),
        ("TORU_SCRIPT_ENV", "GOOD, NOT=GOOD", "names of environment variables"),
        ("ADMIN_USERNAME", "ad\x1b[31mmin", "printable"),
        ("ADMIN_USERNAME", "x" * 65, "at most 64"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_it(name: str, value: str, says: str) -> None:
    line = problem(**{name: value})
    assert line.startswith(f"{name}: ")
    assert says in line
    assert line.isprintable()


def test_every_wrong_value_is_told_at_once() -> None:
    lines = problem(STEERING_PORT="x", PRODUCTION="treu").splitlines()
    assert [line.partition(":")[0] for line in lines] == ["STEERING_PORT", "PRODUCTION"]


@pytest.mark.parametrize("password", ["Canary-1" * 200, "Canary-1\0", "Canary-1\udcff"])
def test_a_password_that_cannot_be_used_is_told_without_being_shown(password: str) -> None:
    line = problem(ADMIN_PASSWORD=password)
    assert line.startswith("ADMIN_PASSWORD: ")
    assert "Canary" not in line


@pytest.mark.fault("O12")
def test_the_password_shows_up_nowhere() -> None:
    config = load(ADMIN_PASSWORD="Canary-12")
    assert "Canary" not in repr(config) + str(config) + config.model_dump_json()
    assert config.admin_password is not None
    assert config.admin_password.get_secret_value() == "Canary-12"
    assert config.without_password().admin_password is None


@pytest.mark.parametrize(("value", "cookies"), [("true", True), ("1", True), ("false", False), ("0", False)])
def test_production_or_secure_cookies_makes_cookies_secure(value: str, cookies: bool) -> None:
    assert load(PRODUCTION=value).secure_cookies is cookies
    assert load(SECURE_COOKIES=value).secure_cookies is cookies


@pytest.mark.parametrize(
    ("value", "trust"),
    [("true", ProxyTrust.CLOUDFLARE), ("Forwarded", ProxyTrust.FORWARDED), ("false", ProxyTrust.NONE)],
)
def test_whose_word_about_addresses_is_taken(value: str, trust: ProxyTrust) -> None:
    assert load(TRUST_PROXY=value).trust_proxy is trust


@pytest.mark.parametrize(
    ("value", "origin"),
    [
        ("https://Toru.Example.com:443/", "https://toru.example.com"),
        ("http://toru.local:8080", "http://toru.local:8080"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("http://[::1]:3000", "http://[::1]:3000"),
    ],
)
def test_the_public_address_becomes_what_browsers_call_it(value: str, origin: str) -> None:
    assert load(TORU_PUBLIC_URL=value).public_url == origin


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / ".env"
    file.write_text("STEERING_PORT=1001\nSTEERING_HOST=10.0.0.1\nADMIN_USERNAME=ada # the first\n")
    monkeypatch.setenv("STEERING_PORT", "1002")
    monkeypatch.setenv("STEERING_HOST", "")
    config = load_config({"STEERING_PORT": None}, file)
    assert (config.port, config.host, config.admin_username) == (1002, "10.0.0.1", "ada")
    assert load_config({"STEERING_PORT": "1003"}, file).port == 1003


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Pa$$w0rd${HOME}", "Pa$$w0rd${HOME}"),
        ("'with # and \"quotes\"'", 'with # and "quotes"'),
        ('"two words"', "two words"),
    ],
)
def test_a_password_in_the_file_is_taken_as_it_is_written(tmp_path: Path, written: str, meant: str) -> None:
    file = tmp_path / ".env"
    file.write_text(f"\ufeffADMIN_PASSWORD={written}\n", encoding="utf-8")
    password = load_config(env_file=file).admin_password
    assert password is not None
    assert password.get_secret_value() == meant


def test_a_line_of_the_file_that_means_nothing_is_named(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("PRODUCTION=1\nADMIN_PASSWORD='Canary-12\n")
    with pytest.raises(ConfigError, match=r"\.env, line 2: cannot be understood") as told:
        load_config(env_file=file)
    assert "Canary" not in str(told.value)


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes(b"ADMIN_USERNAME=\xff\xfe\n")
    with pytest.raises(ConfigError, match="it is not UTF-8"):
        load_config(env_file=file)
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigError, match="Is a directory"):
        load_config(env_file=tmp_path / "folder")


def test_a_file_that_others_can_read_gets_a_warning_that_says_how_to_mend_it(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    assert env_file_warning(file) is None
    file.touch(mode=0o600)
    assert env_file_warning(file) is None
    for mode in (0o640, 0o604):
        file.chmod(mode)
        assert f"chmod 600 {file}" in str(env_file_warning(file))
