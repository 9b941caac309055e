"""From an exception in a view to a problem document."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import structlog
from django.core.exceptions import (
    NON_FIELD_ERRORS,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.core.exceptions import ValidationError as ModelValidationError
from django.db import DatabaseError, InterfaceError
from django.db import Error as DatabaseFault
from django.http import Http404, HttpRequest, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

from config.admin.away import is_away
from config.admin.refusals import refusal
from config.api import problems
from config.api.problems import FieldError, ProblemType

log = structlog.get_logger(__name__)

# Called with (request, error, status) for every refusal of a known person or a stranger (401, 403).
# The audit log registers itself here.
observers: list[Callable[[HttpRequest, Exception, int], None]] = []

AWAY_SECONDS: Final = 10
_BUSY_SECONDS: Final = 1
# Where an error belongs to no field.
_WHOLE: Final = ""
# SQLSTATE of refusals that are not conflicts (PostgreSQL 18, appendix A).
_BY_CODE: Final[dict[str, ProblemType]] = {
    "22021": problems.INVALID,  # NUL in a text
    "22P05": problems.INVALID,  # half of a surrogate pair
    "23502": problems.INVALID,  # a value is missing
    "42501": problems.FORBIDDEN,  # row security, or a right that is not given
    "57014": problems.AWAY,  # the statement took too long
}
_WAITS: Final = {"40001", "40P01", "55P03", "57014"}


def answer(error: Exception, context: dict[str, Any]) -> Response | None:
    """REST framework's EXCEPTION_HANDLER; None for a fault, which Django logs and answers."""
    request: Request = context["request"]
    told = _told(error, context.get("view"))
    if told is None:
        return None
    kind, detail, headers, errors = told
    plain = request._request  # REST framework's request hands every question on to it
    if kind.status in {401, 403}:
        for observer in observers:
            observer(plain, error, kind.status)
    body = problems.document(kind, plain, detail, errors=errors)
    headers = {"Cache-Control": "no-store", **headers}
    return Response(body, status=kind.status, headers=headers, content_type=problems.MEDIA_TYPE)


_Told = tuple[ProblemType, str, dict[str, str], list[FieldError]]


def _told(error: Exception, view: Any) -> _Told | None:
    registered = problems.problem_of(error)
    if registered is not None:
        return registered, str(error), {}, []
    if isinstance(error, exceptions.ValidationError):
        return problems.INVALID, *_fields(error.detail)
    if isinstance(error, exceptions.APIException):
        return _of_framework(error)
    if isinstance(error, DatabaseFault):
        return _of_database(error, view)
    return _of_django(error)


def _of_framework(error: exceptions.APIException) -> _Told:
    kind: ProblemType = getattr(error, "kind", None) or _KINDS.get(
        type(error), problems.BY_STATUS.get(error.status_code, problems.FAULT)
    )
    headers = {}
    if auth_header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = str(auth_header)
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(math.ceil(wait))
    return kind, _text(error.detail), headers, []


_KINDS: Final[dict[type[exceptions.APIException], ProblemType]] = {
    exceptions.NotAuthenticated: problems.UNAUTHENTICATED,
    exceptions.AuthenticationFailed: problems.UNAUTHENTICATED,
    exceptions.ParseError: problems.MALFORMED,
}


def _of_django(error: Exception) -> _Told | None:
    if isinstance(error, Http404):
        return problems.NOT_FOUND, "", {}, []  # Django's own text names the model
    if isinstance(error, PermissionDenied):
        return problems.FORBIDDEN, str(error), {}, []
    if isinstance(error, ModelValidationError):
        named = getattr(error, "error_dict", None)
        detail = error.message_dict if named else {NON_FIELD_ERRORS: error.messages}
        return problems.INVALID, *_fields(detail)
    if isinstance(error, RequestDataTooBig | TooManyFilesSent):
        return problems.TOO_LARGE, _sentence(str(error)), {}, []
    if isinstance(error, TooManyFieldsSent):
        return problems.MALFORMED, "The form has too many fields.", {}, []
    if isinstance(error, MultiPartParserError | UnreadablePostError):
        return problems.MALFORMED, "The upload is broken or was cut off. Send it again.", {}, []
    if isinstance(error, SuspiciousOperation):
        log.warning("suspicious request", error=str(error))
        return problems.MALFORMED, "", {}, []
    return None


def _of_database(error: DatabaseFault, view: Any) -> _Told | None:
    if is_away(error):
        log.warning("the database is away", error=str(error))
        return problems.AWAY, "", {"Retry-After": str(AWAY_SECONDS)}, []
    if isinstance(error, InterfaceError) or not isinstance(error, DatabaseError):
        return None
    queryset = getattr(view, "queryset", None)
    detail = refusal(error, getattr(queryset, "model", None))
    if detail is None:
        return None
    code = getattr(error.__cause__, "sqlstate", None) or "22021"  # the driver's own, for NUL
    headers = {"Retry-After": str(_BUSY_SECONDS)} if code in _WAITS else {}
    if code == "42501":
        log.warning("the database refused", error=str(error))
        detail = ""
    return _BY_CODE.get(code, problems.CONFLICT), detail, headers, []


def _fields(detail: Any) -> tuple[str, dict[str, str], list[FieldError]]:
    errors = list(_flat(detail))
    one = len(errors) == 1
    place = f"{errors[0]['field']}: " if errors and errors[0]["field"] else ""
    said = f"{place}{errors[0]['detail']}" if one else f"{len(errors)} values are not valid."
    return said, {}, errors


def _flat(detail: Any, path: str = _WHOLE) -> Iterator[FieldError]:
    """The nested lists and objects of REST framework as one list; a path names each place."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            whole = name in {"non_field_errors", NON_FIELD_ERRORS}
            yield from _flat(inner, path if whole else _join(path, str(name)))
    elif isinstance(detail, list | tuple):
        nested = any(isinstance(inner, Mapping | list | tuple) for inner in detail)
        for position, inner in enumerate(detail):
            if inner:
                yield from _flat(inner, _join(path, str(position)) if nested else path)
    else:
        code = str(getattr(detail, "code", "") or "invalid")
        yield {"field": path, "code": code, "detail": _sentence(str(detail))}


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _text(detail: Any) -> str:
    if isinstance(detail, Mapping | list):
        return " ".join(error["detail"] for error in _flat(detail))
    return _sentence(str(detail))


def _sentence(text: str) -> str:
    text = text.strip()
    return text if not text or text.endswith((".", "?", "!")) else f"{text}."
