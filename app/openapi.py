"""The description of the REST API: what FastAPI knows, and what a request has to show, which the guard asks for."""

from typing import Any

from fastapi import FastAPI

from app.guard import PUBLIC

SESSION = {
    "type": "apiKey",
    "in": "cookie",
    "description": "The session that POST /api/auth/login begins.",
}
TOKEN = {
    "type": "http",
    "scheme": "bearer",
    "description": "An API token. Its scopes say what it may do; the own account and its tokens take a session.",
}


class DescribedApi(FastAPI):
    """FastAPI with security schemes in its description: every operation takes one of them, unless it is public.

    Args:
        cookie: the name of the session's cookie.
    """

    def __init__(self, *, cookie: str, **options: Any) -> None:
        super().__init__(**options)
        self._cookie = cookie

    def openapi(self) -> dict[str, Any]:
        """The description, made once."""
        if self.openapi_schema is None:
            made = super().openapi()
            made["components"]["securitySchemes"] = {"session": {**SESSION, "name": self._cookie}, "token": TOKEN}
            made["security"] = [{"session": []}, {"token": []}]
            for path in PUBLIC & made["paths"].keys():
                for operation in made["paths"][path].values():
                    operation["security"] = []
            self.openapi_schema = made
        return self.openapi_schema
