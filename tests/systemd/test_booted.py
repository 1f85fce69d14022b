"""The service on a machine that systemd booted: what the guide says of restarts, crashes, hangs, profiles, removal."""

import json
from collections.abc import Iterator

import pytest

from tests.support.processes import ProcessWatch
from tests.support.server import free_port
from tests.systemd.booted import Machine, booted

pytestmark = [pytest.mark.full, pytest.mark.needs("systemd-nspawn", "mounts"), pytest.mark.timeout(600)]

TORU = "cd /opt/toru && ./toru"
WAITS = 'echo begun; touch "$1.begun"\nuntil [ -e "$1" ]; do sleep 0.05; done\necho done'


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, process_watch: ProcessWatch) -> Iterator[Machine]:
    """With Toru installed as a service."""
    with booted(tmp_path_factory.mktemp("machine")) as machine:
        process_watch.keep_tree(machine.leader)
        place(machine, "/opt/toru")
        machine.run(f"{TORU} --version")
        told = machine.run(f"{TORU} service install")
        assert "It serves." in told
        yield machine


def place(machine: Machine, folder: str) -> None:
    """Puts Toru into a folder, with a port of its own and a script."""
    machine.place(folder)
    settings = f"ADMIN_PASSWORD=Correct-Horse-7\nSTEERING_PORT={free_port()}\n"
    machine.run(f"cd {folder} && umask 077 && printf '{settings}' > .env")
    machine.run(f"cat > {folder}/scripts/waits.sh <<'END'\n{WAITS}\nEND\nchmod 755 {folder}/scripts/waits.sh")


def begin(machine: Machine, go: str) -> str:
    """A run that has begun, and ends when the file `go` is there."""
    run_id = machine.run(f"{TORU} runs start waits.sh {go}")
    machine.run(f"until [ -e {go}.begun ]; do sleep 0.05; done")
    return run_id


def finish(machine: Machine, run_id: str, go: str) -> None:
    """Lets it end; nothing of it is missing."""
    machine.run(f"touch {go}")
    assert machine.run(f"{TORU} runs follow {run_id}").splitlines() == ["begun", "done"]


def test_it_is_ready_when_it_serves_and_everything_is_as_the_guide_says(machine: Machine) -> None:
    assert machine.shown("toru", "ActiveState") == "active"
    assert machine.shown("toru", "StatusText").startswith("Serving on 127.0.0.1:")
    assert machine.shown("toru", "WatchdogUSec") == "1min"
    assert machine.run("stat -c '%a %U' /run/toru-runner-1.sock") == "600 root"
    assert machine.run("stat -c %a /var/lib/toru /var/log/toru").split() == ["700", "750"]
    status = json.loads(machine.run(f"{TORU} status --json"))
    assert status["pid"] == int(machine.shown("toru", "MainPID"))
    assert "toru.service is active and enabled." in machine.run(f"{TORU} doctor", code=None)


def test_a_restart_leaves_runs_alone(machine: Machine) -> None:
    run_id = begin(machine, "/tmp/restart")
    before = machine.shown("toru", "MainPID")
    machine.run("systemctl restart toru")
    assert machine.shown("toru", "MainPID") not in ("0", before)
    finish(machine, run_id, "/tmp/restart")


def test_a_core_that_was_killed_comes_back_and_runs_go_on(machine: Machine) -> None:
    run_id = begin(machine, "/tmp/killed")
    machine.run("systemctl reset-failed toru")
    machine.run("systemctl kill --signal=KILL toru")
    machine.until("toru", "NRestarts")
    machine.until("toru", "ActiveState", other_than="activating")
    finish(machine, run_id, "/tmp/killed")


def test_a_core_that_hangs_is_ended_by_the_watchdog_and_runs_go_on(machine: Machine) -> None:
    folder = "/run/systemd/system/toru.service.d"
    machine.run(f"mkdir -p {folder} && printf '[Service]\\nWatchdogSec=2\\n' > {folder}/soon.conf")
    machine.run("systemctl daemon-reload && systemctl restart toru")
    run_id = begin(machine, "/tmp/hangs")
    hanging = machine.shown("toru", "MainPID")
    machine.run(f"kill -STOP {hanging}")
    machine.until("toru", "MainPID", other_than=hanging)
    machine.until("toru", "ActiveState", other_than="activating")
    assert "Watchdog timeout" in machine.run("journalctl -u toru --no-pager")
    machine.run(f"rm -r {folder} && systemctl daemon-reload && systemctl restart toru")
    finish(machine, run_id, "/tmp/hangs")


def test_a_second_one_runs_as_its_own_user_under_the_strict_profile(machine: Machine) -> None:
    place(machine, "/opt/client-b")
    machine.run("useradd --system --create-home client-b && chown -R client-b: /opt/client-b")
    machine.run("cd /opt/client-b && setpriv --reuid=client-b --regid=client-b --init-groups ./toru --version")
    machine.run("cd /opt/client-b && ./toru service install --name client-b --user client-b --strict")
    theirs = "cd /opt/client-b && ./toru"
    assert machine.run("ps -o user= -p $(systemctl show client-b --property=MainPID --value)") == "client-b"
    assert "client-b.service is active and enabled." in machine.run(f"{theirs} doctor", code=None)
    machine.run("printf '#!/bin/sh\\nid -un; touch /usr/here\\n' > /opt/client-b/scripts/who.sh")
    machine.run("chmod 755 /opt/client-b/scripts/who.sh")
    told = machine.run(f"{theirs} runs start --follow who.sh", code=1).splitlines()
    assert "client-b" in told
    assert any("Read-only file system" in line for line in told)
    machine.run("systemctl stop client-b")
    assert "client-b.service is inactive." in machine.run(f"{theirs} doctor", code=None)
    assert machine.shown("toru", "ActiveState") == "active"


def test_what_is_removed_is_gone_and_data_and_runs_stay(machine: Machine) -> None:
    run_id = begin(machine, "/tmp/removed")
    machine.run(f"{TORU} service remove")
    assert machine.shown("toru", "LoadState") == "not-found"
    assert "not installed as a service" in machine.run(f"{TORU} doctor", code=None)
    machine.run("touch /tmp/removed")
    assert "It serves." in machine.run(f"{TORU} service install")
    finish(machine, run_id, "/tmp/removed")
