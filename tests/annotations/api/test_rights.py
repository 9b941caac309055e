"""Who may do what: every endpoint with every role, strangers, keys, and people put out."""

from __future__ import annotations

import re
import uuid
from typing import Any, Final

import pytest

from accounts.roles import allows
from config.api.routes import Route, api_routes
from tests.imaging.api.conftest import ROLES, Caller, CallerOf, problem

pytestmark = pytest.mark.django_db

_EVERYBODY: Final = frozenset(ROLES)
_MARKS: Final = frozenset({"admin", "moderator", "analyst", "api_user"})
_EDITS: Final = frozenset({"admin", "moderator", "analyst"})
_REVIEWS: Final = frozenset({"admin", "moderator", "analyst"})
_ASKS: Final = frozenset({"admin", "analyst", "api_user"})
_LEADS: Final = frozenset({"admin", "moderator"})

# View and action: who may.
ALLOWED: Final[dict[tuple[str, str], frozenset[str]]] = {
    ("AnnotationViewSet", "list"): _EVERYBODY,
    ("AnnotationViewSet", "retrieve"): _EVERYBODY,
    ("AnnotationViewSet", "create"): _MARKS,
    ("AnnotationViewSet", "partial_update"): _EDITS,
    ("AnnotationViewSet", "destroy"): _LEADS,
    ("AnnotationViewSet", "decide"): _REVIEWS,
    ("AnnotationViewSet", "reopen"): _REVIEWS,
    ("AnnotationViewSet", "restore"): _EDITS,
    ("VersionViewSet", "list"): _EVERYBODY,
    ("ReviewViewSet", "list"): _EVERYBODY,
    ("ReviewViewSet", "retrieve"): _EVERYBODY,
    ("ReviewViewSet", "claim_next"): _REVIEWS,
    ("ReviewViewSet", "undo"): _REVIEWS,
    ("ReviewViewSet", "release"): _REVIEWS,
    ("KnownAnswerViewSet", "list"): _LEADS,
    ("KnownAnswerViewSet", "retrieve"): _LEADS,
    ("KnownAnswerViewSet", "create"): _LEADS,
    ("KnownAnswerViewSet", "destroy"): _LEADS,
    ("CollectionViewSet", "list"): _EVERYBODY,
    ("CollectionViewSet", "retrieve"): _EVERYBODY,
    ("CollectionViewSet", "create"): _LEADS,
    ("CollectionViewSet", "partial_update"): _LEADS,
    ("CollectionViewSet", "add_images"): _LEADS,
    ("CollectionViewSet", "remove_images"): _LEADS,
    ("MemberViewSet", "list"): _EVERYBODY,
    ("AiJobViewSet", "list"): _EVERYBODY,
    ("AiJobViewSet", "retrieve"): _EVERYBODY,
    ("AiJobViewSet", "create"): _ASKS,
    ("AiJobViewSet", "cancel"): _EVERYBODY - {"viewer"},
    ("AiJobViewSet", "retry"): _EVERYBODY - {"viewer"},
    ("BatchViewSet", "list"): _EVERYBODY,
    ("BatchViewSet", "retrieve"): _EVERYBODY,
    ("BatchViewSet", "annotate"): _ASKS,
    ("BatchViewSet", "warm_cache"): _ASKS,
    ("BatchViewSet", "approve"): _REVIEWS,
    ("BatchViewSet", "reject"): _REVIEWS,
    ("BatchViewSet", "cancel"): _EVERYBODY - {"viewer"},
    ("BatchErrorViewSet", "list"): _EVERYBODY,
    ("PendingAiAnnotationReport", "list"): _EVERYBODY,
    ("AiJobStatsReport", "list"): _EVERYBODY,
    ("ReviewerStatsReport", "list"): _LEADS,
    ("CacheStatsReport", "list"): _EVERYBODY,
}


def routes() -> list[Route]:
    """Those of this package."""
    return [route for route in api_routes() if route.view.__module__.startswith("annotations.api.")]


def addressed(route: Route) -> str:
    """The route's address for rows that there are not: what is allowed is then not found."""
    return re.sub(r"<uuid:\w+>", str(uuid.uuid4()), route.path)


def asked(caller: Caller, route: Route) -> Any:
    """The answer to an empty request of this route."""
    if route.method == "GET":
        return caller.get(addressed(route))
    return caller._send(route.method.lower(), addressed(route), {}, {})


def test_every_endpoint_is_in_the_table() -> None:
    assert {(route.view.__name__, route.action) for route in routes()} == set(ALLOWED)


@pytest.mark.parametrize("role", ROLES)
def test_each_role_reaches_what_it_may_and_nothing_else(caller: CallerOf, role: str) -> None:
    """ASVS 8.2.1: access to a function needs an explicit permission."""
    person = caller(role)

    for route in routes():
        status = asked(person, route).status_code
        allowed = role in ALLOWED[route.view.__name__, route.action]
        assert (status != 403) is allowed, f"{route.method} {route.path}: {status}"
        # 409: nothing to undo, nothing that waits.
        assert status in {200, 400, 403, 404, 409, 428}, f"{route.method} {route.path}: {status}"


@pytest.mark.parametrize("role", ROLES)
def test_the_declared_permissions_are_those_of_the_roles(role: str) -> None:
    for route in routes():
        named = route.permission
        assert isinstance(named, str | tuple)
        names = (named,) if isinstance(named, str) else named
        given = any(allows(role, name) for name in names)
        assert given is (role in ALLOWED[route.view.__name__, route.action]), route


def test_a_stranger_is_told_to_say_who_they_are() -> None:
    stranger = Caller(None)

    for route in routes():
        problem(asked(stranger, route), 401, "not-authenticated")


@pytest.mark.parametrize(
    "scope", ["read:annotations", "write:annotations", "review:annotations", "annotate:images"]
)
def test_a_key_reaches_the_endpoints_of_its_scopes_alone(caller: CallerOf, scope: str) -> None:
    """ASVS 8.2.1, for programs: what a key may is narrowed by its scopes."""
    program = caller("admin", scopes=[scope])

    for route in routes():
        status = asked(program, route).status_code
        assert (status != 403) is (route.scope == scope), f"{scope}: {route.path} {status}"


def test_a_scope_gives_no_more_than_the_role(caller: CallerOf) -> None:
    program = caller("viewer", scopes=["review:annotations", "annotate:images"])

    problem(program.post("/api/v1/reviews/next/"), 403, "not-allowed")
    problem(program.post("/api/v1/ai-jobs/"), 403, "not-allowed")
