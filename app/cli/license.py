"""`toru license`: what the maker of plugins does with licence keys. Needs no core, no data folder and no network."""

import os
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.cli.endings import fail, say
from app.cli.exits import CONFIG, REFUSED, USAGE
from app.cli.paths import called_from
from app.cli.printing import as_json, print_json

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from app.plugins.licences import Licence

VARIABLE = "TORU_LICENSE_SECRET"
MAX_FILE = 16384
LEAST_SECRET = 16
"""Bytes of an HMAC secret below which guessing it is thinkable."""

secret_file = click.option(
    "--secret-file",
    type=click.Path(path_type=Path),
    help=f"File with the maker's secret. Without it, {VARIABLE} of the environment is taken.",
)


@click.group("license")
def license_keys() -> None:
    """Make and check licence keys, for the maker of plugins."""
    from app.core.secret_pipe import forbid_dumps

    forbid_dumps()


@license_keys.command()
@click.argument("file", type=click.Path(path_type=Path))
def keypair(file: Path) -> None:
    """Make an Ed25519 key pair: the private key into a new FILE, the public one onto the terminal."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    from app.plugins.licences import public_key_text

    key = Ed25519PrivateKey.generate()
    try:
        descriptor = os.open(called_from(file), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    except OSError as error:
        fail(f"{file} cannot be made: {error.strerror}. It must be a new file.", REFUSED)
    click.echo(public_key_text(key.public_key().public_bytes_raw()))
    say(f"{file} holds the private key; keep it, and never give it away.")


@license_keys.command()
@click.option("--instance", required=True, help="The installation's instance id, as its admin sees it.")
@click.option("--expires", required=True, help="The last day (UTC) on which the key is valid: YYYY-MM-DD, or never.")
@click.option("--plugin", help="The plugin's id; needed, and only possible, for a key signed with Ed25519.")
@secret_file
def generate(instance: str, expires: str, plugin: str | None, secret_file: Path | None) -> None:
    """Print a licence key.

    The secret decides its kind: with an Ed25519 private key (from `keypair`) it is a `v2.` key for one plugin, with
    any other text an HMAC key for all plugins that know the text.
    """
    from app.plugins.licences import make_hmac_key, make_signed_key

    secret = _secret(secret_file)
    if not secret:
        fail(f"The maker's secret is missing: set {VARIABLE} or name a file with --secret-file.", USAGE)
    last_day = _day(expires)
    private_key = _private_key(secret)
    if private_key is None and plugin is not None:
        fail("An HMAC key names no plugin. Leave --plugin out, or sign with an Ed25519 key.", USAGE)
    if private_key is not None and plugin is None:
        fail("A key signed with Ed25519 is for one plugin: name it with --plugin.", USAGE)
    try:
        if private_key is None:
            _require_long(secret)
            made = make_hmac_key(secret, instance, last_day)
        else:
            made = make_signed_key(private_key, str(plugin), instance, last_day)
    except ValueError as error:
        fail(f"This is {error}.", USAGE)
    click.echo(made)


@license_keys.command()
@click.option("--instance", help="Check that the key is for this instance id.")
@click.option("--plugin", help="Check that the key is for this plugin.")
@click.option("--public-key", help="The maker's public key, for `v2.` keys; not needed with the private one.")
@click.option("--key-file", type=click.Path(path_type=Path), help="File with the licence key.")
@secret_file
@as_json
def validate(
    instance: str | None,
    plugin: str | None,
    public_key: str | None,
    key_file: Path | None,
    secret_file: Path | None,
    as_json: bool,
) -> None:
    """Check the licence key that stands on standard input, and print what it says."""
    from app.plugins.licences import BadLicence, read_key

    text = (_read(key_file) if key_file else _read_input()).strip()
    try:
        licence = read_key(text.decode("utf-8", "replace"))
        _require_signature(licence, public_key, _secret(secret_file))
        licence.require_use(
            licence.instance_id if instance is None else instance,
            str(licence.plugin_id) if plugin is None else plugin,
            datetime.now(UTC),
        )
    except BadLicence as error:
        if as_json:
            print_json({"is_good": False, "problem": str(error)})
            sys.exit(REFUSED)
        fail(str(error), REFUSED)
    if as_json:
        expires = licence.expires.isoformat() if licence.expires else None
        told = {"instance_id": licence.instance_id, "plugin_id": licence.plugin_id, "expires": expires}
        print_json({"is_good": True, "problem": None, **told})
        return
    click.echo("This licence key is good.")
    click.echo(f"  installation  {licence.instance_id}")
    click.echo(f"  plugin        {licence.plugin_id or 'all of its maker'}")
    click.echo(f"  valid         {f'through {licence.expires} (UTC)' if licence.expires else 'for ever'}")


def _require_signature(licence: "Licence", public_key: str | None, secret: bytes) -> None:
    """Raises BadLicence; ends the command where what is needed to check the signature was not given."""
    from app.plugins.licences import read_public_key

    private_key = _private_key(secret)
    if licence.plugin_id is None:
        if not secret or private_key is not None:
            fail(f"An HMAC key is checked with the maker's secret: set {VARIABLE} or name --secret-file.", USAGE)
        licence.require_made_with(secret)
    elif public_key is not None:
        try:
            licence.require_signed_for(read_public_key(public_key))
        except ValueError:
            fail("--public-key must be the 43 characters that `toru license keypair` printed.", USAGE)
    elif private_key is not None:
        licence.require_signed_for(private_key.public_key().public_bytes_raw())
    else:
        fail("A v2 key is checked with the maker's --public-key.", USAGE)


def _secret(file: Path | None) -> bytes:
    """The maker's secret, empty where none was given; never from the command line, which everybody can read."""
    from app.core.secret_pipe import read_secrets

    try:
        handed_over = read_secrets().get(VARIABLE, "")
    except ValueError as error:
        fail(str(error), CONFIG)
    given = handed_over or os.environ.pop(VARIABLE, "")
    return _read(file).rstrip(b"\r\n") if file else os.fsencode(given)


def _private_key(secret: bytes) -> "Ed25519PrivateKey | None":
    """The Ed25519 key that the secret is, None when it is an HMAC secret."""
    if not secret.lstrip().startswith(b"-----BEGIN"):
        return None
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(secret.strip() + b"\n", None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        fail("The maker's secret begins like a PEM file, but is not an Ed25519 private key without a password.", USAGE)
    return key


def _require_long(secret: bytes) -> None:
    if len(secret) < LEAST_SECRET:
        say("warning: a secret this short can be guessed. Take 32 characters or more.")


def _day(text: str) -> date | None:
    from app.plugins.licences import read_day

    try:
        day = read_day(text)
    except ValueError:
        fail("--expires must be a day like 2027-01-31, or never.", USAGE)
    if day is not None and day < datetime.now(UTC).date():
        say(f"warning: {day} has passed already.")
    return day


def _read(file: Path) -> bytes:
    try:
        with called_from(file).open("rb") as stream:
            content = stream.read(MAX_FILE + 1)
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror}.", REFUSED)
    if len(content) > MAX_FILE:
        fail(f"{file} is too large to be a key.", REFUSED)
    return content


def _read_input() -> bytes:
    if sys.stdin.isatty():
        click.echo("Paste the licence key, then press Enter:", err=True)
    return sys.stdin.buffer.readline(MAX_FILE)
