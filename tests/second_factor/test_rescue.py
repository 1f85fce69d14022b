"""`toru user remove-second-factor`: for who has lost everything, beside a running core and without one."""

from pathlib import Path

import pytest

from app.core.clock import Clock
from tests.cli.calling import Done, toru
from tests.conftest import StartServer
from tests.second_factor.support import enrol, try_sign_in
from tests.support.clients import http_client, sign_in
from tests.support.server import ADMIN, ADMIN_PASSWORD, Server

pytestmark = pytest.mark.allows_blocking  # a command may hold up its own loop


def rescue(data_dir: Path, username: str) -> Done:
    """Runs the command."""
    return toru(data_dir, "user", "remove-second-factor", username)


async def enters(server: Server) -> bool:
    """Whether the administrator gets in with the password alone."""
    async with http_client(server) as stranger:
        return (await try_sign_in(stranger, ADMIN, ADMIN_PASSWORD)).status_code == 200


@pytest.mark.parametrize("running", [True, False])
async def test_who_owns_the_machine_lets_the_administrator_in(running: bool, start_server: StartServer) -> None:
    server = await start_server()
    async with await sign_in(server) as admin:
        await enrol(admin, Clock())
    (server.data_dir / "second-factor.key").unlink()
    assert not await enters(server)
    if not running:
        await server.stop()
    done = rescue(server.data_dir, "ADMIN")
    assert done == (0, "admin signs in with the password alone now.\n", "")
    if not running:
        await server.restart()
    assert await enters(server)
    again = rescue(server.data_dir, "admin")
    assert (again.code, again.err) == (1, "toru: admin has no second factor.\n")


def test_an_unknown_name_is_one_sentence(server: Server) -> None:
    done = rescue(server.data_dir, "nobody")
    assert (done.code, done.err) == (1, "toru: Nobody signs in as nobody.\n")
