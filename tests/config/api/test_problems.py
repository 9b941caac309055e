"""Every error is a problem document, whoever answers it, and tells nothing of the inside."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client, override_settings

from config.api import handler, problems
from config.api.problems import PROBLEMS, ProblemType, declare_problem
from tests.config.api.conftest import Caller
from tests.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.config.api.urls")]

DOCUMENTED = Path(settings.BASE_DIR) / "docs" / "api.md"

ANSWERS: dict[str, tuple[int, str, str]] = {
    "validation": (400, "invalid-input", "name.inner: Is wrong."),
    "list": (400, "invalid-input", "names.1.x: No."),
    "plain-validation": (400, "invalid-input", "name: Is wrong."),
    "plain-sentence": (400, "invalid-input", "All of it is wrong."),
    "parse": (400, "malformed-request", "Not JSON."),
    "anonymous": (401, "not-authenticated", "Authentication credentials were not provided."),
    "forbidden": (403, "not-allowed", "Your role does not allow it."),
    "missing": (404, "not-found", problems.NOT_FOUND.advice),
    "acceptable": (406, "not-acceptable", "Could not satisfy the request Accept header."),
    "media": (415, "unsupported-media-type", 'Unsupported media type "text/html" in request.'),
    "throttled": (429, "too-many-requests", "Request was throttled."),
    "domain": (409, "out-of-film", "There is no film left."),
    "derived": (409, "out-of-film", "There will be none."),
    "too-big": (413, "too-large", "The body is too large."),
    "too-many-files": (413, "too-large", "Too many files."),
    "too-many-fields": (400, "malformed-request", "The form has too many fields."),
    "suspicious": (400, "malformed-request", problems.MALFORMED.advice),
    "away": (503, "unavailable", problems.AWAY.advice),
    "timeout": (503, "unavailable", "This took longer than allowed and was stopped."),
    "deadlock": (409, "conflict", "Somebody else changed this at the same time."),
}


def problem_in(response: Any, status: int, slug: str) -> dict[str, Any]:
    """The document, after a look at what all of them have."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    assert response["Cache-Control"] == "no-store"
    told: dict[str, Any] = response.json()
    assert told["type"] == f"/api/problems/{slug}"
    assert told["status"] == status
    assert told["title"] == PROBLEMS[slug].title
    assert told["request_id"] == response["X-Request-ID"]
    return told


@pytest.mark.parametrize("kind", ANSWERS)
def test_every_exception_becomes_the_problem_it_is(caller: Caller, kind: str) -> None:
    status, slug, detail = ANSWERS[kind]
    response = caller().get(f"/api/v1/failing/{kind}/", headers={"X-Request-ID": "test-request-1"})

    told = problem_in(response, status, slug)
    assert told["detail"].startswith(detail)
    assert told["instance"] == f"/api/v1/failing/{kind}/"
    assert told["request_id"] == "test-request-1"
    assert "internal words" not in response.text
    assert "images" not in response.text


def test_errors_name_each_field_with_a_code(caller: Caller) -> None:
    told = caller().get("/api/v1/failing/validation/").json()

    assert told["errors"] == [{"field": "name.inner", "code": "invalid", "detail": "Is wrong."}]


@pytest.mark.parametrize(("kind", "seconds"), [("throttled", 3), ("away", 10), ("deadlock", 1)])
def test_what_passes_says_when_to_come_back(caller: Caller, kind: str, seconds: int) -> None:
    response = caller().get(f"/api/v1/failing/{kind}/")

    assert response["Retry-After"] == str(seconds)


def test_a_stranger_is_told_how_to_authenticate() -> None:
    response = Client().get("/api/v1/pictures/")

    problem_in(response, 401, "not-authenticated")
    assert response["WWW-Authenticate"] == 'Bearer realm="api", Api-Key realm="api"'


def test_a_fault_is_logged_and_not_shown(caller: Caller) -> None:
    response = caller(raise_request_exception=False).get("/api/v1/failing/fault/")

    told = problem_in(response, 500, "internal-error")
    assert "password" not in response.text
    assert "Traceback" not in response.text
    assert told["detail"] == problems.FAULT.advice


