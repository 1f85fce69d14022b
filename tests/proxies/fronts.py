"""The real proxies in front of a real server, as docs/proxies.md configures them."""

import asyncio
import contextlib
import select
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from websockets.asyncio.client import connect

from tests.proxies.examples import HOST, blocks, replaced
from tests.support.clients import JsonSocket
from tests.support.debian import DebianProgram
from tests.support.server import Server, free_port
from tests.support.waiting import eventually

NGINX = DebianProgram("nginx", "usr/sbin/nginx", ("libpcre2-8-0", "libssl3", "libcrypt1", "zlib1g"))
CADDY = DebianProgram("caddy", "usr/bin/caddy", ("libzstd1",))

AROUND_NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {site}
}}
"""
BEFORE_CADDY = """{{
	admin off
	auto_https disable_redirects
	skip_install_trust
	local_certs
	default_bind 127.0.0.1
	storage file_system {folder}/caddy
}}
"""


@dataclass(frozen=True)
class Front:
    """A proxy that runs."""

    name: str
    port: int
    server: Server

    @property
    def url(self) -> str:
        """The address in the browser."""
        return f"https://{HOST}:{self.port}"

    def client(self, cookies: Mapping[str, str] | None = None, address: str | None = None) -> httpx.AsyncClient:
        """An HTTP client that comes through the proxy, from an address of this machine."""
        return httpx.AsyncClient(
            base_url=self.url, cookies=dict(cookies or {}), timeout=30, transport=_ToUs(address), trust_env=False
        )

    @asynccontextmanager
    async def socket(self, path: str, cookies: Mapping[str, str]) -> AsyncIterator[JsonSocket]:
        """A WebSocket through the proxy."""
        told = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()), "Origin": self.url}
        address = self.url.replace("https", "wss", 1) + path
        async with connect(
            address, host="127.0.0.1", port=self.port, ssl=_any_certificate(), additional_headers=told, proxy=None
        ) as connection:
            yield JsonSocket(connection)

    def send_until_answered(self, head: str, size: int) -> bytes:
        """Sends a request with a body of that many bytes, stops when the answer comes, and returns it. Blocks.

        A client that goes on sending loses the answer where the proxy closes the connection behind it.
        """
        context = _any_certificate()
        context.maximum_version = ssl.TLSVersion.TLSv1_2  # later ones speak without being asked
        plain = socket.create_connection(("127.0.0.1", self.port), 30)
        with context.wrap_socket(plain, server_hostname=HOST) as channel:
            channel.sendall(f"{head}\r\nHost: {HOST}:{self.port}\r\nContent-Length: {size}\r\n\r\n".encode())
            left = size
            with contextlib.suppress(OSError):
                while left > 0 and not select.select([channel], [], [], 0)[0]:
                    left -= channel.send(bytes(min(left, 16384)))
            return channel.recv(65536)


class _ToUs(httpx.AsyncHTTPTransport):
    """Connects to this machine, whatever the name in the address."""

    def __init__(self, address: str | None) -> None:
        super().__init__(verify=_any_certificate(), local_address=address, trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.extensions = {**request.extensions, "sni_hostname": request.url.host}
        request.url = request.url.copy_with(host="127.0.0.1")
        return await super().handle_async_request(request)


def _any_certificate() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def nginx_command(folder: Path, port: int, backend: int) -> list[str]:
    """Writes nginx's configuration; how to start it."""
    key, certificate = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "2", "-subj", f"/CN={HOST}", "-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
        timeout=60,
    )
    (example,) = blocks("nginx", "nginx")
    live = f"/etc/letsencrypt/live/{HOST}"
    site = replaced(
        example,
        {
            "listen 80;": f"listen 127.0.0.1:{free_port()};",
            "    listen [::]:80;\n": "",
            "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
            "    listen [::]:443 ssl http2;\n": "",
            f"{live}/fullchain.pem": str(certificate),
            f"{live}/privkey.pem": str(key),
            "http://127.0.0.1:3000": f"http://127.0.0.1:{backend}",
        },
    )
    (folder / "nginx.conf").write_text(AROUND_NGINX.format(folder=folder, site=site))
    return [NGINX.program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"]


def caddy_command(folder: Path, port: int, backend: int) -> list[str]:
    """Writes Caddy's configuration; how to start it."""
    (example,) = blocks("Caddy", "caddy")
    site = replaced(example, {f"{HOST} {{": f"{HOST}:{port} {{", "127.0.0.1:3000": f"127.0.0.1:{backend}"})
    (folder / "Caddyfile").write_text(BEFORE_CADDY.format(folder=folder) + site)
    return [CADDY.program, "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


COMMANDS = {"nginx": (NGINX, nginx_command), "Caddy": (CADDY, caddy_command)}


@asynccontextmanager
async def front(name: str, port: int, server: Server) -> AsyncIterator[Front]:
    """Runs a proxy in front of the server until the block ends."""
    program, command = COMMANDS[name]
    folder = server.folder / "front"
    folder.mkdir()
    with (folder / "output").open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command(folder, port, server.port),
            env={**program.environment, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder / "config")},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    running = Front(name, port, server)

    async def answers() -> bool:
        assert process.returncode is None, (folder / "output").read_text()
        with contextlib.suppress(httpx.TransportError):
            async with running.client() as client:
                return (await client.get("/api/health")).status_code == 200
        return False

    try:
        await eventually(answers, 40)
        yield running
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
