"""Whether the process lives (``/livez``) and whether it can do its work (``/readyz``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import structlog
from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse

log = structlog.get_logger(__name__)

Check = Callable[[], str | None]  # a sentence that says what is wrong, or None

# Checks that must pass, and those that are only told: a site without a worker still shows pages.
REQUIRED: Final[dict[str, Check]] = {}
ADVISORY: Final[dict[str, Check]] = {}


class HealthMiddleware:
    """Answers the two addresses before hosts, sessions or anything else is looked at.

    ``/livez`` touches no database, so an orchestrator does not restart a process that merely waits
    for its server. ``/readyz`` answers 503 and says what is missing.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info == "/livez":
            return HttpResponse("alive\n", content_type="text/plain")
        if request.path_info == "/readyz":
            return readiness()
        return self.get_response(request)


def readiness() -> JsonResponse:
    """The outcome of every check."""
    failures = {name: _outcome(name, check) for name, check in REQUIRED.items()}
    notes = {name: _outcome(name, check) for name, check in ADVISORY.items()}
    ready = not any(failures.values())
    checks = {name: problem or "ok" for name, problem in (failures | notes).items()}
    return JsonResponse(
        {"status": "ready" if ready else "not ready", "checks": checks},
        status=200 if ready else 503,
    )


def _outcome(name: str, check: Check) -> str | None:
    try:
        return check()
    except Exception as error:  # a check that breaks is a check that fails
        log.warning("readiness check failed", check=name, error=str(error))
        return "The database does not answer." if isinstance(error, Error) else "The check failed."


def _database() -> str | None:
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("SELECT 1")
    return None


def _migrations() -> str | None:
    executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
    pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if not pending:
        return None
    count = "1 migration is" if len(pending) == 1 else f"{len(pending)} migrations are"
    return f"{count} pending. Run: python manage.py migrate"


REQUIRED["database"] = _database
REQUIRED["migrations"] = _migrations