def test_a_fault_is_one_line_with_its_traceback(
    caller: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    caller(raise_request_exception=False).get("/api/v1/failing/fault/")

    (line,) = [line for line in caplog.records if line.name == "django.request"]
    assert line.exc_info is not None
    assert line.exc_info[0] is RuntimeError


def test_a_fault_is_not_shown_while_developing_either(caller: Caller) -> None:
    with override_settings(DEBUG=True):
        response = caller(raise_request_exception=False).get("/api/v1/failing/fault/")

    problem_in(response, 500, "internal-error")
    assert "password" not in response.text


def test_the_wrong_method_is_told_the_right_ones(caller: Caller) -> None:
    response = caller().delete("/api/v1/pictures/")

    problem_in(response, 405, "method-not-allowed")
    assert response["Allow"] == "GET, HEAD, POST"


def test_options_are_not_answered(caller: Caller) -> None:
    problem_in(caller().options("/api/v1/pictures/"), 405, "method-not-allowed")


@pytest.mark.parametrize("path", ["/api/", "/api/v1/nowhere/", "/api/v1/pictures/7/", "/api/v2/x"])
def test_an_unknown_address_is_a_problem_for_strangers_too(path: str) -> None:
    problem_in(Client().get(path), 404, "not-found")


def test_the_address_in_a_problem_is_one_that_can_be_written() -> None:
    """RFC 9457: ``instance`` is a URI reference, whatever was asked for."""
    told = problem_in(Client().get("/api/v1/pictures/%C2%97%0D%0A%22é%25/"), 404, "not-found")

    assert told["instance"] == "/api/v1/pictures/%C2%97%0D%0A%22%C3%A9%25/"


def test_a_page_that_is_replaced_keeps_what_browsers_are_told() -> None:
    for headers in ({}, {"Host": "elsewhere.example"}):
        answer = Client().get("/api/v1/%0a", headers=headers)

        assert answer["Content-Type"] == "application/problem+json"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]


def test_a_missing_slash_leads_on_for_reading() -> None:
    response = Client().get("/api/v1/pictures?limit=3")

    assert response.status_code == 301
    assert response["Location"] == "/api/v1/pictures/?limit=3"


def test_a_missing_slash_is_told_for_writing(caller: Caller) -> None:
    response = caller().post("/api/v1/pictures", {}, format="json")

    told = problem_in(response, 404, "not-found")
    assert told["detail"] == "Addresses end in a slash: /api/v1/pictures/"


def test_a_wrong_host_is_a_problem() -> None:
    problem_in(Client().get("/api/v1/", headers={"Host": "evil.example"}), 400, "malformed-request")


def test_a_change_with_a_session_needs_the_csrf_token() -> None:
    from_browser = Client(enforce_csrf_checks=True)
    from_browser.force_login(make_user("moderator"))

    response = from_browser.post("/api/v1/pictures/", {}, content_type="application/json")

    told = problem_in(response, 403, "not-allowed")
    assert "CSRF" in told["detail"]


def test_pages_outside_the_api_stay_pages() -> None:
    response = Client().get("/livez/nowhere")

    assert "problem+json" not in response["Content-Type"]


def test_refusals_are_told_to_who_keeps_them(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, str, int]] = []
    monkeypatch.setattr(
        handler,
        "observers",
        [lambda request, error, status: seen.append((request.path, str(error), status))],
    )
    caller().get("/api/v1/failing/forbidden/")
    caller().get("/api/v1/failing/parse/")

    assert seen == [("/api/v1/failing/forbidden/", "Your role does not allow it.", 403)]


@pytest.mark.parametrize(
    ("kind", "status", "slug", "detail"),
    [
        ("nul", 400, "invalid-input", "The text holds a character that cannot be stored"),
        ("right", 403, "not-allowed", problems.FORBIDDEN.advice),
        ("unique", 409, "conflict", "There is already a row with the same value."),
        ("raised", 409, "conflict", "Not on Sundays."),
        ("check", 400, "invalid-input", "A value is missing"),
    ],
)
def test_what_the_database_refuses_is_told_in_our_words(
    caller: Caller, kind: str, status: int, slug: str, detail: str
) -> None:
    response = caller("admin").get(f"/api/v1/refused/{kind}/")

    assert problem_in(response, status, slug)["detail"].startswith(detail)
    assert "history" not in response.text


def test_every_kind_has_a_page_and_a_line_in_the_documentation() -> None:
    documented = dict(
        re.findall(r"^\| `([a-z-]+)` \| (\d{3}) \|", DOCUMENTED.read_text(), re.MULTILINE)
    )
    for kind in vars(problems).values():
        if isinstance(kind, ProblemType):
            assert documented.pop(kind.slug, None) == str(kind.status)
            page = Client().get(kind.uri)
            assert page.status_code == 200
            assert kind.title in page.text

    assert documented == {}


def test_a_page_of_an_unknown_kind_is_not_found() -> None:
    problem_in(Client().get("/api/problems/of-mine"), 404, "not-found")


def test_a_kind_means_one_thing() -> None:
    with pytest.raises(Exception, match="two kinds of problem named conflict"):
        declare_problem(ProblemType("conflict", 400, "Another", "Other."))
