"""How this machine is deployed: read once from the environment and `.env`, checked, then passed down."""

import ipaddress
import os
import stat
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from dotenv import dotenv_values
from dotenv.parser import parse_stream
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.core.cloudflare import access_problem, team_address
from app.core.origin import origin_of
from app.core.ownership import name_of
from app.core.passwords import MAX_PASSWORD, is_usable

ROOT = Path(__file__).resolve().parents[2]
MAX_SHOWN = 80

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class ConfigError(Exception):
    """A deployment value is wrong; the text is one line a problem, fit for a terminal."""


class ProxyTrust(StrEnum):
    """Whose word about a client's address is taken."""

    NONE = "none"
    CLOUDFLARE = "cloudflare"
    FORWARDED = "forwarded"


class Config(BaseSettings):
    """The deployment. Field aliases are the environment's names; relative paths count from the folder of `toru`."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, validate_default=True)

    admin_username: str = Field("admin", validation_alias="ADMIN_USERNAME", max_length=64)
    admin_password: SecretStr | None = Field(None, validation_alias="ADMIN_PASSWORD", exclude=True)
    admin_display_name: str = Field("Administrator", validation_alias="ADMIN_DISPLAY_NAME", max_length=100)
    host: str = Field("127.0.0.1", validation_alias="STEERING_HOST")
    port: int = Field(3000, validation_alias="STEERING_PORT", ge=1, le=65535)
    production: bool = Field(False, validation_alias="PRODUCTION")
    secure_cookies_wanted: bool = Field(False, validation_alias="SECURE_COOKIES")
    trust_proxy: ProxyTrust = Field(ProxyTrust.NONE, validation_alias="TRUST_PROXY")
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode] = Field((), validation_alias="TORU_TRUSTED_PROXIES")
    public_url: str | None = Field(None, validation_alias="TORU_PUBLIC_URL")
    access_team: str | None = Field(None, validation_alias="TORU_ACCESS_TEAM")
    access_audience: Annotated[tuple[str, ...], NoDecode] = Field((), validation_alias="TORU_ACCESS_AUDIENCE")
    access_keys: Path | None = Field(None, validation_alias="TORU_ACCESS_KEYS")
    data_dir: Path = Field(Path("data"), validation_alias="TORU_DATA_DIR")
    plugins_dir: Path = Field(Path("plugins"), validation_alias="TORU_PLUGINS_DIR")
    scripts_dir: Path = Field(Path("scripts"), validation_alias="TORU_SCRIPTS_DIR")
    chosen_log_dir: Path | None = Field(None, validation_alias="TORU_LOG_DIR")
    script_env: Annotated[tuple[str, ...], NoDecode] = Field((), validation_alias="TORU_SCRIPT_ENV")
    runner_socket: Path | None = Field(None, validation_alias="TORU_RUNNER_SOCKET")
    allow_aiohttp: bool = Field(False, validation_alias="TORU_ALLOW_AIOHTTP")

    @field_validator("admin_username", "admin_display_name", "host")
    @classmethod
    def _check_text(cls, value: str) -> str:
        value = value.strip()
        if not value or not value.isprintable():
            raise ValueError("must be text of printable characters")
        return value

    @field_validator("admin_password")
    @classmethod
    def _check_password(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not is_usable(value.get_secret_value()):
            raise ValueError(f"must be UTF-8 text of at most {MAX_PASSWORD} characters")
        return value

    @field_validator("trust_proxy", mode="before")
    @classmethod
    def _read_trust(cls, value: object) -> object:
        words = {"true": "cloudflare", "1": "cloudflare", "false": "none", "0": "none", "forwarded": "forwarded"}
        if isinstance(value, ProxyTrust):
            return value
        if str(value).strip().lower() not in words:
            raise ValueError("must be true, forwarded or false")
        return words[str(value).strip().lower()]

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _read_networks(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            return tuple(ipaddress.ip_network(part, strict=False) for part in _parts(value))
        except ValueError as error:
            raise ValueError(f"must be addresses or networks with commas between: {error}") from error

    @field_validator("script_env", mode="before")
    @classmethod
    def _read_names(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        for name in _parts(value):
            if not name.isascii() or not name.isidentifier():
                raise ValueError("must be names of environment variables with commas between")
        return _parts(value)

    @field_validator("public_url")
    @classmethod
    def _check_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            return origin_of(value.strip())
        except ValueError as error:
            raise ValueError("must look like https://toru.example.com, without a path") from error

    @field_validator("access_team")
    @classmethod
    def _check_team(cls, value: str | None) -> str | None:
        try:
            return None if value is None else team_address(value)
        except ValueError as error:
            raise ValueError("must be a team's name, or look like https://team.cloudflareaccess.com") from error

    @field_validator("access_audience", mode="before")
    @classmethod
    def _read_audience(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        if not _parts(value) or not all(part.isascii() and part.isalnum() for part in _parts(value)):
            raise ValueError("must be the tag of an application, or several with commas between")
        return _parts(value)

    @field_validator("data_dir", "plugins_dir", "scripts_dir", "chosen_log_dir", "access_keys", "runner_socket")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        if value is None:
            return None
        if not str(value).isprintable():
            raise ValueError("must be a path of printable characters")
        try:
            return Path(os.path.normpath(ROOT / value.expanduser()))
        except RuntimeError as error:
            raise ValueError(f"has no meaning here: {error}") from error

    @property
    def root(self) -> Path:
        """The folder of `toru`; scripts run in it."""
        return ROOT

    @property
    def secure_cookies(self) -> bool:
        """Whether cookies carry Secure and the `__Host-` prefix."""
        return self.production or self.secure_cookies_wanted

    @property
    def log_dir(self) -> Path:
        """Where log files go: as configured, else the installer's folder, else the data folder."""
        if self.chosen_log_dir is not None:
            return self.chosen_log_dir
        installed = Path("/var/log/toru")
        return installed if installed.is_dir() and os.access(installed, os.W_OK) else self.data_dir / "logs"

    def without_password(self) -> "Config":
        """The same deployment, with the administrator's password forgotten."""
        return self.model_copy(update={"admin_password": None})


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def load_config(overrides: dict[str, Any] | None = None, env_file: Path | None = ROOT / ".env") -> Config:
    """Reads the environment, then `env_file` for what the environment does not say.

    Args:
        overrides: values by environment name that win over both (the command line's, the secrets pipe's).
        env_file: the `.env` file, None for none.

    Raises:
        ConfigError: something is wrong; one line a problem, without the value of a secret.
    """
    values = {name: value for name, value in read_env_file(env_file).items() if not os.environ.get(name)}
    values |= {name: value for name, value in (overrides or {}).items() if value is not None}
    try:
        config = Config(**values)
    except ValidationError as error:
        raise ConfigError("\n".join(_line(problem) for problem in error.errors(include_url=False))) from None
    if (problem := access_problem(config.access_team, config.access_audience, config.access_keys)) is not None:
        raise ConfigError(problem)
    return config


