"""What anybody would write first: a bare FastAPI application around asyncio subprocesses, in a process of its own.

`python -m tests.bench.baseline PORT SCRIPTS_FOLDER RESOURCES_FILE`
"""

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

CHUNK = 65536


def create_baseline(scripts: Path, resources: dict[str, Any]) -> FastAPI:
    """Bytes on /bytes, lines on /lines, and one JSON answer."""
    bare = FastAPI()

    @bare.get("/resources")
    async def get_resources() -> dict[str, Any]:
        return resources

    @bare.websocket("/bytes")
    async def stream_bytes(socket: WebSocket) -> None:
        await socket.accept()
        try:
            while True:
                process = await start(scripts, (await socket.receive_json())["script"])
                if process.stdout is not None:
                    while chunk := await process.stdout.read(CHUNK):
                        await socket.send_bytes(chunk)
                await socket.send_json({"exit": await process.wait()})
        except WebSocketDisconnect:
            pass

    @bare.websocket("/lines")
    async def stream_lines(socket: WebSocket) -> None:
        await socket.accept()
        try:
            while True:
                process = await start(scripts, (await socket.receive_json())["script"])
                task_id = f"{process.pid:032x}"
                await socket.send_json({"type": "started", "task_id": task_id})
                if process.stdout is not None:
                    while line := await process.stdout.readline():
                        text = line.decode(errors="replace").removesuffix("\n")
                        await socket.send_json({"type": "stdout", "task_id": task_id, "data": text})
                await socket.send_json({"type": "exit", "task_id": task_id, "code": await process.wait()})
        except WebSocketDisconnect:
            pass

    return bare


async def start(scripts: Path, name: str) -> Process:
    """The script as a child whose output comes through one pipe."""
    return await asyncio.create_subprocess_exec(str(scripts / name), stdin=DEVNULL, stdout=PIPE, stderr=STDOUT)


if __name__ == "__main__":
    uvicorn.run(
        create_baseline(Path(sys.argv[2]), json.loads(Path(sys.argv[3]).read_text())),
        port=int(sys.argv[1]),
        loop="asyncio",
        ws="websockets-sansio",
        ws_ping_interval=None,
        log_level="warning",
        access_log=False,
    )
