"""The runner process: `… DATA_DIR [--idle-exit SECONDS]`; protocol.start_command() gives the whole command."""

import sys

IDLE_EXIT = 10.0  # seconds with neither a core nor a run
ALREADY_SERVED = 75  # exit status: another runner of this version is there


def main() -> None:
    """Runs until nobody needs it."""
    sys.modules["ssl"] = None  # type: ignore[assignment]  # asyncio does without, and it takes 2 MB
    import asyncio
    import logging
    import time

    from app.runner.host import AlreadyServed, Host

    data_dir, *options = sys.argv[1:]
    idle_exit = float(options[1]) if options[:1] == ["--idle-exit"] else IDLE_EXIT
    logging.Formatter.converter = time.gmtime
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)sZ %(levelname)s %(message)s", datefmt="%Y-%m-%dT%H:%M:%S"
    )

    async def serve() -> None:
        await Host(data_dir, idle_exit).serve()

    try:
        asyncio.run(serve())
    except AlreadyServed:
        logging.getLogger(__name__).info("Another runner serves %s", data_dir)
        sys.exit(ALREADY_SERVED)


if __name__ == "__main__":
    main()
