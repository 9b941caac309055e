"""The API's own addresses: the index, the schema, the documentation, and what a problem means."""

from __future__ import annotations

import functools
from http import HTTPStatus
from typing import Any, Final

from csp.constants import SELF
from csp.decorators import csp_update
from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponsePermanentRedirect,
)
from django.template.response import TemplateResponse
from django.urls import Resolver404, resolve
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from config.api import problems
from config.api.permissions import LOGGED_IN, PUBLIC, may, reaches
from config.api.routes import api_routes
from config.api.scopes import SCOPES, declare_scope
from config.api.views import ApiView

_VERSION: Final = "/api/v1/"
READ_API: Final = declare_scope("read:api", "Read the list of resources and the API's schema.")


class Index(ApiView):
    """What there is, and what of it the caller may read."""

    permission = LOGGED_IN
    scope = READ_API
    tag = "about"

    @extend_schema(
        operation_id="index",
        examples=[
            OpenApiExample(
                "For a viewer",
                {
                    "resources": {"images": "https://lacuna.example.org/api/v1/images/"},
                    "scopes": {
                        "read:images": "See images, what is known of them, and their files."
                    },
                },
            )
        ],
        responses={
            200: {
                "type": "object",
                "required": ["resources", "scopes"],
                "properties": {
                    "resources": {
                        "type": "object",
                        "description": "Name and address of each list that the caller may read.",
                        "additionalProperties": {"type": "string", "format": "uri"},
                    },
                    "scopes": {
                        "type": "object",
                        "description": "Every scope that an API key can have, and its meaning.",
                        "additionalProperties": {"type": "string"},
                    },
                },
            }
        },
    )
    def get(self, request: Request) -> Response:
        """The resources that the caller may read, and the scopes of API keys."""
        return Response({"resources": _resources(request), "scopes": dict(sorted(SCOPES.items()))})


class Schema(ApiView):
    """The OpenAPI document, as the documentation reads it."""

    permission = LOGGED_IN
    scope = READ_API

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        """The whole document; what a role may not use says so itself."""
        return Response(schema())


@functools.cache
def schema() -> dict[str, Any]:
    """The OpenAPI document; it changes with a release alone."""
    generator = SchemaGenerator()  # type: ignore[no-untyped-call] # no types in the package
    document: dict[str, Any] = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call] # no types in the package
    return document


@require_safe
@csp_update({"img-src": [SELF, "data:"]})
def documentation(request: HttpRequest) -> HttpResponseBase:
    """The documentation to read and to try: Swagger UI, from here, in the frame of the site.

    Its stylesheet draws its signs from ``data:`` addresses, which this page alone allows.
    """
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    context = {
        **admin.site.each_context(request),
        "title": "API",
        "purpose": "Every endpoint, with what it takes and answers. Requests sent from here are"
        " real, and yours.",
    }
    return TemplateResponse(request, "api/documentation.html", context).render()


@require_safe
def problem(request: HttpRequest, slug: str) -> HttpResponse:
    """What a kind of problem means and what to do, at the address that names it."""
    kind = problems.PROBLEMS.get(slug)
    if kind is None:
        raise Http404
    context = {"kind": kind, "phrase": HTTPStatus(kind.status).phrase}
    return TemplateResponse(request, "api/problem.html", context).render()


@csrf_exempt
def unknown(request: HttpRequest, rest: str = "") -> HttpResponseBase:
    """No such address; one that merely lacks its last slash is told, or, for reading, led on."""
    if not request.path_info.endswith("/") and _exists(request.path_info + "/"):
        whole = request.get_full_path(force_append_slash=True)
        if request.method in {"GET", "HEAD"}:
            return HttpResponsePermanentRedirect(whole)
        detail = f"Addresses end in a slash: {request.path}/"
        return problems.problem_response(problems.NOT_FOUND, request, detail)
    return problems.problem_response(
        problems.NOT_FOUND, request, "There is no such address. /api/v1/ lists what there is."
    )


def _exists(path: str) -> bool:
    try:
        return resolve(path).func is not unknown
    except Resolver404:
        return False


def _resources(request: Request) -> dict[str, str]:
    found = {}
    for route in api_routes():
        name = route.path.removeprefix(_VERSION).strip("/")
        if route.method != "GET" or not route.path.startswith(_VERSION) or "<" in name or not name:
            continue
        permission = route.permission
        if permission is None or permission is PUBLIC:
            continue
        if may(request, permission) and reaches(request, route.scope):
            found[name] = request.build_absolute_uri(route.path)
    return dict(sorted(found.items()))
