"""How the tests of the whole API ask: as somebody, and without leaving anything behind."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import transaction
from django.test import Client

from config.api.problems import MEDIA_TYPE
from config.api.routes import Route, api_routes
from tests.api.world import World

JSON: Final = "application/json"


@dataclass(frozen=True)
class Asking:
    """Requests to one installation; each is rolled back, so that all meet the same rows."""

    world: World
    client: Client = field(default_factory=Client)  # one, as each loads the middleware anew

    def __call__(
        self,
        role: str | None,
        method: str,
        path: str,
        body: Any = None,
        *,
        kept: bool = False,
        **options: Any,
    ) -> Any:
        """The answer to the person of this role, or to a stranger.

        ``body`` is sent as JSON, bytes and text as they are; ``headers`` are added to those of the
        person. What was done stays if it is ``kept``.
        """
        headers = self.world.headers(role) | options.pop("headers", {})
        data = body if isinstance(body, bytes | str) else json.dumps({} if body is None else body)
        if method in {"GET", "HEAD"}:
            data = ""
        options = {"content_type": JSON, **options}
        # No atomic block: what is durable would refuse to run in one.
        before = transaction.savepoint()
        self.client.cookies.clear()
        answer: Any = self.client.generic(method, path, data, headers=headers, **options)
        if answer.streaming and method != "HEAD":
            answer.body = b"".join(answer)  # to its end, which closes the file
        if kept:
            transaction.savepoint_commit(before)
        else:
            transaction.savepoint_rollback(before)
        return answer


def routes() -> list[Route]:
    """Every method of every address of the API, its own pages among them."""
    return list(api_routes("config.urls"))


def problem(answer: Any, status: int, slug: str = "") -> dict[str, Any]:
    """The problem document of the answer, which must be one, of this status and kind."""
    assert answer.status_code == status, (answer.status_code, answer.content[:500])
    assert answer["Content-Type"].startswith(MEDIA_TYPE), answer["Content-Type"]
    told: dict[str, Any] = json.loads(answer.content)
    assert told["status"] == status
    assert told["title"]
    assert told["detail"]
    assert told["request_id"] == answer["X-Request-ID"]
    if slug:
        assert told["type"].endswith(f"/{slug}"), told["type"]
    return told
