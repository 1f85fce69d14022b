"""Whether what is configured fits together and is safe."""

import ipaddress
import os
from collections.abc import Iterator
from urllib.parse import urlsplit

from app.core.config import Config, ProxyTrust, env_file_warning
from app.core.passwords import RULE, is_strong
from app.doctor.findings import Finding, fail, ok, warn
from app.doctor.scene import Scene

LOCAL = ("localhost", "127.0.0.1", "::1")


def check_names(scene: Scene) -> Iterator[Finding]:
    """Variables that mean nothing, which are often ones that were typed wrongly."""
    for name, meant in scene.strange_names.items():
        mend = f"Did you mean {meant}?" if meant else "Remove it."
        yield warn("configuration", f"{name} means nothing to Toru.", mend)
    if not scene.strange_names:
        yield ok("configuration", "Every value can be used.")


def check_env_file(scene: Scene) -> Iterator[Finding]:
    """Who may read and write `.env`."""
    path = scene.root / ".env"
    try:
        status = path.stat()
    except FileNotFoundError:
        yield ok(".env", "There is none; the environment says everything.")
        return
    except OSError as error:
        yield fail(".env", f"{path} cannot be read: {error.strerror}.", f"chown it to who runs Toru: {path}")
        return
    if status.st_mode & 0o022:
        yield fail(".env", f"{path} can be changed by other users of this machine.", f"chmod 600 {path}")
    elif env_file_warning(path) is not None:
        yield warn(".env", f"{path} can be read by other users of this machine.", f"chmod 600 {path}")
    elif not os.access(path, os.R_OK):
        yield fail(".env", f"{path} cannot be read by you.", f"chown it to who runs Toru: {path}")
    else:
        yield ok(".env", "Only its owner can read it.")


def check_password(scene: Scene) -> Iterator[Finding]:
    """The administrator's."""
    given = scene.config.admin_password.get_secret_value() if scene.config.admin_password else ""
    mend = "Set ADMIN_PASSWORD in .env (chmod 600)."
    if given and is_strong(given):
        yield ok("password", "The administrator's is strong.")
    elif given:
        level = fail if scene.config.production else warn
        yield level("password", f"ADMIN_PASSWORD is weak. {RULE}", mend)
    elif scene.is_running:
        yield ok("password", "ADMIN_PASSWORD is not in this environment; the running core was given what it has.")
    elif scene.config.production:
        yield fail("password", "PRODUCTION is set and ADMIN_PASSWORD is not, so Toru would not start.", mend)
    else:
        yield warn("password", "ADMIN_PASSWORD is not set: each start invents another one.", mend)


def check_address(scene: Scene) -> Iterator[Finding]:
    """Whether cookies, the public address and where it listens fit together."""
    config = scene.config
    public = urlsplit(config.public_url) if config.public_url else None
    if public is not None and public.scheme == "https" and not config.secure_cookies:
        says = f"{config.public_url} is HTTPS, but cookies may travel without it."
        yield warn("cookies", says, "Set PRODUCTION=true, or SECURE_COOKIES=true.")
    elif public is not None and public.scheme == "http" and config.secure_cookies and public.hostname not in LOCAL:
        says = f"Cookies need HTTPS and {config.public_url} is none, so nobody can stay signed in."
        yield fail("cookies", says, "Put TLS before it and make TORU_PUBLIC_URL https://…")
    else:
        yield ok("cookies", "They fit the address." if public else "TORU_PUBLIC_URL is not set; any Host is served.")
    if not _is_loopback(config.host) and not config.secure_cookies:
        says = f"Toru listens on {config.host} without TLS: everybody on the way can read passwords."
        yield warn("address", says, "Listen on 127.0.0.1 behind a tunnel or proxy with TLS, and set PRODUCTION=true.")
    else:
        yield ok("address", f"It is to listen on {config.host}, port {config.port}.")


def check_proxy(scene: Scene) -> Iterator[Finding]:
    """Whose word about a client's address is taken."""
    config = scene.config
    wide = [str(network) for network in config.trusted_proxies if network.prefixlen == 0]
    if wide:
        says = f"TORU_TRUSTED_PROXIES has {wide[0]}: everybody can claim any address, and is never locked out."
        yield fail("proxy", says, "Name your proxies only.")
    elif _is_behind_a_proxy(config) and config.trust_proxy is ProxyTrust.NONE:
        says = (
            "Toru seems to be behind a proxy, and trusts none: to it all clients are one, which one of them can lock."
        )
        yield warn(
            "proxy", says, "Set TRUST_PROXY=true behind a Cloudflare tunnel, TRUST_PROXY=forwarded behind others."
        )
    elif config.trust_proxy is not ProxyTrust.NONE and config.public_url is None and not config.trusted_proxies:
        says = "TRUST_PROXY is set and no proxy in sight: programs of this machine can claim any address."
        yield warn("proxy", says, "Remove TRUST_PROXY; or set TORU_PUBLIC_URL to the address that the proxy serves.")
    else:
        yield ok("proxy", f"TRUST_PROXY is {config.trust_proxy.value}.")


def check_access(scene: Scene) -> Iterator[Finding]:
    """The second gate."""
    config = scene.config
    if config.access_team is None:
        yield ok("access", "Cloudflare Access is not set up as a second gate.")
    elif config.access_keys is not None:
        yield ok("access", f"Cloudflare Access of {config.access_team} is asked for, with the keys in a file.")
    elif config.access_team.startswith("http:"):
        says = f"The keys of Cloudflare Access come from {config.access_team}, without TLS."
        yield warn("access", says, "Outside of a test, name the team: TORU_ACCESS_TEAM=team")
    else:
        yield ok("access", f"Cloudflare Access of {config.access_team} is asked for.")


def _is_behind_a_proxy(config: Config) -> bool:
    return _is_loopback(config.host) and config.public_url is not None and config.public_url.startswith("https:")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in LOCAL
