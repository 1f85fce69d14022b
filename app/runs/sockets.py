"""The two WebSockets of runs: where they are served, and what they have in common."""

from starlette.routing import WebSocketRoute

from app.access import actor_of, services_of, socket_actor
from app.core.errors import Forbidden, NotFound, ToruError
from app.runs.byte_socket import ByteSocket
from app.runs.task_socket import TaskSocket
from app.runs.texts import TextSender
from app.sockets import Message, Receive, Send, serve_socket

REFUSED = 4400
CODES: dict[type[ToruError], int] = {NotFound: 4404, Forbidden: 4403}


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
        services = services_of(scope)
        sender = TextSender(scope, send)
        socket = TaskSocket(services.runs, lambda: actor_of(scope), sender, receive, services.audit.refused)
        await serve_socket(scope, receive, send, socket.serve, tell_expired=True)


class ByteEndpoint:
    """/api/ws/runs/{id}: one run's output as it was written, and its keyboard."""

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serves one socket."""
        services, actor = socket_actor(scope)
        socket = ByteSocket(services.runs, actor, scope, receive, send, services.audit.refused)
        try:
            await socket.find()
        except ToruError as error:
            if isinstance(error, Forbidden):
                await services.audit.refused(actor, f"WebSocket {scope['path']}", error)
            sentence, code = str(error), CODES.get(type(error), REFUSED)
            await serve_socket(scope, receive, send, lambda: socket.tell(error=sentence), code=code)
        else:
            await serve_socket(scope, receive, send, socket.serve)
