"""The OpenAPI document: what the conventions add to every operation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema as FrameworkAutoSchema

from config.api import problems
from config.api.permissions import NO_KEY, PUBLIC, Open, action_of, declared
from config.api.problems import ProblemType
from config.api.views import Listed, Retrieved, RowView

_PROBLEM: Final = "#/components/schemas/Problem"
_ETAG: Final = {"$ref": "#/components/headers/ETag"}
_SESSION, _BEARER, _KEY = "session", "accessToken", "apiKey"

SECURITY_SCHEMES: Final[dict[str, Any]] = {
    _BEARER: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "An access token: valid for 15 minutes, refreshed with the refresh token.",
    },
    _KEY: {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "An API key, as `Api-Key prefix.secret`. It reaches what its scopes name.",
    },
    _SESSION: {
        "type": "apiKey",
        "in": "cookie",
        "name": "sessionid",
        "description": "The log-in of the pages. Changes need the header `X-CSRFToken`.",
    },
}

# Where the first part of a sentence ends.
_CLAUSE: Final = re.compile(r"[.;:](?:\s|$)")
_RETRY_AFTER: Final = {
    "description": "Seconds to wait.",
    "schema": {"type": "integer", "minimum": 1},
}
_REPLAYED: Final = {
    "description": "`true` where this is the first answer again.",
    "schema": {"type": "string", "enum": ["true"]},
}

COMPONENTS: Final[dict[str, Any]] = {
    "schemas": {
        "FieldError": {
            "type": "object",
            "required": ["field", "code", "detail"],
            "properties": {
                "field": {
                    "type": "string",
                    "description": "`outer.inner` for a nested field, `list.0` for an item, empty"
                    " for the whole.",
                },
                "code": {"type": "string"},
                "detail": {"type": "string"},
            },
        },
        "Problem": {
            "type": "object",
            "description": "A problem document (RFC 9457).",
            "required": ["type", "title", "status", "detail", "instance", "request_id"],
            "properties": {
                "type": {"type": "string", "format": "uri-reference"},
                "title": {"type": "string"},
                "status": {"type": "integer", "minimum": 400, "maximum": 599},
                "detail": {"type": "string"},
                "instance": {"type": "string", "format": "uri-reference"},
                "request_id": {"type": "string"},
                "errors": {
                    "type": "array",
                    "items": {"$ref": "#/components/schemas/FieldError"},
                },
            },
        },
    },
    "headers": {
        "ETag": {
            "description": "The state of the row, for `If-None-Match` and `If-Match`.",
            "schema": {"type": "string"},
        },
        "RetryAfter": _RETRY_AFTER,
        "IdempotencyReplayed": _REPLAYED,
    },
    "parameters": {
        "IfMatch": {
            "name": "If-Match",
            "in": "header",
            "required": True,
            "schema": {"type": "string"},
            "description": "The ETag that reading gave.",
        },
        "IfNoneMatch": {
            "name": "If-None-Match",
            "in": "header",
            "schema": {"type": "string"},
            "description": "An ETag: answered with 304 while it is the present one.",
        },
        "IdempotencyKey": {
            "name": "Idempotency-Key",
            "in": "header",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255},
            "description": "The same key with the same request within 24 hours has one effect.",
        },
    },
}


def _response(kinds: Sequence[ProblemType], status: int) -> dict[str, Any]:
    told: dict[str, Any] = {
        "description": "; ".join(f"{kind.title} (`{kind.slug}`)" for kind in kinds) + ".",
        "content": {problems.MEDIA_TYPE: {"schema": {"$ref": _PROBLEM}}},
    }
    if status in {409, 429, 503}:
        told["headers"] = {"Retry-After": {"$ref": "#/components/headers/RetryAfter"}}
    return told


# The conventions' own, not those that packages add: the document must not depend on their order.
_KINDS: Final[dict[int, list[ProblemType]]] = {
    status: [kind for kind in problems.PROBLEMS.values() if kind.status == status]
    for status in sorted({kind.status for kind in problems.PROBLEMS.values()})
}
COMPONENTS["responses"] = {
    f"Problem{status}": _response(kinds, status) for status, kinds in _KINDS.items()
}


class AutoSchema(FrameworkAutoSchema):
    """As spectacular's, with problems, preconditions, idempotency keys and rights."""

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        """The operation, or None where the view leaves it out."""
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        self._summarise(operation)
        self._add_parameters(operation)
        self._add_responses(operation)
        self._add_rights(operation)
        return operation

    def get_auth(self) -> list[dict[str, Any]]:
        """The ways in, the same for all; a key only where a scope is named."""
        if self._permission() is PUBLIC:
            return [{}]
        ways: list[dict[str, Any]] = [{_BEARER: []}]
        if isinstance(self._scope(), str):
            ways.append({_KEY: []})
        return [*ways, {_SESSION: []}]

    def get_tags(self) -> list[str]:
        """The view's ``tag``, or the first part of its address."""
        tag = getattr(self.view, "tag", None)
        return [tag] if tag else super().get_tags()

    def _get_filter_parameters(self) -> list[Any]:
        """Of lists alone."""
        lists: frozenset[str] = getattr(self.view, "list_actions", frozenset())
        every: list[Any] = super()._get_filter_parameters()  # type: ignore[no-untyped-call] # no types in the package
        return every if self._action() in lists else []

    def _action(self) -> str:
        return action_of(self.view, self.method) or ""

    def _permission(self) -> Any:
        return declared(self.view, "permission", self._action())

    def _scope(self) -> Any:
        return declared(self.view, "scope", self._action())

    def _matches(self) -> bool:
        matching: frozenset[str] = getattr(self.view, "matching_actions", frozenset())
        return self._action() in matching

    def _repeats(self) -> bool:
        never: frozenset[str] = getattr(self.view, "never_repeated", frozenset())
        return (
            self.method == "POST"
            and self._permission() is not PUBLIC
            and self._action() not in never
        )

    def _retrieves(self) -> bool:
        return isinstance(self.view, RowView) and self._action() == "retrieve"

    def _add_parameters(self, operation: dict[str, Any]) -> None:
        added = []
        if self._repeats():
            added.append("IdempotencyKey")
        if self._matches():
            added.append("IfMatch")
        if self._retrieves() or "304" in operation["responses"]:
            added.append("IfNoneMatch")
        references = [{"$ref": f"#/components/parameters/{name}"} for name in added]
        if references:
            operation["parameters"] = [*operation.get("parameters", []), *references]

    def _add_responses(self, operation: dict[str, Any]) -> None:
        responses = operation["responses"]
        self._add_refusals(operation)
        for status in self._statuses(operation):
            responses.setdefault(str(status), {"$ref": f"#/components/responses/Problem{status}"})
        retrieves = self._retrieves()
        for status, response in list(responses.items()):
            if not status.startswith("2"):
                continue
            if retrieves or self._matches():
                response.setdefault("headers", {})["ETag"] = _ETAG
            if self._repeats():
                reference = {"$ref": "#/components/headers/IdempotencyReplayed"}
                response.setdefault("headers", {})["Idempotency-Replayed"] = reference
        if retrieves:
            responses["304"] = {"description": "Unchanged.", "headers": {"ETag": _ETAG}}

    def _add_refusals(self, operation: dict[str, Any]) -> None:
        """Kinds of problem that the view names, together with the conventions' own."""
        own: Sequence[ProblemType] = declared(self.view, "refusals", self._action()) or ()
        usual = self._statuses(operation)
        for status in sorted({kind.status for kind in own}):
            kinds = [*(_KINDS[status] if status in usual else ())]
            kinds += [kind for kind in own if kind.status == status and kind not in kinds]
            operation["responses"].setdefault(str(status), _response(kinds, status))

    def _summarise(self, operation: dict[str, Any]) -> None:
        """The first sentence of the description apart, as lists of operations show it."""
        described = operation.get("description", "")
        queryset: Any = getattr(self.view, "queryset", None)
        if isinstance(self.view, RowView) and queryset is not None:
            meta = queryset.model._meta
            rows = meta.verbose_name_plural if meta.managed else f"`{meta.db_table}`"
            described = {
                Listed.list.__doc__: f"A page of {rows}.",
                Retrieved.retrieve.__doc__: f"One {meta.verbose_name}; 304 if it is unchanged.",
            }.get(described, described)
        operation["summary"] = _CLAUSE.split(described.partition("\n")[0], maxsplit=1)[0]
        operation["description"] = described

    def _statuses(self, operation: dict[str, Any]) -> Sequence[int]:
        statuses = {400, 406, 429, 500, 503}
        if self._permission() is not PUBLIC:
            statuses |= {401, 403}
        if "{" in self.path:
            statuses.add(404)
        if "requestBody" in operation:
            statuses |= {413, 415}
        if self.method != "GET":
            statuses.add(409)
        if self._matches():
            statuses |= {412, 428}
        if self._repeats():
            statuses.add(422)
        return sorted(statuses)

    def _add_rights(self, operation: dict[str, Any]) -> None:
        permission, scope = self._permission(), self._scope()
        if isinstance(permission, str | tuple):
            names = [permission] if isinstance(permission, str) else list(permission)
            operation["x-permission"] = names
        if isinstance(scope, str):
            operation["x-scope"] = scope
        operation["description"] = "\n\n".join(
            part for part in (operation.get("description", ""), _rights(permission, scope)) if part
        )


