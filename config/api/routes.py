"""Every address of the API with what it does, for the check, the index and the tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from config.api.permissions import Open, Permission, Scope, declared

_PREFIX = "api/"


@dataclass(frozen=True)
class Route:
    """One method of one address."""

    path: str
    method: str
    view: Any  # the class
    action: str
    name: str | None

    @property
    def permission(self) -> Permission | None:
        """What the view declares for the action."""
        permission: Permission | None = declared(self.view, "permission", self.action)
        return permission

    @property
    def scope(self) -> Scope | None:
        """The scope that a key needs."""
        scope: Scope | None = declared(self.view, "scope", self.action)
        return scope

    def missing(self) -> list[str]:
        """What the view should declare and does not."""
        missing = [] if self.permission is not None else ["permission"]
        if self.scope is None and self.permission is not Open.PUBLIC:
            missing.append("scope")
        return missing


def api_routes(urlconf: str | None = None) -> Iterator[Route]:
    """All of ``/api/`` that is answered by a view of the API."""
    for path, pattern in _patterns(get_resolver(urlconf).url_patterns):
        if not path.startswith(_PREFIX):
            continue
        view = getattr(pattern.callback, "cls", None) or getattr(
            pattern.callback, "view_class", None
        )
        if view is not None:
            for method, action in _actions(pattern, view).items():
                yield Route(f"/{path}", method, view, action, pattern.name)


def _patterns(
    patterns: Sequence[URLPattern | URLResolver], prefix: str = ""
) -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _patterns(pattern.url_patterns, path)
        else:
            yield path, pattern


def _actions(pattern: URLPattern, view: Any) -> dict[str, str]:
    mapped: Mapping[str, str] | None = getattr(pattern.callback, "actions", None)
    if mapped is not None:
        return {method.upper(): action for method, action in mapped.items() if method != "head"}
    methods = [method for method in view.http_method_names if method not in {"head", "options"}]
    return {method.upper(): method for method in methods if hasattr(view, method)}
