"""The peers that are Python packages: installed into an environment that goes with the run, started as they tell."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.bench import START_SECONDS
from tests.bench.targets import Target
from tests.bench.wire import HttpConnection, WebSocket, WireError
from tests.support.server import free_port

GLANCES, TERMINADO = "glances[web]==4.5.8", "terminado==0.18.1"
INSTALL_SECONDS = 300.0


@dataclass(frozen=True)
class Glances(Target):
    """`glances -w`, whose REST tells the machine's figures."""

    light_path: str = "/api/4/all"

    def start_bytes(self, script: str, *, tty: bool = False) -> WebSocket:
        """It starts nothing."""
        raise ValueError("Glances starts no scripts.")

    def lines_socket(self) -> WebSocket:
        """It starts nothing."""
        raise ValueError("Glances starts no scripts.")


def install_peers(folder: Path) -> Path:
    """The Python of a new environment with both peers. Raises RuntimeError where that fails."""
    _uv("venv", "--python", sys.executable, str(folder))
    python = folder / "bin" / "python"
    _uv("pip", "install", "--python", str(python), GLANCES, TERMINADO)
    return python


def _uv(*arguments: str) -> None:
    command = [sys.executable, "-m", "uv", "--quiet", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    if done.returncode:
        raise RuntimeError(f"uv {arguments[0]} failed: {done.stderr.strip()}")


def versions(python: Path) -> str:
    """What was installed."""
    look = "from importlib.metadata import version as v; print('glances', v('glances'), 'terminado', v('terminado'))"
    told = subprocess.run([python, "-c", look], capture_output=True, text=True, check=True).stdout.split()
    return f"{told[0]} {told[1]}, {told[2]} {told[3]}"


@asynccontextmanager
async def running(command: Sequence[str | Path], port: int, path: str | None = None) -> AsyncIterator[int]:
    """A peer from its first answer on (at `path`, or at all); its process id."""
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True)
    try:
        async with asyncio.timeout(3 * START_SECONDS):
            while not await asyncio.to_thread(_answers, port, path):
                if process.poll() is not None:
                    raise RuntimeError(f"{command[0]} ended with {process.returncode}.")
                await asyncio.sleep(0.1)
        yield process.pid
    finally:
        process.terminate()
        try:
            await asyncio.to_thread(process.wait, START_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)


def _answers(port: int, path: str | None) -> bool:
    try:
        connection = HttpConnection(port, {})
        try:
            return path is None or connection.request("GET", path)[0] == 200
        finally:
            connection.close()
    except (OSError, WireError):
        return False


@asynccontextmanager
async def glances(python: Path) -> AsyncIterator[tuple[Glances, int]]:
    """Glances' server of REST, without its page; and its process id."""
    target = Glances(free_port())
    command = [str(python), "-m", "glances", "-w", "-B", "127.0.0.1", "-p", str(target.port), "--disable-webui"]
    async with running([*command, "--disable-autodiscover"], target.port, target.light_path) as pid:
        yield target, pid


@asynccontextmanager
async def terminado(python: Path, script: Path) -> AsyncIterator[int]:
    """terminado with a script in its terminals; the port."""
    port = free_port()
    app = Path(__file__).with_name("terminado_app.py")
    async with running([python, app, str(port), str(script)], port):
        yield port