def _rights(permission: Any, scope: Any) -> str:
    if permission is None:
        return "Closed: it declares no permission."
    if permission is PUBLIC:
        return "Open to everybody."
    who = (
        "Open to everybody who is logged in"
        if isinstance(permission, Open)
        else "Needs the permission "
        + " or ".join(
            f"`{name}`" for name in ((permission,) if isinstance(permission, str) else permission)
        )
    )
    key = f"; a key, the scope `{scope}`" if isinstance(scope, str) else ""
    key = "; not for API keys" if scope is NO_KEY else key
    return f"{who}{key}."


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call] # no types in the package
    """Spectacular asks for one of each authentication class; the schemes stand in COMPONENTS."""

    target_class = "config.api.authentication.SessionCookieAuthentication"
    name = _SESSION

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        """As in the document's components."""
        scheme: dict[str, Any] = SECURITY_SCHEMES[_SESSION]
        return scheme


def order_document(result: dict[str, Any], **options: Any) -> dict[str, Any]:
    """A hook: adds the components, in an order that does not depend on which class came first."""
    components = result.setdefault("components", {})
    for kind, named in COMPONENTS.items():
        components.setdefault(kind, {}).update(named)
    components["securitySchemes"] = dict(SECURITY_SCHEMES)
    result["components"] = {kind: components[kind] for kind in sorted(components)}
    return result
