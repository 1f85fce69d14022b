"""Services, without systemd and with stand-ins for its two programs."""

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services import plugin, view
from toru_plugin.testing import running

SYSTEMCTL = """#!/bin/sh
state=$(cat "$(dirname "$0")/state")
case "$*" in
is-system-running) echo running ;;
list-units*)
    echo "cron.service loaded active running Regular background program processing daemon"
    echo "web.service loaded $state $state A web server" ;;
show*web.service) printf 'Id=web.service\\nDescription=A web server\\nLoadState=loaded\\nActiveState=%s\\n' "$state" ;;
show*) echo LoadState=not-found ;;
*"start -- web.service") echo active >"$(dirname "$0")/state" ;;
*"stop -- web.service") echo "Access denied" >&2; exit 4 ;;
esac
"""
JOURNALCTL = "#!/bin/sh\necho '2030-01-01T00:00:00+0000 here web[7]: listening'\n"


@contextmanager
def programs(**texts: str) -> Iterator[None]:
    """A PATH with these programs and what every shell needs."""
    before = os.environ["PATH"]
    view.search = view.chosen = ""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "state").write_text("failed")
        for name in ("sh", "cat", "dirname"):
            Path(folder, name).symlink_to(f"/bin/{name}" if Path(f"/bin/{name}").exists() else f"/usr/bin/{name}")
        for name, text in texts.items():
            Path(folder, name).write_text(text)
            Path(folder, name).chmod(stat.S_IRWXU)
        os.environ["PATH"] = folder
        try:
            yield
        finally:
            os.environ["PATH"] = before


def test_without_systemd_it_says_so() -> None:
    with programs(), running(plugin) as p:
        assert "There is no systemd on this machine" in p.get("/services").json()["error"]
        assert p.get("/services").status == 503
        assert any("There is no systemd" in text for text in p.page().texts())


def test_a_machine_that_systemd_does_not_run_says_so() -> None:
    with programs(systemctl="#!/bin/sh\necho offline\nexit 1\n"), running(plugin) as p:
        assert "does not run it" in p.get("/services").json()["error"]


def test_services_are_listed_searched_and_shown() -> None:
    with programs(systemctl=SYSTEMCTL, journalctl=JOURNALCTL), running(plugin) as p:
        assert [one["name"] for one in p.get("/services").json()] == ["cron.service", "web.service"]
        page = p.page()
        assert page.find("failed")["value"] == 1
        assert page.submit("Search", search="WEB").message == "One service fits."
        assert [one["key"] for one in page.find("table")["rows"]] == ["web.service"]
        assert page.act("table", "web.service", "show").ok
        assert page.find("state")["value"] == "failed"
        assert "listening" in page.find("journal")["lines"][0]


def test_administrators_start_and_are_told_what_went_wrong() -> None:
    with programs(systemctl=SYSTEMCTL, journalctl=JOURNALCTL), running(plugin) as p:
        page = p.page()
        page.act("table", "web.service", "show")
        assert page.press("Start").message == "web was started."
        assert page.find("state")["value"] == "active"
        refused = page.press("Stop")
        assert (refused.ok, refused.message) == (False, "Access denied")
        assert page.find("stop")["confirm"] == "Stop web?"


def test_clients_see_states_and_neither_journals_nor_buttons() -> None:
    with programs(systemctl=SYSTEMCTL, journalctl=JOURNALCTL), running(plugin) as p:
        page = p.page("carla", role="client")
        assert page.act("table", "web.service", "show").ok
        assert "Journal" not in page.texts()
        assert "Stop" not in page.texts()
        assert p.get("/services/web.service/journal", role="client").status == 403
        assert p.post("/services/web.service/stop", role="client").status == 403


def test_a_name_that_is_none_never_reaches_systemctl() -> None:
    with programs(systemctl=SYSTEMCTL), running(plugin) as p:
        answer = p.post("/services/--force.service/stop")
        assert (answer.status, answer.json()) == (400, {"error": "“--force.service” is no name of a service."})
        assert p.get("/services/none.service").status == 404
