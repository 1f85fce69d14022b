"""What commands are about: the core that runs here, reached over its control socket; else the database itself."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from app.cli.endings import fail
from app.cli.exits import CONFIG, NOT_OURS, REFUSED, UNAVAILABLE

if TYPE_CHECKING:
    from app.core.config import Config

T = TypeVar("T")
PING_SECONDS = 10.0
"""What a core may take to say its version, which takes a millisecond: one that hangs is told soon."""

Ask = Callable[..., Awaitable[Any]]
"""`await ask(command, **fields)`: what the core answers, or what it would."""


def load_deployment() -> "Config":
    """The configuration of this deployment; ends the command when it is none."""
    import logging

    from app.core.config import ConfigError, load_config
    from app.core.secret_pipe import forbid_dumps, read_secrets

    logging.basicConfig(level=logging.ERROR, format="toru: %(message)s")
    forbid_dumps()
    try:
        return load_config(read_secrets())
    except (ConfigError, ValueError) as error:
        fail(str(error), CONFIG)


def ask_core(command: str, **fields: Any) -> Any:
    """What the running core answers; one sentence and an exit code where it does not, or refuses."""
    config = load_deployment()

    async def work() -> Any:
        from app.control import call

        await call(config.data_dir, "version", {}, PING_SECONDS)
        return await call(config.data_dir, command, fields)

    return finish(work())


def ask(command: str, *, may_create: bool = False, **fields: Any) -> Any:
    """What the running core answers or, where none runs, what it would: the same done in its database.

    Args:
        may_create: whether a database is made where there is none.
    """
    return with_ask(lambda asked: _once(asked, command, fields), may_create=may_create)


def with_ask(work: Callable[[Ask], Coroutine[Any, Any, T]], *, may_create: bool = False) -> T:
    """What `work` finds out, with something to ask as often as it needs: the running core, else its database."""
    return finish(_asked(load_deployment(), work, may_create))


def finish(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`; what is expected to go wrong ends the command with a sentence and a code."""
    try:
        import asyncio

        return ended_well(lambda: asyncio.run(work))
    finally:
        work.close()  # Ctrl-C may have come before it began


def ended_well(work: Callable[[], T]) -> T:
    """The same for work that blocks."""
    from app.control import NotRunning
    from app.core.errors import ToruError
    from app.core.instance_lock import AlreadyRunning, UnsafeFolder
    from app.core.migrate import UnusableDatabase
    from app.core.ownership import AnotherUsers

    try:
        return work()
    except AnotherUsers as error:
        fail(str(error), NOT_OURS)
    except ToruError as error:
        fail(str(error), REFUSED)
    except (NotRunning, AlreadyRunning, UnsafeFolder, UnusableDatabase) as error:
        fail(str(error), UNAVAILABLE)


async def _once(asked: Ask, command: str, fields: dict[str, Any]) -> Any:
    return await asked(command, **fields)


async def _asked(config: "Config", work: Callable[[Ask], Awaitable[T]], may_create: bool) -> T:
    from app.control import NoAnswer, NotRunning, call

    async def core(command: str, **fields: Any) -> Any:
        return await call(config.data_dir, command, fields)

    try:
        await call(config.data_dir, "version", {}, PING_SECONDS)
    except NoAnswer:
        raise
    except NotRunning:
        from app.operations.offline import offline_handlers

        async with offline_handlers(config, may_create=may_create) as handlers:

            async def database(command: str, **fields: Any) -> Any:
                return await handlers[command](fields)

            return await work(database)
    return await work(core)
