"""A Cloudflare Access team of the tests' own: its keys, a server for them on 127.0.0.1, assertions of any kind."""

import json
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256, HashAlgorithm

AUDIENCE = "c0ffee" * 10
KEYS_PATH = "/cdn-cgi/access/certs"


def encoded(value: bytes | Any) -> str:
    """base64url without padding, of bytes or of something as JSON."""
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(content).decode().rstrip("=")


class Key:
    """One signing key."""

    def __init__(self, key_id: str, bits: int = 2048) -> None:
        self.key_id = key_id
        self.private: RSAPrivateKey = generate_private_key(65537, bits)

    @property
    def public(self) -> dict[str, str]:
        """As a key set lists it."""
        numbers = self.private.public_key().public_numbers()
        both = {"n": numbers.n, "e": numbers.e}
        shown = {name: encoded(number.to_bytes((number.bit_length() + 7) // 8)) for name, number in both.items()}
        return {"kid": self.key_id, "kty": "RSA", "alg": "RS256", "use": "sig", **shown}

    def sign(self, content: str, how: HashAlgorithm | None = None) -> str:
        """A signature as it stands in an assertion."""
        return encoded(self.private.sign(content.encode(), PKCS1v15(), how or SHA256()))


@dataclass
class Team:
    """Who signs assertions.

    Attributes:
        issuer: the team's address.
        keys: those that the key set lists; the first one signs.
        now: what the assertions' times count from.
    """

    issuer: str
    keys: list[Key]
    now: float = field(default_factory=time.time)

    def key_set(self) -> bytes:
        """The text that the team's address answers with."""
        return json.dumps({"keys": [key.public for key in self.keys], "public_certs": []}).encode()

    def assertion(self, head: dict[str, Any] | None = None, key: Key | None = None, **claims: Any) -> str:
        """A good one unless told: `head` and `claims` replace single values, None takes one away."""
        key = key or self.keys[0]
        heading = {"alg": "RS256", "typ": "JWT", "kid": key.key_id, **(head or {})}
        times = {"iat": int(self.now), "nbf": int(self.now), "exp": int(self.now) + 3600}
        payload = {"aud": [AUDIENCE], "iss": self.issuer, "email": "ada@example.com", "sub": "1", **times, **claims}
        parts = [
            encoded({name: value for name, value in one.items() if value is not None}) for one in (heading, payload)
        ]
        content = ".".join(parts)
        return f"{content}.{key.sign(content)}"


class KeyServer:
    """What `https://team.cloudflareaccess.com` would be: it answers with `answer`, and counts.

    Attributes:
        answer: status and body; None closes the connection without a word.
        delay: seconds before each answer.
        asked: the addresses that were asked for.
    """

    def __init__(self) -> None:
        self.answer: tuple[int, bytes] | None = (200, b"")
        self.delay = 0.0
        self.asked: list[str] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner.asked.append(self.path)
                owner.ended.wait(owner.delay)
                if owner.answer is None:
                    return
                status, body = owner.answer
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Location", "/elsewhere")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.ended = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def serving(self) -> Iterator["KeyServer"]:
        """Serves meanwhile."""
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield self
        finally:
            self.ended.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()
