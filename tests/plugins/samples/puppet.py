"""A plugin of protocol 2 that does what requests tell it; `tests/plugins/puppet.py` gives it its name and file."""

import asyncio
import base64
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ID = Path(sys.argv[0]).name.removesuffix(".binary")
METADATA = {"id": ID, "name": ID.title(), "version": "1", "icon": "P", "route": "/" + ID, "protocol": "2"}
if ID.startswith("page"):
    METADATA["page"] = "tree"

Payload = dict[str, Any]

ANSWERS: dict[str, Payload] = {
    "fails": {"message": "It did not work.", "kind": "error"},
    "wrong": {"errors": {"name": "Taken."}},
    "go": {"go": "/scripts"},
    "evil": {"go": "//evil.example"},
    "nonsense": {"message": 7},
}


@dataclass
class Call:
    """One request: the first segment of its path is what to do, the query what with."""

    id: str
    request: Payload
    argument: str
    body: bytes


class Puppet:
    """One connection to the core."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.requests = self.cancelled = self.waited = 0
        self.held: list[Call] = []
        self.calls: dict[str, asyncio.Future[Payload]] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self.told: list[Payload] = []
        """What was said about the page."""

    def send(self, kind: str, payload: Payload, request_id: str | None = None) -> None:
        """One frame."""
        body = json.dumps({"type": kind, "timestamp": "", "request_id": request_id, "payload": payload}).encode()
        self.writer.write(len(body).to_bytes(4, "big") + body)

    async def serve(self) -> None:
        """Until the core closes the connection."""
        while True:
            try:
                size = int.from_bytes(await self.reader.readexactly(4), "big")
                message = json.loads(await self.reader.readexactly(size))
            except asyncio.IncompleteReadError:
                return
            self.take(message["type"], message["payload"], message.get("request_id"))

    def take(self, kind: str, payload: Payload, request_id: str) -> None:
        """One message."""
        if kind == "lifecycle" and payload["action"] == "shutdown":
            os._exit(0)
        elif kind == "lifecycle":
            self.send("ready", {"protocol": "2"})
        elif kind == "ping":
            self.send("pong", {})
        elif kind == "cancel":
            self.cancelled += 1
        elif kind == "kv":
            self.calls.pop(request_id).set_result(payload)
        elif kind == "page":
            self.take_page(payload, request_id)
        elif kind == "http":
            self.requests += 1
            task = asyncio.create_task(self.answer(payload, request_id))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    def take_page(self, payload: Payload, request_id: str) -> None:
        """Something about the page; what is pressed is answered with what the id says, else with what came."""
        self.told.append(payload)
        if payload["action"] == "event" and payload["id"] == "crash":
            os._exit(3)
        if payload["action"] == "event" and payload["id"] != "never":
            self.send(
                "page", {"action": "done", **ANSWERS.get(payload["id"], {"message": json.dumps(payload)})}, request_id
            )

    async def answer(self, request: Payload, request_id: str) -> None:
        """Does what the request says; what it does not know it repeats."""
        what, _, argument = request["path"][1:].partition("?")
        is_text = request["body_encoding"] == "text"
        body = request["body"].encode() if is_text else base64.b64decode(request["body"])
        handler = getattr(self, "do_" + what.partition("/")[0], self.do_echo)
        payload = await handler(Call(request_id, request, argument, body))
        if payload is not None:
            self.send("http", payload, request_id)

    async def do_echo(self, call: Call) -> Payload:
        """What was asked, as JSON."""
        told = {key: call.request[key] for key in ("method", "path", "headers")}
        told["body"] = base64.b64encode(call.body).decode()
        return {"status": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(told)}

    async def do_say(self, call: Call) -> Any:
        """The payload that the body spells."""
        return json.loads(call.body)

    async def do_same(self, call: Call) -> Payload:
        """The body."""
        return {"status": 200, "body_encoding": "base64", "body": base64.b64encode(call.body).decode()}

    async def do_large(self, call: Call) -> Payload:
        """So many bytes."""
        return {"status": 200, "body": "x" * int(call.argument)}

    async def do_after(self, call: Call) -> Payload:
        """Something, so many seconds later."""
        await asyncio.sleep(float(call.argument))
        self.waited += 1
        return {"status": 200, "body": call.argument}

    async def do_never(self, call: Call) -> None:
        """Nothing."""

    async def do_hold(self, call: Call) -> None:
        """Answers with those of others, the last one first, as soon as nobody comes any more."""
        self.held.append(call)
        await asyncio.sleep(0.3)
        if self.held and self.held[-1] is call:
            held, self.held = self.held, []
            for one in reversed(held):
                self.send("http", {"status": 200, "body": f"{one.argument} of {len(held)}"}, one.id)

    async def do_counts(self, call: Call) -> Payload:
        """How many requests and cancellations came, and how many answers were given that had to wait."""
        return {"status": 200, "body": json.dumps([self.requests, self.cancelled, self.waited])}

    async def do_crash(self, call: Call) -> None:
        """The end, noted."""
        with (Path(os.environ["HOME"]) / f"{ID}.crashes").open("a") as file:
            file.write("x")
        os._exit(3)

    async def do_print(self, call: Call) -> Payload:
        """Writes the body to stdout."""
        sys.stdout.buffer.write(call.body)
        sys.stdout.flush()
        return {"status": 200}

    async def do_flood(self, call: Call) -> Payload:
        """Writes lines to stdout as fast as they are taken, for so many seconds."""

        def flood() -> None:
            lines = b"some words that nobody reads\n" * 2_000
            end = time.monotonic() + float(call.argument)
            while time.monotonic() < end:
                os.write(1, lines)

        await asyncio.to_thread(flood)
        return {"status": 200}

    async def do_page(self, call: Call) -> Payload:
        """Says each of the payloads that the body spells about the page."""
        for payload in json.loads(call.body):
            self.send("page", payload)
        return {"status": 200}

    async def do_shows(self, call: Call) -> Payload:
        """Shows the tree of the body so many times, so many seconds apart, with the time in its subtitle."""
        count, _, seconds = call.argument.partition(",")
        tree = json.loads(call.body)
        for _ in range(int(count)):
            self.send("page", {"action": "show", "tree": {**tree, "subtitle": str(time.time())}})
            await asyncio.sleep(float(seconds))
        return {"status": 200}

    async def do_storm(self, call: Call) -> Payload:
        """Sends so many patches as fast as they are taken, or so many a second where that is said, too."""
        count, _, rate = call.argument.partition(",")
        began = time.monotonic()
        for number in range(1, int(count) + 1):
            value = {"value": number, "note": str(time.time())}
            self.send("page", {"action": "patch", "patches": [{"id": "n", "set": value}]})
            if number % 50 == 0:
                await self.writer.drain()
            if rate and (ahead := began + number / int(rate) - time.monotonic()) > 0:
                await self.writer.drain()
                await asyncio.sleep(ahead)
        return {"status": 200, "body": count}

    async def do_told(self, call: Call) -> Payload:
        """What was said about the page so far."""
        return {"status": 200, "body": json.dumps(self.told)}

    async def do_kv(self, call: Call) -> Payload:
        """What the core answers to a call of ours."""
        answer = self.calls[call.id] = asyncio.get_running_loop().create_future()
        self.send("kv", json.loads(call.body), call.id)
        return {"status": 200, "body": json.dumps(await answer)}


async def main() -> None:
    """Serves whoever connects."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await Puppet(reader, writer).serve()

    server = await asyncio.start_unix_server(connected, os.environ["TORU_PLUGIN_SOCKET"])
    await server.serve_forever()


if sys.argv[1:] == ["--metadata"]:
    sys.stdout.write(json.dumps(METADATA))
else:
    asyncio.run(main())
