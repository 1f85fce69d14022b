"""`toru license`: keys that the maker of plugins makes and checks, as its own process, with nothing secret in argv."""

import base64
import hashlib
import hmac
import os
import stat
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cli.calling import toru
from tests.support.server import ROOT

INSTANCE = "3f2b8c1e-5d47-4a90-9c1b-7e6f0a1d2c3b"
SECRET = "0123456789abcdef0123456789abcdef"


def run(*arguments: str, folder: Path, key: str = "", env: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """Runs `toru license` as if called from `folder`; answers code, output and complaints."""
    return toru(Path("/nowhere"), "license", *arguments, text=key, TORU_CALLED_FROM=str(folder), **(env or {}))


def made(*arguments: str, folder: Path, env: Mapping[str, str] | None = None) -> str:
    code, output, complaints = run("generate", *arguments, folder=folder, env=env)
    assert (code, complaints) == (0, "")
    return output.strip()


@pytest.fixture
def public_key(tmp_path: Path) -> str:
    """Of the pair whose private half lies in maker.pem."""
    code, output, _ = run("keypair", "maker.pem", folder=tmp_path)
    assert code == 0
    return output.strip()


def test_an_hmac_key_by_the_secret_of_the_environment(tmp_path: Path) -> None:
    env = {"TORU_LICENSE_SECRET": SECRET}
    key = made("--instance", INSTANCE, "--expires", "2999-12-31", folder=tmp_path, env=env)
    signature = base64.b64encode(hmac.digest(SECRET.encode(), f"{INSTANCE}:2999-12-31".encode(), hashlib.sha256))
    assert base64.b64decode(key) == f"{INSTANCE}:2999-12-31:".encode() + signature
    code, output, complaints = run("validate", "--instance", INSTANCE, folder=tmp_path, key=f" {key} \n", env=env)
    assert (code, complaints) == (0, "")
    assert output.splitlines() == [
        "This licence key is good.",
        f"  installation  {INSTANCE}",
        "  plugin        all of its maker",
        "  valid         through 2999-12-31 (UTC)",
    ]


def test_the_secret_may_come_from_a_file_or_through_the_launchers_pipe(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    asked = ("--instance", INSTANCE, "--expires", "never")
    from_file = made(*asked, "--secret-file", "secret", folder=tmp_path)
    assert from_file == made(*asked, folder=tmp_path, env={"TORU_LICENSE_SECRET": SECRET})
    theirs, ours = os.pipe()
    os.write(ours, f"TORU_LICENSE_SECRET={SECRET}\0".encode())
    os.close(ours)
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "license", "generate", *asked],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "TORU_SECRETS_FD": str(theirs)},
        pass_fds=(theirs,),
        capture_output=True,
        text=True,
        check=True,
    )
    os.close(theirs)
    assert done.stdout.strip() == from_file


def test_a_signed_key_needs_only_the_public_key_to_be_checked(tmp_path: Path, public_key: str) -> None:
    assert stat.S_IMODE((tmp_path / "maker.pem").stat().st_mode) == 0o600
    asked = ("--instance", INSTANCE, "--expires", "never", "--plugin", "disk-watch")
    key = made(*asked, "--secret-file", "maker.pem", folder=tmp_path)
    assert key.startswith("v2.")
    (tmp_path / "key").write_text(f"{key}\n")
    for how in (("--public-key", public_key), ("--secret-file", "maker.pem")):
        code, output, _ = run("validate", "--key-file", "key", *how, folder=tmp_path)
        assert code == 0
        assert "  plugin        disk-watch\n  valid         for ever\n" in output
    env = {"TORU_LICENSE_SECRET": (tmp_path / "maker.pem").read_text()}
    assert made(*asked, folder=tmp_path, env=env) == key, "Ed25519 signs the same text the same way each time"


