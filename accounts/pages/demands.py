"""What a person has to do before anything else: set up a second factor, renew an old password."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template import engines
from django.urls import reverse
from django.utils import timezone

from accounts import passwords
from accounts.actions import second_factor
from accounts.models import User

Respond = Callable[[HttpRequest], HttpResponseBase]

# What must be reached all the same, by how the names of the pages begin.
_OPEN: Final = ("login", "logout", "password", "second_factor", "invitation", "jsi18n")

_BUSY_PAGE: Final = """{% extends "lacuna/standalone.html" %}
{% block title %}Busy{% endblock %}
{% block body %}
<h1>Too many people log in at this moment</h1>
<p class="purpose">Nothing was changed. Wait some seconds and try again.</p>
<p><a class="btn is-primary" href="">Try again</a></p>
{% endblock %}
"""


class DemandsMiddleware:
    """Leads staff who lack what is demanded of them to where they get it."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        """None, unless something else comes first."""
        match = request.resolver_match
        if match is None or match.namespace != "admin" or not request.user.is_authenticated:
            return None
        if (match.url_name or "").startswith(_OPEN):
            return None
        session = getattr(request, "browser_session", None)
        demanded = demand(
            request.user, has_second_factor=bool(session and session.has_second_factor)
        )
        return None if demanded is None else HttpResponseRedirect(reverse(demanded))

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """No slot came free to hash a password: to be tried again, not a fault."""
        if not isinstance(exception, passwords.HashingBusy):
            return None
        response = HttpResponse(engines["django"].from_string(_BUSY_PAGE).render(), status=503)
        response["Retry-After"] = str(exception.retry_after)
        response["Cache-Control"] = "no-store"
        return response


def demand(user: User, *, has_second_factor: bool = False) -> str | None:
    """The name of the page where the person gets what they lack; None if they lack nothing.

    ``has_second_factor``  a code was given for the session, which need not be asked about again
    """
    if not user.is_staff:
        return None
    if is_password_old(user):
        return "admin:password_change"
    if has_second_factor or not second_factor.is_demanded(user) or second_factor.is_on(user):
        return None
    return "admin:second_factor"


def is_password_old(user: User) -> bool:
    """Whether it must be changed, where PASSWORD_MAX_AGE_DAYS says so (by default never)."""
    days = settings.PASSWORD_MAX_AGE_DAYS
    if not days:
        return False
    since = user.password_changed_at or user.created_at
    return since < timezone.now() - timedelta(days=days)
