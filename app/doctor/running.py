"""Whether Toru runs, answers, and is the version that is installed; else whether it could."""

import errno
import http.client
import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from app.core.integrity import integrity_problem
from app.core.migrate import HEAD, KNOWN, UnusableDatabase, revision_of
from app.doctor.findings import Finding, fail, ok, warn
from app.doctor.scene import Scene
from app.systemd.install import BOOTED, services_of
from app.version import VERSION

SERVICE = "toru.service"
"""Of a deployment that no unit of ours names: somebody may have written one by hand."""

RUNNER = Path(__file__).parents[1] / "runner" / "__main__.py"
ANSWER_SECONDS = 5.0
EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where such a server is reached


def check_core(scene: Scene) -> Iterator[Finding]:
    """The core itself, and its runner."""
    if scene.silence is not None:
        yield fail("core", scene.silence, "Running scripts go on meanwhile.")
    elif scene.status is None:
        yield warn("core", f"No Toru runs on {scene.config.data_dir}.", "Start it: ./toru serve")
    elif scene.status["version"] != VERSION:
        says = f"Version {scene.status['version']} runs, and {VERSION} is installed."
        yield warn("core", says, "Restart it; running scripts go on.")
    else:
        yield ok("core", f"Version {VERSION} runs as process {scene.status['pid']}.")
    if scene.status is not None:
        if scene.status["problem"]:
            mend = f"See {scene.config.data_dir / 'runner' / 'runner.log'}."
            yield fail("runner", str(scene.status["problem"]), mend)
        else:
            yield ok("runner", "Scripts can be run.")
        if (last := scene.status["last_problem"]) is not None and last["level"] == "error":
            says = f"The newest error, of {last['timestamp']}: {str(last['message']).rstrip('.')}."
            yield warn("log", says, f"See {scene.config.log_dir / 'toru.log'}.")


def check_runner(scene: Scene) -> Iterator[Finding]:
    """Whether a core that is still to be started would find its runner; one that runs says so itself."""
    socket_path = scene.config.runner_socket
    if scene.is_running or scene.silence is not None:
        return
    if not RUNNER.is_file():
        yield fail("runner", "The program that runs scripts is missing.", "Install Toru anew; your data stays.")
    elif socket_path is not None and not socket_path.is_socket():
        says = f"There is no socket {socket_path}, behind which systemd starts the runner."
        yield fail("runner", says, "Install it: ./toru service install; by hand, unset TORU_RUNNER_SOCKET.")
    else:
        yield ok("runner", "It is there.")


def check_port(scene: Scene) -> Iterator[Finding]:
    """Whether the port answers, or could be had."""
    if scene.silence is not None:
        return  # the core that has it is told of already
    host, port = (scene.status or {}).get("host", scene.config.host), scene.config.port
    if scene.status is None:
        yield from _free_port(str(host), port)
        return
    port = int(scene.status["port"])
    connection = http.client.HTTPConnection(EVERY_ADDRESS.get(host, host), port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", "/api/health", headers={"Host": f"localhost:{port}"})
        answer = connection.getresponse()
        healthy = answer.status == 200 and json.loads(answer.read(1000)).get("status") == "ok"
    except (OSError, http.client.HTTPException, ValueError):
        healthy = False
    finally:
        connection.close()
    if healthy:
        yield ok("port", f"{host}:{port} answers.")
    else:
        yield fail("port", f"The core runs, but {host}:{port} does not answer.", "Look into its log; restart it.")


def _free_port(host: str, port: int) -> Iterator[Finding]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError:
            yield fail("port", f"Only root may listen on port {port}.", "Set STEERING_PORT to one above 1023.")
        except OSError as error:
            mend = "Set STEERING_HOST to an address of this machine, such as 127.0.0.1."
            if error.errno == errno.EADDRINUSE:
                mend = f"See who has it: ss -ltnp 'sport = :{port}'; or set STEERING_PORT."
            yield fail("port", f"{host}:{port} cannot be had: {error.strerror}.", mend)
        else:
            yield ok("port", f"{host}:{port} is free.")


def check_database(scene: Scene) -> Iterator[Finding]:
    """Whether the database is sound; where a core runs, in its words."""
    path = scene.database
    mend = "Put a backup in its place: ./toru restore FILE; docs/backup.md tells more."
    if not path.exists():
        yield ok("database", "There is none yet; the first start makes it.")
        return
    if scene.silence is not None:
        yield warn("database", "It was not looked at, for the core that has it does not answer.", "Mend that first.")
        return
    if not os.access(path, os.R_OK | os.W_OK):
        yield fail("database", f"{path} cannot be used by you.", "Run this as who runs Toru, or chown it to that user.")
        return
    problem = scene.database_problem if scene.is_running else integrity_problem(path)
    if problem is not None:
        yield fail("database", f"{path}: {problem}", mend)
        return
    if scene.is_running:
        yield ok("database", f"{path} is sound.")
        return
    try:
        revision = revision_of(path)
    except UnusableDatabase as error:
        yield fail("database", str(error), mend)
        return
    if revision == HEAD:
        yield ok("database", f"{path} is sound.")
    elif revision in KNOWN:
        yield ok("database", f"{path} is sound; the next start brings it to this version.")
    else:
        yield fail(
            "database", f"{path} was written by a newer version of Toru.", "Install that version or a newer one."
        )


def check_service(scene: Scene) -> Iterator[Finding]:
    """The systemd units that serve this deployment, where there are any."""
    systemctl = shutil.which("systemctl")
    if systemctl is None or not BOOTED.is_dir():
        yield ok("service", "There is no systemd here.")
        return
    for service in services_of(scene.root.resolve()) or [SERVICE]:
        yield _service(systemctl, service)


def _service(systemctl: str, service: str) -> Finding:
    wanted = "LoadState,ActiveState,UnitFileState,Result"
    try:
        done = subprocess.run(
            [systemctl, "show", service, f"--property={wanted}"],
            capture_output=True,
            text=True,
            timeout=ANSWER_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return warn("service", "systemd does not answer.", f"Try: systemctl status {service}")
    told = dict(line.partition("=")[::2] for line in done.stdout.splitlines())
    if told.get("LoadState") != "loaded":
        return ok("service", "Toru is not installed as a service.")
    if told.get("ActiveState") == "failed":
        return fail("service", f"{service} failed ({told.get('Result')}).", f"See why: journalctl -u {service} -n 50")
    if told.get("ActiveState") != "active":
        return warn("service", f"{service} is {told.get('ActiveState')}.", f"Start it: systemctl start {service}")
    if told.get("UnitFileState") != "enabled":
        return warn("service", f"{service} runs, but not after a reboot.", f"systemctl enable {service}")
    return ok("service", f"{service} is active and enabled.")
