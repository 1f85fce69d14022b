"""Whether a deployment can be served by a user: what belongs to whom is looked at before units are written."""

import os
import pwd
import re
import subprocess
from pathlib import Path

from app.systemd.install import CannotInstall
from app.systemd.units import PLAIN, Deployment

USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@$-]{0,255}")
OF_A_RUNNER = re.compile(r"-runner-\d")


def require_name(name: str) -> None:
    """Raises CannotInstall when no unit may be called so."""
    if not PLAIN.fullmatch(name) or name[0] in ".-" or len(name) > 64:
        raise CannotInstall(
            f"{name!r} is no name for a service: at most 64 letters, digits, dots, dashes and underscores."
        )
    if OF_A_RUNNER.search(name):
        raise CannotInstall(f"{name} would be taken for the runner of another service: take a name without -runner-.")


def require_user(name: str) -> None:
    """Raises CannotInstall when no unit can name a user so."""
    if not USER.fullmatch(name):
        raise CannotInstall(f"{name!r} is no name of a user.")


def account(name: str) -> pwd.struct_passwd:
    """The user of that name. Raises CannotInstall."""
    try:
        return pwd.getpwnam(name)
    except KeyError:
        made = f"useradd --system --home-dir /var/lib/{name} --shell /usr/sbin/nologin {name}"
        raise CannotInstall(f"There is no user {name} on this machine. Make one: {made}") from None


def require_runnable(root: Path, user: pwd.struct_passwd) -> None:
    """Tries `toru` as that user. Raises CannotInstall."""
    groups = os.getgrouplist(user.pw_name, user.pw_gid)
    program = root / "toru"
    try:
        done = subprocess.run(
            [str(program), "--version"],
            user=user.pw_uid,
            group=user.pw_gid,
            extra_groups=groups,
            cwd="/",
            env={"PATH": os.environ.get("PATH", os.defpath), "HOME": "/", "LANG": "C.UTF-8"},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
    except OSError as error:
        reason = error.strerror or "it fails"
    else:
        if done.returncode == 0:
            return
        reason = (done.stderr.strip().splitlines() or ["it fails"])[-1]
    raise CannotInstall(
        f"{user.pw_name} cannot run {program}: {reason}\n"
        "Put Toru where that user may read, such as /opt/toru, and run `./toru --version` there once as its owner."
    )


def hand_over(deployment: Deployment, env_file: Path, user: pwd.struct_passwd) -> list[str]:
    """Sees to it that the user can use what is written while it serves.

    Returns:
        a sentence for each thing whose owner was changed.

    Raises:
        CannotInstall: a folder with content belongs to somebody else.
        OSError: a folder cannot be made.
    """
    told = []
    # With the strict profile not even root may read what belongs to others.
    needs_own = user.pw_uid != 0 or deployment.is_strict
    if env_file.exists() and env_file.stat().st_uid != user.pw_uid and needs_own:
        os.chown(env_file, user.pw_uid, user.pw_gid)
        env_file.chmod(0o600)
        told.append(f"{env_file} belongs to {user.pw_name} now, for the service reads it.")
    for folder in (deployment.data_dir, deployment.log_dir, deployment.plugins_dir / ".metadata"):
        if not folder.exists():
            folder.mkdir(mode=0o700, parents=True)
            os.chown(folder, user.pw_uid, user.pw_gid)
        elif folder.stat().st_uid != user.pw_uid and needs_own:
            raise CannotInstall(
                f"{folder} does not belong to {user.pw_name}. Stop Toru, then: chown -R {user.pw_name}: '{folder}'"
            )
    return told
