"""People who ask the API in their browser."""

from __future__ import annotations

from typing import Any

from django.test import Client

from accounts.models import User


class Caller:
    """A person who is logged in, and asks."""

    def __init__(self, user: User) -> None:
        self.client = Client()
        self.client.force_login(user)

    def get(self, path: str, **query: str) -> Any:
        """The answer to reading."""
        return self.client.get(path, query)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        """The answer to an order."""
        return self._send("post", path, body, headers)

    def patch(self, path: str, body: Any, **headers: str) -> Any:
        """The answer to a change of the state that is read just before."""
        return self._send("patch", path, body, self._matching(path) | headers)

    def delete(self, path: str) -> Any:
        """The answer to the end of what is read just before."""
        return self._send("delete", path, None, self._matching(path))

    def _matching(self, path: str) -> dict[str, str]:
        answer = self.client.get(path)
        return {"If-Match": answer["ETag"]} if "ETag" in answer else {"If-Match": "*"}

    def _send(self, verb: str, path: str, body: Any, headers: dict[str, str]) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return getattr(self.client, verb)(
            path, body if body is not None else {}, content_type="application/json", headers=named
        )
