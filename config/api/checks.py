"""What ``manage.py check`` says about the API."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, register

from config.api.permissions import Open
from config.api.routes import Route, api_routes
from config.api.scopes import SCOPES


@register("api")
def every_endpoint_declares_its_rights(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """E001 for a missing permission or scope, E002 for a scope that is not declared anywhere."""
    found: list[CheckMessage] = []
    for route in api_routes():
        found += _about(route)
    return found


def _about(route: Route) -> list[CheckMessage]:
    where = f"{route.method} {route.path} ({route.view.__name__}.{route.action})"
    if missing := route.missing():
        return [
            Error(
                f"{where} declares no {' and no '.join(missing)}.",
                hint="See config.api.permissions; PUBLIC, LOGGED_IN and NO_KEY say it in words.",
                id="api.E001",
            )
        ]
    if not isinstance(route.scope, Open | None) and route.scope not in SCOPES:
        return [
            Error(f"{where} names the scope {route.scope}, which is not declared.", id="api.E002")
        ]
    return []
