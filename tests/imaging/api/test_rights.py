"""Who may do what: every endpoint with every role, strangers, keys, and people put out."""

from __future__ import annotations

import uuid
from typing import Any, Final

import pytest
from django.urls import reverse

from accounts.roles import allows
from config.api.routes import Route, api_routes
from imaging.models import AnalysisResultHistory, Image, ProcessingJob
from tests.factories import make_image, make_job, make_result, make_user
from tests.imaging.api.conftest import ROLES, Caller, CallerOf, problem

pytestmark = pytest.mark.django_db

_MODULES: Final = ("imaging.api.",)
_EVERYBODY: Final = frozenset(ROLES)
_STAFF: Final = frozenset({"admin", "moderator", "analyst", "viewer"})
_STEERS: Final = frozenset({"admin", "moderator", "analyst"})
_CHANGES_IMAGES: Final = frozenset({"admin", "moderator"})
_ANALYSES: Final = frozenset({"admin", "analyst", "api_user"})

# View and action: who may.
ALLOWED: Final[dict[tuple[str, str], frozenset[str]]] = {
    ("ImageViewSet", "list"): _EVERYBODY,
    ("ImageViewSet", "retrieve"): _EVERYBODY,
    ("ImageViewSet", "by_hash"): _EVERYBODY,
    ("ImageViewSet", "near_duplicates"): _EVERYBODY,
    ("ImageViewSet", "original"): _EVERYBODY,
    ("ImageViewSet", "preview"): _EVERYBODY,
    ("ImageViewSet", "thumbnail"): _EVERYBODY,
    ("ImageViewSet", "result"): _EVERYBODY,
    ("ImageViewSet", "create"): _ANALYSES,
    ("ImageViewSet", "partial_update"): _CHANGES_IMAGES,
    ("ImageViewSet", "archive"): _CHANGES_IMAGES,
    ("ImageViewSet", "dismiss_duplicate"): _CHANGES_IMAGES,
    ("ImageViewSet", "mark_duplicate"): _CHANGES_IMAGES,
    ("ResultViewSet", "list"): _EVERYBODY,
    ("ResultViewSet", "retrieve"): _EVERYBODY,
    ("ResultViewSet", "anomalies"): _EVERYBODY,
    ("ResultViewSet", "drawing"): _EVERYBODY,
    ("ResultViewSet", "note"): _STEERS,
    ("EarlierResultViewSet", "list"): _EVERYBODY,
    ("EarlierResultViewSet", "retrieve"): _EVERYBODY,
    ("EarlierResultViewSet", "anomalies"): _EVERYBODY,
    ("EarlierResultViewSet", "drawing"): _EVERYBODY,
    ("AnalysisJobViewSet", "list"): _EVERYBODY,
    ("AnalysisJobViewSet", "retrieve"): _EVERYBODY,
    ("AnalysisJobViewSet", "summary"): _EVERYBODY,
    ("AnalysisJobViewSet", "create"): _ANALYSES,
    ("AnalysisJobViewSet", "cancel"): _STEERS,
    ("AnalysisJobViewSet", "retry"): _STEERS,
    ("AnalysisJobViewSet", "prioritise"): _STEERS,
    ("CachedResultViewSet", "list"): _STAFF,
    ("CachedResultViewSet", "statistics"): _STAFF,
    ("CachedResultViewSet", "clean_up"): frozenset({"admin"}),
    ("ImageAnalysisStatusReport", "list"): _EVERYBODY,
    ("QueueStatusReport", "list"): _EVERYBODY,
    ("AnalysisPerformanceReport", "list"): _EVERYBODY,
    ("DuplicateImages", "list"): _EVERYBODY,
    ("UserActivityReport", "list"): frozenset({"admin"}),
}


def routes() -> list[Route]:
    """Those of this package."""
    return [route for route in api_routes() if route.view.__module__.startswith(_MODULES)]


def addressed(route: Route) -> str:
    """The route's address for rows that there are not: what is allowed is then not found."""
    parts = {"pk": str(uuid.uuid4()), "name": "shapes", "file_hash": "0" * 64}
    path = route.path
    for name, value in parts.items():
        for kind in ("uuid", "str"):
            path = path.replace(f"<{kind}:{name}>", value)
    assert "<" not in path
    return path


