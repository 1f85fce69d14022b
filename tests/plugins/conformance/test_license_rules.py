"""Plugins that want a licence: which refusals the kit asks for, and that a good key opens everything else."""

import re
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.plugins.conformance.findings import Result
from app.plugins.licences import make_hmac_key, make_signed_key
from tests.plugins.conformance.support import INSTANCE, broken, findings, plugin, sample

SECRET = b"a secret of the maker"
PRIVATE = Ed25519PrivateKey.generate()
WANTS = ('"route": "/plain-one",', '"route": "/plain-one",\n    "license": "required",')
MAIN = "    signal.signal(signal.SIGTERM"
REFUSAL = 'print("This plugin needs a licence.", file=sys.stderr)\n        sys.exit(78)'

CHECKS_HMAC = (
    "import json\n",
    f"""import base64, datetime, hashlib, hmac, json

def is_licensed():
    try:
        content = base64.b64decode(os.environ["TORU_LICENSE_KEY"], validate=True).decode()
        instance, expiry, signature = content.split(":")
        given = base64.b64decode(signature, validate=True)
    except (KeyError, ValueError):
        return False
    expected = hmac.digest({SECRET!r}, f"{{instance}}:{{expiry}}".encode(), "sha256")
    today = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
    good = instance == os.environ["TORU_INSTANCE_ID"] and (expiry == "never" or today <= expiry)
    return good and hmac.compare_digest(given, expected)

""",
)
CHECKS_SIGNATURE = (
    "import json\n",
    f"""import base64, json
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

def is_licensed():
    head, _, signature = os.environ.get("TORU_LICENSE_KEY", "").rpartition(".")
    try:
        key = Ed25519PublicKey.from_public_bytes({PRIVATE.public_key().public_bytes_raw()!r})
        key.verify(base64.urlsafe_b64decode(signature + "=="), head.encode())
        plugin, instance, expiry = base64.urlsafe_b64decode(head[3:] + "==").decode().split(":")
    except (InvalidSignature, ValueError):
        return False
    return (plugin, instance) == ("plain-one", os.environ["TORU_INSTANCE_ID"])

""",
)
REFUSES = (MAIN, f"    if not is_licensed():\n        {REFUSAL}\n{MAIN}")


def licensed(folder: Path, how: tuple[str, str], *changes: tuple[str, str]) -> Path:
    """The sample of protocol 1, grown a licence check."""
    text = sample("plain-one").replace("/usr/bin/env python3", sys.executable)
    return plugin(folder, plugin(folder, text, WANTS, how, REFUSES).read_text(), *changes)


@pytest.mark.parametrize("kind", ["HMAC", "v2"])
async def test_with_a_good_key_every_rule_is_tried_and_kept(kind: str, tmp_path: Path) -> None:
    how = CHECKS_HMAC if kind == "HMAC" else CHECKS_SIGNATURE
    key = (
        make_hmac_key(SECRET, INSTANCE, None)
        if kind == "HMAC"
        else make_signed_key(PRIVATE, "plain-one", INSTANCE, None)
    )
    found = await findings(licensed(tmp_path, how), key=key)
    assert broken(found) == {}
    rules = ["license-missing", "license-nonsense", "license-forged", "license-foreign", "start"]
    assert [rule for rule in found if rule in rules] == rules
    assert "leftovers" in found


async def test_without_a_key_the_rest_is_left_out_and_said_so(tmp_path: Path) -> None:
    found = await findings(licensed(tmp_path, CHECKS_HMAC))
    assert set(broken(found)) == {"start"}
    assert found["start"].result is Result.SKIPPED
    assert "Set TORU_LICENSE_KEY and TORU_INSTANCE_ID" in found["start"].detail
    assert list(found)[-1] == "start"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("if not is_licensed():", "if False:"), {
            "license-missing": "^Without a key it went on",
            "license-nonsense": "^With the key '' it went on",
            "license-forged": "^With an HMAC key that its maker did not make it went on",
            "license-foreign": "^With another installation's key it went on"}),
        (("sys.exit(78)", "sys.exit(1)"), {
            "license-missing": "it ended with exit code 1: This plugin needs a licence",
            "license-nonsense": "exit code 1", "license-forged": "exit code 1", "license-foreign": "exit code 1"}),
        (('print("This plugin needs a licence.", file=sys.stderr)', "pass"), {
            "license-missing": "did not say why", "license-nonsense": "did not say why",
            "license-forged": "did not say why", "license-foreign": "did not say why"}),
        (("except (KeyError, ValueError)", "except KeyError"), {
            "license-nonsense": "exit code 1: ", "license-forged": "exit code 1: "}),
        (("hmac.compare_digest(given, expected)", "len(given) == 32"), {"license-forged": "^With an HMAC key"}),
        (('instance == os.environ["TORU_INSTANCE_ID"] and ', ""), {"license-foreign": "^With another installation's"}),
    ],
    ids=["no check", "wrong code", "no word", "crash", "form only", "any installation"],
)  # fmt: skip
async def test_a_refusal_that_is_none_is_named(
    change: tuple[str, str], told: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = 1 if len(told) == 4 and "went on" in told["license-missing"] else 5
    monkeypatch.setattr("app.plugins.conformance.license_rules.START_SECONDS", seconds)
    file = licensed(tmp_path, CHECKS_HMAC, change)
    found = broken(await findings(file, "http-answer", key=make_hmac_key(SECRET, INSTANCE, None)))
    assert set(found) == set(told)
    for rule, says in told.items():
        assert re.search(says, found[rule]), found[rule]