def read_env_file(path: Path | None) -> dict[str, Any]:
    """What the file says; values are taken as written, `${…}` means nothing in them."""
    if path is None or not path.exists():
        return {}
    try:
        with path.open(encoding="utf-8-sig") as stream:
            wrong = [statement.original.line for statement in parse_stream(stream) if statement.error]
        if wrong:
            raise ConfigError(f"{path}, line {wrong[0]}: cannot be understood; it must look like NAME=value")
        values = dotenv_values(path, encoding="utf-8-sig", interpolate=False)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {_unreadable(path, error)}") from None
    return {name: value for name, value in values.items() if value}


def _unreadable(path: Path, error: OSError | UnicodeDecodeError) -> str:
    if isinstance(error, PermissionError) and (owner := path.stat().st_uid) != os.geteuid():
        name = name_of(owner)
        return f"it belongs to the user {name}; run this as that user: sudo -u {name} ./toru …"
    return error.strerror or str(error) if isinstance(error, OSError) else "it is not UTF-8"


def _line(problem: Any) -> str:
    name = str(problem["loc"][0]) if problem["loc"] else "configuration"
    message = str(problem["msg"]).removeprefix("Value error, ")
    secret = "PASSWORD" in name or "SECRET" in name
    given = "" if secret else f" (it is {str(problem.get('input'))[:MAX_SHOWN]!r})"
    return f"{name}: {message[:1].lower()}{message[1:]}{given}"


def env_file_warning(env_file: Path = ROOT / ".env") -> str | None:
    """A sentence when others on this machine can read `.env`, else None."""
    try:
        mode = env_file.stat().st_mode
    except OSError:
        return None
    if mode & (stat.S_IRGRP | stat.S_IROTH):
        return f"{env_file} can be read by other users of this machine. Mend it with: chmod 600 {env_file}"
    return None
