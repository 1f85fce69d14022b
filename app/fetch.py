"""One small answer from another server, asked for by a process of its own: `python -m app.fetch ADDRESS BYTES`.

So the core carries no HTTP client (11 MB), and whatever the other side does ends with that process.
"""

import asyncio
import os
import sys

from app.core.config import ROOT

OPERATION_SECONDS = 5.0
"""What connecting, and each wait for more, may take; the caller bounds the whole."""

PASSED_ON = ("PATH", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""What the process is told of ours; names of proxies may be in small letters, too."""


class CannotFetch(Exception):
    """There was no answer, or none that can be used; the text says why."""


async def fetch(address: str, *, most: int, seconds: float) -> bytes:
    """The body of the answer to a GET; redirections are not followed.

    Args:
        address: an HTTP address of the deployment's, never one that a client named.
        most: bytes that the body may have.
        seconds: what all of it may take.

    Raises:
        CannotFetch: another status than 200, too much, too slow, or nobody there.
    """
    child = await _start(address, most)
    try:
        async with asyncio.timeout(seconds):
            body, problem = await child.communicate()
    except TimeoutError:
        raise CannotFetch(f"it took over {seconds:.0f} seconds") from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode != 0:
        raise CannotFetch(problem.decode("utf-8", "replace").strip().rpartition("\n")[2] or "no reason given")
    return body


async def _start(address: str, most: int) -> asyncio.subprocess.Process:
    names = (*PASSED_ON, *(name.lower() for name in PASSED_ON))
    try:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "app.fetch", address, str(most)),
            cwd=ROOT,
            env={name: os.environ[name] for name in names if name in os.environ},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:
        raise CannotFetch(f"no process can be started: {error.strerror}") from None


def _print_answer(address: str, most: int) -> None:
    import httpx2

    with (
        httpx2.Client(timeout=OPERATION_SECONDS, follow_redirects=False) as client,
        client.stream("GET", address) as it,
    ):
        if it.status_code != 200:
            sys.exit(f"it answered with {it.status_code}")
        body = b""
        for piece in it.iter_bytes():
            body += piece
            if len(body) > most:
                sys.exit(f"the answer is larger than {most} bytes")
    sys.stdout.buffer.write(body)


if __name__ == "__main__":
    try:
        _print_answer(sys.argv[1], int(sys.argv[2]))
    except Exception as error:  # noqa: BLE001 - whatever it is, the caller is told in one line
        sys.exit(f"{type(error).__name__}: {error}".splitlines()[0])
