"""The two WebSockets of runs: where they are served, and what they have in common."""

from starlette.routing import WebSocketRoute

from app.access import socket_actor
from app.core.errors import ToruError
from app.runs.byte_socket import ByteSocket
from app.runs.task_socket import TaskSocket
from app.runs.texts import TextSender
from app.sockets import Message, Receive, Send, serve_socket

UNKNOWN_RUN = 4404


def socket_routes() -> list[WebSocketRoute]:
    """The routes; their endpoints are plain ASGI, as batched frames need it."""
    return [
        WebSocketRoute("/api/ws", TaskEndpoint()),
        WebSocketRoute("/api/ws/runs/{run_id}", ByteEndpoint()),
    ]


class TaskEndpoint:
    """/api/ws: starts, cancels and follows runs, one JSON message a line."""

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serves one socket."""
        services, actor = socket_actor(scope)
        socket = TaskSocket(services.runs, actor, TextSender(scope, send), receive)
        await serve_socket(scope, receive, send, socket.serve, tell_expired=True)


class ByteEndpoint:
    """/api/ws/runs/{id}: one run's output as it was written, and its keyboard."""

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serves one socket."""
        services, actor = socket_actor(scope)
        socket = ByteSocket(services.runs, actor, scope, receive, send)
        try:
            await socket.find()
        except ToruError as error:
            sentence = str(error)
            await serve_socket(scope, receive, send, lambda: socket.tell(error=sentence), code=UNKNOWN_RUN)
        else:
            await serve_socket(scope, receive, send, socket.serve)