def asked(caller: Caller, route: Route) -> Any:
    """The answer to an empty request of this route."""
    if route.method == "GET":
        return caller.get(addressed(route))
    return caller._send(route.method.lower(), addressed(route), {}, {})


def test_every_endpoint_is_in_the_table() -> None:
    known = {(route.view.__name__, route.action) for route in routes()}

    assert known == set(ALLOWED)


@pytest.mark.parametrize("role", ROLES)
def test_each_role_reaches_what_it_may_and_nothing_else(caller: CallerOf, role: str) -> None:
    """ASVS 8.2.1: access to a function needs an explicit permission."""
    person = caller(role)

    for route in routes():
        status = asked(person, route).status_code
        allowed = role in ALLOWED[route.view.__name__, route.action]
        assert (status != 403) is allowed, f"{route.method} {route.path}: {status}"
        assert status in {200, 400, 403, 404, 415, 428}, f"{route.method} {route.path}: {status}"


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
        answer = asked(stranger, route)
        problem(answer, 401, "not-authenticated")
        assert "Bearer" in answer["WWW-Authenticate"]


def test_a_key_reaches_the_endpoints_of_its_scopes_alone(caller: CallerOf) -> None:
    """ASVS 8.2.1, for programs: what a key may is narrowed by its scopes."""
    for scope in ("read:images", "write:jobs", "read:reports"):
        program = caller("admin", scopes=[scope])
        for route in routes():
            status = asked(program, route).status_code
            assert (status != 403) is (route.scope == scope), f"{scope}: {route.path} {status}"


def test_a_scope_gives_no_more_than_the_role(caller: CallerOf) -> None:
    program = caller("viewer", scopes=["write:images", "read:images"])

    assert program.get("/api/v1/images/").status_code == 200
    problem(program.upload(b"x"), 403, "not-allowed")


def test_somebody_who_was_put_out_reaches_nothing(caller: CallerOf) -> None:
    person, program = caller("analyst"), caller("analyst", scopes=["read:images"])
    for one in (person, program):
        assert one.user is not None
        assert one.get("/api/v1/images/").status_code == 200
        type(one.user).objects.filter(pk=one.user.pk).update(is_active=False)
        assert one.get("/api/v1/images/").status_code == 401


@pytest.mark.parametrize("role", ROLES)
def test_everybody_sees_the_rows_of_the_team(caller: CallerOf, role: str) -> None:
    somebody = make_user("analyst")
    image = make_image(user=somebody)
    result = make_result(image=image)
    make_result_again(result)
    job = make_job(image=image)
    earlier = AnalysisResultHistory.objects.get()
    person = caller(role)

    for kind, row in (
        ("images", image),
        ("results", result),
        ("earlier-results", earlier),
        ("analysis-jobs", job),
    ):
        listed = person.get(f"/api/v1/{kind}/").json()["results"]
        assert [one["id"] for one in listed] == [str(row.pk)]
        assert person.get(f"/api/v1/{kind}/{row.pk}/").json()["id"] == str(row.pk)


def make_result_again(result: Any) -> None:
    """Replace what was found, so that the former stands in the history."""
    result.confidence_score = "0.5000"
    result.save()


def test_a_program_is_not_told_who_works_and_how_attempts_ended(caller: CallerOf) -> None:
    job = make_job()
    ProcessingJob.objects.filter(pk=job.pk).update(worker_id="host-7:4711")
    address = reverse("analysis-job-detail", args=[job.pk])

    seen = caller("viewer").get(address).json()
    hidden = caller("api_user").get(address).json()

    assert (seen["worker_id"], seen["attempts"]) == ("host-7:4711", [])
    assert (hidden["worker_id"], hidden["attempts"]) == (None, None)
    report = caller("api_user").get("/api/v1/reports/image-analysis-status/").json()["results"]
    assert report[0]["worker_id"] is None


def test_nothing_of_the_disk_is_told(caller: CallerOf, analysed: Image) -> None:
    person = caller("admin")
    assert analysed.file_path

    for path in (
        "/api/v1/images/",
        f"/api/v1/images/{analysed.pk}/",
        f"/api/v1/images/{analysed.pk}/result/",
        "/api/v1/results/",
        "/api/v1/analysis-jobs/",
        "/api/v1/reports/image-analysis-status/",
    ):
        text = person.get(path).content.decode()
        assert "_path" not in text
        assert analysed.file_path not in text
        assert "derived/" not in text
