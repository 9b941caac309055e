"""Who may do what: every action names the permission of a role and the scope of a key.

A view says so for each of its actions (``list``, ``retrieve``, ``create``, … in a view set, the
method in small letters in a plain view), or once for all::

    permission = {"list": "imaging.view_image", "create": "imaging.add_image"}
    scope = {"list": "read:images", "create": "write:images"}

An action that names neither is refused to everybody, and a check and a test find it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

import structlog
from rest_framework.exceptions import MethodNotAllowed, NotAuthenticated, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from config.api.errors import ScopeMissing

log = structlog.get_logger(__name__)


class Open(Enum):
    """Declarations that are no permission or scope of their own."""

    PUBLIC = "public"  # anybody, logged in or not: logging in, resetting a password
    LOGGED_IN = "logged in"  # every person who is known, whatever the role: one's own account
    NO_KEY = "no key"  # persons alone: what an API key must never do, such as making keys


PUBLIC: Final = Open.PUBLIC
LOGGED_IN: Final = Open.LOGGED_IN
NO_KEY: Final = Open.NO_KEY

# One permission, or several of which one is needed.
Permission = str | tuple[str, ...] | Open
Scope = str | Open


def action_of(view: Any, method: str) -> str | None:
    """The name under which the view declares what it does for the method; None if nothing."""
    name = method.lower()
    if name not in view.http_method_names:
        return None
    mapped: Mapping[str, str] | None = getattr(view, "action_map", None)
    if mapped is not None:  # None in a plain view of which the schema is made
        return mapped.get(name)
    name = "get" if name == "head" else name
    return name if hasattr(view, name) else None


def declared(view: Any, attribute: str, action: str) -> Any:
    """What the view declares under ``permission`` or ``scope`` for the action, or None."""
    value = getattr(view, attribute, None)
    return value.get(action) if isinstance(value, Mapping) else value


class Declared(BasePermission):
    """Lets through whom the view's declarations let through, and nobody else."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """True, or an exception that says what is missing."""
        action = action_of(view, request.method or "")
        if action is None:
            raise MethodNotAllowed(request.method or "")
        permission = declared(view, "permission", action)
        if permission is PUBLIC:
            return True
        if not request.user or not request.user.is_authenticated:
            raise NotAuthenticated("Log in, or send an access token or an API key.")
        if permission is None:
            log.error("an endpoint declares no permission", view=type(view).__name__, action=action)
            raise PermissionDenied("This endpoint is closed.")
        _require_scope(request, declared(view, "scope", action))
        if permission is not LOGGED_IN and not may(request, permission):
            raise PermissionDenied(f"Your role lacks the permission {_named(permission)}.")
        return True


def may(request: Request, permission: Permission) -> bool:
    """Whether the caller's role gives the permission, or one of several."""
    if isinstance(permission, Open):
        return permission is PUBLIC or bool(request.user and request.user.is_authenticated)
    names = (permission,) if isinstance(permission, str) else permission
    return any(request.user.has_perm(name) for name in names)


def reaches(request: Request, scope: Scope | None) -> bool:
    """Whether what the caller came with reaches the scope; only an API key may fall short of it."""
    scopes: frozenset[str] | None = getattr(request.auth, "scopes", None)
    return scopes is None or (isinstance(scope, str) and scope in scopes)


def _require_scope(request: Request, scope: Scope | None) -> None:
    if reaches(request, scope):
        return
    if isinstance(scope, str):
        raise ScopeMissing(f"The API key lacks the scope {scope}.")
    raise ScopeMissing("This endpoint cannot be reached with an API key. Log in instead.")


def _named(permission: Permission) -> str:
    return " or ".join(permission) if isinstance(permission, tuple) else str(permission)
