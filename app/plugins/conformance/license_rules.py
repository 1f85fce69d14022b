"""Rules for plugins that want a licence: without a good key they end with exit code 78 and say why."""

import secrets

from app.core.ids import new_id
from app.plugins.conformance.bench import AnyBench, Rule
from app.plugins.conformance.findings import Violation
from app.plugins.conformance.subject import START_SECONDS
from app.plugins.licences import make_hmac_key, make_signed_key
from app.plugins.life import NO_RESTART

SOMEBODY_ELSES = "00000000-0000-4000-8000-000000000000"


async def missing(bench: AnyBench) -> None:
    """No key."""
    await _require_no(bench, "Without a key", None)


async def nonsense(bench: AnyBench) -> None:
    """A key that is none."""
    for key in ("", "no key", "v2.", "=" * 200, new_id() * 40):
        await _require_no(bench, f"With the key {key[:12]!r}", key)


async def forged(bench: AnyBench) -> None:
    """Keys of the right form, made by somebody else."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    subject = bench.subject
    older = make_hmac_key(secrets.token_bytes(32), subject.instance_id, None)
    signed = make_signed_key(Ed25519PrivateKey.generate(), subject.metadata.id, subject.instance_id, None)
    await _require_no(bench, "With an HMAC key that its maker did not make", older)
    await _require_no(bench, "With a v2 key that its maker did not sign", signed)


async def foreign(bench: AnyBench) -> None:
    """A good key, at another installation."""
    ours = bench.subject.instance_id
    bench.subject.instance_id = SOMEBODY_ELSES
    try:
        await _require_no(bench, "With another installation's key", bench.subject.license_key)
    finally:
        bench.subject.instance_id = ours


async def _require_no(bench: AnyBench, when: str, key: str | None) -> None:
    subject, ours = bench.subject, bench.subject.license_key
    await bench.stop()
    subject.license_key = key
    try:
        await subject.start()
        if not await subject.wait_for_end(START_SECONDS):
            raise Violation(f"{when} it went on.")
        if subject.code != NO_RESTART:
            raise Violation(f"{when} it {subject.ending()}.")
        if not subject.last_words:
            raise Violation(f"{when} it did not say why on stderr.")
    finally:
        subject.license_key = ours
        await bench.stop()


WITHOUT_A_KEY = (
    Rule("license-missing", "Without a licence key it ends with exit code 78 and says why.", missing, lives=False),
    Rule("license-nonsense", "With a licence key that is none it does the same.", nonsense, lives=False),
    Rule("license-forged", "With a licence key that its maker did not make it does the same.", forged, lives=False),
)
WITH_A_KEY = Rule("license-foreign", "With another installation's licence key it does the same.", foreign, lives=False)
