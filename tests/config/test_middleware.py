"""What every request goes through."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.utils.functional import SimpleLazyObject

from config.middleware import ActingUserMiddleware


def unreached(request: HttpRequest) -> HttpResponse:
    raise AssertionError("The page is not asked for.")


def request_whose_session_fails(error: Exception) -> HttpRequest:
    def fail() -> Any:
        raise error

    request = RequestFactory().get("/imaging/image/")
    setattr(request, "user", SimpleLazyObject(fail))  # noqa: B010 - the middleware sets it
    return request


def test_without_a_database_a_visitor_is_asked_to_try_again() -> None:
    error = OperationalError("the connection is closed")
    error.__cause__ = psycopg.OperationalError("connection failed: refused")
    response = ActingUserMiddleware(unreached)(request_whose_session_fails(error))

    assert response.status_code == 503
    assert response.headers["Retry-After"]


def test_any_other_failure_is_seen() -> None:
    with pytest.raises(OperationalError):
        ActingUserMiddleware(unreached)(request_whose_session_fails(OperationalError("odd")))
