"""The command line: `toru` and its commands, one file each."""

import click

from app.cli.audit import audit
from app.cli.fleet import fleet
from app.cli.license import license_keys
from app.cli.plugin import plugin
from app.cli.serve import serve
from app.cli.user import user
from app.version import VERSION


@click.group(epilog="./toru test checks and tests everything.")
@click.version_option(VERSION, prog_name="toru")
def toru() -> None:
    """Toru Steering Center: a dashboard for this machine and its scripts."""


toru.add_command(serve)
toru.add_command(user)
toru.add_command(audit)
toru.add_command(plugin)
toru.add_command(license_keys)
toru.add_command(fleet)

if __name__ == "__main__":
    toru(prog_name="toru")
