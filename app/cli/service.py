"""`toru service`: Toru as a service of systemd, installed, removed, or its units shown."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.cli.endings import fail
from app.cli.exits import CONFIG, REFUSED
from app.cli.paths import called_from

if TYPE_CHECKING:
    from app.core.config import Config
    from app.systemd.install import Systemd
    from app.systemd.units import Deployment

named = click.option("--name", default="toru", show_default=True, help="Name of the service; for several.")
run_by = click.option("--user", "user_name", default="root", show_default=True, help="Who runs it, and every script.")
strictly = click.option("--strict", is_flag=True, help="Restrict what it may do, as docs/service.md says.")
elsewhere = click.option(
    "--root",
    "system",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=Path("/"),
    help="The root folder of another system, such as an image: nothing is started.",
)


@click.group()
def service() -> None:
    """Have systemd start, watch and restart Toru; see docs/service.md."""


@service.command("print")
@named
@run_by
@strictly
def print_units(name: str, user_name: str, strict: bool) -> None:
    """Show the units that `install` would write."""
    deployment, lines = _planned(_config(), name, user_name, strict)
    for line in lines:
        click.echo(f"toru: `install` would add this to .env: {line}", err=True)
    click.echo("\n".join(f"# {unit}\n{text}" for unit, text in _units(deployment).items()), nl=False)


@service.command()
@named
@run_by
@strictly
@elsewhere
def install(name: str, user_name: str, strict: bool, system: Path) -> None:
    """Write the units and start the service, now and with the machine; again after an upgrade."""
    from app.core.config import ROOT
    from app.systemd.install import CannotInstall

    systemd = _systemd(system)
    config = _config()
    if config.admin_password is None:
        fail(f"ADMIN_PASSWORD is missing in {ROOT / '.env'}; the service would invent one at each start.", CONFIG)
    deployment, lines = _planned(config, name, user_name, strict)
    texts = _units(deployment)
    try:
        older = [unit for unit in systemd.found(name) if unit not in texts]
        if systemd.is_live:
            _prepare(systemd, deployment, lines)
        systemd.install(texts, (f"{name}.service", f"{deployment.runner_name}.socket"))
        systemd.remove(older)
        click.echo(f"Installed {', '.join(texts)}.")
        if systemd.is_live:
            _start(systemd, deployment)
    except (CannotInstall, OSError) as error:
        fail(str(error), REFUSED)


@service.command()
@named
@elsewhere
def remove(name: str, system: Path) -> None:
    """Stop the service and remove its units; data, logs, scripts and plugins stay."""
    from app.systemd.fitness import require_name
    from app.systemd.install import CannotInstall

    systemd = _systemd(system)
    try:
        require_name(name)
        units = systemd.found(name)
        systemd.remove(units)
    except (CannotInstall, OSError) as error:
        fail(str(error), REFUSED)
    if not units:
        fail(f"No service {name} is installed.", REFUSED)
    click.echo(f"Removed {', '.join(units)}.")
    click.echo("Data, logs, scripts and plugins stay; scripts that run go on to their end.")


def _prepare(systemd: "Systemd", deployment: "Deployment", lines: list[str]) -> None:
    """Looks whether it can serve, and readies what it needs. Raises CannotInstall, OSError."""
    from app.core.config import ROOT
    from app.systemd.fitness import account, hand_over, require_runnable
    from app.systemd.install import add_lines

    user = account(deployment.user)
    _require_free(systemd, deployment)
    require_runnable(ROOT, user)
    if lines:
        add_lines(ROOT / ".env", lines)
        click.echo(f"Added to {ROOT / '.env'}: {', '.join(lines)}")
    for sentence in hand_over(deployment, ROOT / ".env", user):
        click.echo(sentence)


def _start(systemd: "Systemd", deployment: "Deployment") -> None:
    from app.systemd.install import CannotInstall

    try:
        systemd.do("restart", f"{deployment.name}.service")
    except CannotInstall as error:
        fail(f"{error}\nSee: journalctl -u {deployment.name} -n 30", REFUSED)
    click.echo(f"It serves. How it is: systemctl status {deployment.name}. Its log: journalctl -u {deployment.name}")


def _systemd(system: Path) -> "Systemd":
    from app.systemd.install import CannotInstall, Systemd

    if os.geteuid() != 0:
        fail("This takes root: sudo ./toru service …", REFUSED)
    try:
        return Systemd(called_from(system).resolve())
    except CannotInstall as error:
        fail(str(error), REFUSED)


def _config() -> "Config":
    """The deployment as the service will see it: by `.env` alone. Ends the command when it is none."""
    from app.core.config import Config, ConfigError, load_config
    from app.core.secret_pipe import forbid_dumps, read_secrets

    forbid_dumps()
    try:
        handed_over = read_secrets()
        names = {str(field.validation_alias) for field in Config.model_fields.values()}
        of_shell = sorted(name for name in names if os.environ.pop(name, "") or name in handed_over)
        if of_shell:
            click.echo(f"toru: warning: the service reads .env, not this shell's {', '.join(of_shell)}.", err=True)
        return load_config()
    except (ConfigError, ValueError) as error:
        fail(str(error), CONFIG)


def _planned(config: "Config", name: str, user: str, is_strict: bool) -> tuple["Deployment", list[str]]:
    """What to install, and the lines that `.env` lacks: a new installation keeps its data where services keep it."""
    from app.core.config import ROOT
    from app.systemd.fitness import require_name, require_user
    from app.systemd.install import CannotInstall
    from app.systemd.units import LOGS, STATE, Deployment

    try:
        require_name(name)
        require_user(user)
    except CannotInstall as error:
        fail(str(error), REFUSED)
    data_dir, log_dir, lines = config.data_dir, config.log_dir, []
    if "data_dir" not in config.model_fields_set and not (data_dir / "toru.db").exists():
        data_dir = STATE / name
        lines.append(f"TORU_DATA_DIR={data_dir}")
        if config.chosen_log_dir is None:
            log_dir = LOGS / name
            lines.append(f"TORU_LOG_DIR={log_dir}")
    return Deployment(name, ROOT, data_dir, log_dir, config.plugins_dir, user, is_strict), lines


def _units(deployment: "Deployment") -> dict[str, str]:
    from app.systemd.escaping import Unwritable
    from app.systemd.units import units

    try:
        return units(deployment)
    except Unwritable as error:
        fail(str(error), REFUSED)


def _require_free(systemd: "Systemd", deployment: "Deployment") -> None:
    """Raises CannotInstall when a core that is no service holds the data folder."""
    from app.core.instance_lock import AlreadyRunning, InstanceLock
    from app.systemd.install import CannotInstall

    if systemd.is_live and (deployment.data_dir / "toru.lock").exists() and not systemd.is_active(deployment.name):
        try:
            with InstanceLock(deployment.data_dir):
                pass
        except AlreadyRunning as error:
            raise CannotInstall(f"{error} Stop it first; its scripts go on.") from None