@pytest.mark.needs("openssl")
def test_a_key_pair_and_its_signatures_are_openssls_too(tmp_path: Path) -> None:
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", tmp_path / "maker.pem"], check=True)
    key = made(
        "--instance", INSTANCE, "--expires", "never", "--plugin", "x", "--secret-file", "maker.pem", folder=tmp_path
    )
    signed, _, signature = key.rpartition(".")
    (tmp_path / "signed").write_text(signed)
    (tmp_path / "signature").write_bytes(base64.urlsafe_b64decode(signature + "=="))
    command = ["openssl", "pkeyutl", "-verify", "-inkey", "maker.pem", "-rawin", "-in", "signed"]
    told = subprocess.run(
        [*command, "-sigfile", "signature"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "Verified Successfully" in told.stdout


def test_each_bad_key_has_its_own_sentence(tmp_path: Path, public_key: str) -> None:
    asked = ("--instance", INSTANCE, "--plugin", "disk-watch", "--secret-file", "maker.pem")
    key = made(*asked, "--expires", "never", folder=tmp_path)
    _, old, warning = run("generate", *asked, "--expires", "2020-02-29", folder=tmp_path)
    assert warning == "toru: warning: 2020-02-29 has passed already.\n"
    foreign = ("--instance", "00000000-0000-4000-8000-000000000000")
    flipped = key[:-5] + ("A" if key[-5] != "A" else "B") + key[-4:]
    told = []
    for text, more in ((key, foreign), (key, ("--plugin", "x")), (old, ()), (flipped, ()), (key[3:], ()), ("", ())):
        code, output, complaint = run("validate", *more, "--public-key", public_key, folder=tmp_path, key=text)
        assert (code, output) == (1, "")
        told.append(complaint)
    assert ["for the installation" in told[0], "for the plugin" in told[1], "has run out" in told[2]] == [True] * 3
    assert "was altered" in told[3]
    assert (
        told[4] == told[5] == ("toru: This is not a licence key. Copy all of it, as it was sent, and nothing else.\n")
    )
    assert len(set(told)) == 5


ASKED = ("generate", "--instance", INSTANCE, "--expires")


@pytest.mark.parametrize(
    ("arguments", "secret", "code", "says"),
    [
        ((*ASKED, "never"), "", 2, "secret is missing: set TORU_LICENSE_SECRET"),
        (("generate", "--instance", "ours", "--expires", "never"), SECRET, 2, "not the id of an installation"),
        ((*ASKED, "soon"), SECRET, 2, "a day like 2027-01-31, or never"),
        ((*ASKED, "never", "--plugin", "x"), SECRET, 2, "An HMAC key names no plugin"),
        ((*ASKED, "never"), "-----BEGIN X", 2, "not an Ed25519 private key"),
        ((*ASKED, "never", "--secret-file", "no"), "", 1, "no cannot be read"),
        (("keypair", "."), "", 1, "cannot be made: File exists. It must be a new file."),
        (("keypair", "no/file"), "", 1, "cannot be made: No such file"),
    ],
)
def test_what_is_missing_or_wrong_is_one_sentence(
    arguments: tuple[str, ...], secret: str, code: int, says: str, tmp_path: Path
) -> None:
    answered = run(*arguments, folder=tmp_path, env={"TORU_LICENSE_SECRET": secret})
    assert answered[:2] == (code, "")
    assert says in answered[2]
    assert SECRET not in answered[2]


def test_a_key_of_one_kind_is_not_checked_with_the_other_kinds_secret(tmp_path: Path, public_key: str) -> None:
    older = made("--instance", INSTANCE, "--expires", "never", folder=tmp_path, env={"TORU_LICENSE_SECRET": SECRET})
    code, _, complaint = run("validate", "--public-key", public_key, folder=tmp_path, key=older)
    assert (code, "with the maker's secret" in complaint) == (2, True)
    code, _, complaint = run("validate", "--secret-file", "maker.pem", folder=tmp_path, key=older)
    assert (code, "with the maker's secret" in complaint) == (2, True)
    signed = made(
        "--instance", INSTANCE, "--expires", "never", "--plugin", "x", "--secret-file", "maker.pem", folder=tmp_path
    )
    code, _, complaint = run("validate", folder=tmp_path, key=signed, env={"TORU_LICENSE_SECRET": SECRET})
    assert (code, "with the maker's --public-key" in complaint) == (2, True)


def test_a_pair_never_replaces_another(tmp_path: Path, public_key: str) -> None:
    before = (tmp_path / "maker.pem").read_bytes()
    code, output, complaint = run("keypair", "maker.pem", folder=tmp_path)
    assert (code, output) == (1, "")
    assert complaint == "toru: maker.pem cannot be made: File exists. It must be a new file.\n"
    assert (tmp_path / "maker.pem").read_bytes() == before


def test_a_short_secret_is_warned_of(tmp_path: Path) -> None:
    env = {"TORU_LICENSE_SECRET": "short"}
    code, _, complaint = run("generate", "--instance", INSTANCE, "--expires", "never", folder=tmp_path, env=env)
    assert (code, complaint) == (0, "toru: warning: a secret this short can be guessed. Take 32 characters or more.\n")


def test_no_option_takes_a_secret_itself(tmp_path: Path) -> None:
    """Everybody on a machine can read the arguments of a process."""
    for command in ("generate", "validate"):
        _, help_text, _ = run(command, "--help", folder=tmp_path)
        assert "--secret-file PATH" in help_text
        assert "--secret " not in help_text
        assert "--key " not in help_text
