"""What only people with a second factor need is not loaded before one of them comes: it costs 8 MB."""

import re

from app.core.clock import Clock
from tests.conftest import StartServer
from tests.second_factor.support import enrol
from tests.support.clients import sign_in
from tests.support.server import Server

RARELY_NEEDED = {"cryptography", "segno", "passlib.totp"}


def imported(server: Server) -> set[str]:
    """The modules that the core has imported since its start; Python tells with PYTHONPROFILEIMPORTTIME."""
    return set(re.findall(r"^import time:.*\| +(\S+)$", server.output, re.MULTILINE))


async def test_an_idle_core_has_none_of_it(start_server: StartServer) -> None:
    server = await start_server(env={"PYTHONPROFILEIMPORTTIME": "1"}, fresh=True)
    async with await sign_in(server) as admin:
        for path in ("/", "/account", "/settings", "/api/me/second-factor", "/api/openapi.json"):
            assert (await admin.get(path)).status_code == 200
        assert "nicegui" in imported(server), "otherwise this would look at nothing"
        assert not imported(server) & RARELY_NEEDED
        await enrol(admin, Clock())
        assert imported(server) >= RARELY_NEEDED, "otherwise this would look for the wrong names"
