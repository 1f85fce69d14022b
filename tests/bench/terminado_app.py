"""A terminal over a WebSocket with terminado, as its own documentation makes one; runs in the peers' environment.

`python terminado_app.py PORT COMMAND`: each socket of /terminal gets a terminal with COMMAND in it.
"""

import asyncio
import sys


async def serve(port: int, command: list[str]) -> None:
    """Until it is killed."""
    from terminado import TermSocket, UniqueTermManager
    from tornado.web import Application

    manager = UniqueTermManager(shell_command=command)
    application = Application([(r"/terminal", TermSocket, {"term_manager": manager})])
    application.listen(port, "127.0.0.1")
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2:]))
