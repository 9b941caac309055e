"""The door of the staff pages: coming in, in one step or two, going out, and one's own password."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import admin, auth
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import passwords
from accounts.actions import log_in, second_factor, sessions
from accounts.actions import passwords as own_password
from accounts.models import User
from accounts.pages.focus import focus
from audit.middleware import address
from config.admin.login import CodeForm, LoginForm, PasswordChangeForm
from config.admin.site import Page, add_page
from database.actor import acting_as_system

# So long a right password is worth something without the code that must follow.
PENDING_SECONDS: Final = 5 * 60
_PENDING: Final = "login_pending"

_NEXT: Final = "next"
_LATE: Final = "late"
LATE: Final = (
    "The time to type the code was over, or your account was changed meanwhile. Begin again with"
    " your password."
)


def register() -> None:
    """Put these pages in the place of the stock ones."""
    add_page(Page("login/", login, "login", public=True))
    add_page(Page("login/code/", code, "login_code", public=True))
    add_page(Page("logout/", logout, "logout", public=True))
    add_page(Page("password_change/", password_change, "password_change"))
    add_page(Page("password_change/done/", password_changed, "password_change_done"))


@dataclass(frozen=True, slots=True)
class _Answer:
    """How a page is answered that was refused for a while, or was not."""

    status: int = 200
    retry_after: int = 0


# --- Coming in ------------------------------------------------------------------------------------


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def login(request: HttpRequest) -> HttpResponse:
    """The first step: e-mail address and password."""
    if request.method == "GET" and _may_enter(request):
        return HttpResponseRedirect(next_page(request))
    form = LoginForm(request.POST if request.method == "POST" else None)
    answer = _Answer()
    if form.is_valid():
        try:
            return _first_step(request, form)
        except log_in.LoginRefused as error:
            form.add_error(None, str(error))
        except log_in.TooManyAttempts as error:
            form.add_error(None, str(error))
            answer = _wait(error)
    context = {"title": "Log in", "form": form, "notice": _notice(request)}
    return _page(request, "admin/login.html", context, answer)


@sensitive_variables("form")
def _first_step(request: HttpRequest, form: LoginForm) -> HttpResponse:
    given = form.cleaned_data
    user = log_in.check(given["username"], given["password"], address=address(request))
    if not user.is_staff:
        log_in.refused(user, "no_staff_role")
        raise log_in.LoginRefused(log_in.REFUSED)
    if not second_factor.is_on(user):
        return _enter(request, user, has_second_factor=False)
    _remember(request, user)
    return HttpResponseRedirect(_onwards("admin:login_code", request))


@never_cache
@sensitive_post_parameters("code")
@require_http_methods(["GET", "POST"])
def code(request: HttpRequest) -> HttpResponse:
    """The second step: a one-time code, or a recovery code."""
    user = _remembered(request)
    if user is None:
        request.session.pop(_PENDING, None)
        return HttpResponseRedirect(_onwards("admin:login", request, **{_LATE: "1"}))
    form = CodeForm(request.POST if request.method == "POST" else None)
    answer = _Answer()
    if form.is_valid():
        try:
            log_in.check_code(user, form.cleaned_data["code"], address=address(request))
            return _enter(request, user, has_second_factor=True)
        except log_in.LoginRefused as error:
            form.add_error("code", str(error))
        except log_in.TooManyAttempts as error:
            form.add_error(None, str(error))
            answer = _wait(error)
    context = {"title": "One-time code", "form": form}
    return _page(request, "registration/login_code.html", context, answer)


def _enter(request: HttpRequest, user: User, *, has_second_factor: bool) -> HttpResponse:
    """Begin the session, under a new key (ASVS 5.0 V7.2.4)."""
    request.session.pop(_PENDING, None)
    try:
        sessions.start_browser(request, user, has_second_factor=has_second_factor)
    except sessions.AccountChanged:
        raise log_in.LoginRefused(log_in.REFUSED) from None
    return HttpResponseRedirect(next_page(request))


# --- Between the steps ----------------------------------------------------------------------------


def _remember(request: HttpRequest, user: User) -> None:
    """Who gave the right password, and until when it counts: in a session under a new key."""
    auth.logout(request)  # whoever was here before
    request.session[_PENDING] = {
        "user": str(user.pk),
        "until": int(time.time()) + PENDING_SECONDS,
        "mark": _mark(user),
    }
    request.session.set_expiry(PENDING_SECONDS)


def _remembered(request: HttpRequest) -> User | None:
    """The person of the first step, while the time runs and their password is still that one."""
    pending = request.session.get(_PENDING)
    if pending is None or pending["until"] < time.time():
        return None
    with acting_as_system():  # nobody is logged in yet
        user = User.objects.filter(pk=UUID(pending["user"]), is_active=True).first()
    return user if user and constant_time_compare(pending["mark"], _mark(user)) else None


def _mark(user: User) -> str:
    """What changes with the person's password, and tells nothing of it."""
    made = salted_hmac("accounts.pages.login", f"{user.pk}:{user.password}", algorithm="sha256")
    return made.hexdigest()


# --- Going out ------------------------------------------------------------------------------------


@never_cache
@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    """End the session, in the browser and in the database."""
    auth.logout(request)
    return _page(request, "registration/logged_out.html", {"title": "Logged out"})


# --- One's own password ---------------------------------------------------------------------------


@never_cache
@sensitive_post_parameters("old_password", "new_password1", "new_password2")
@require_http_methods(["GET", "POST"])
def password_change(request: HttpRequest) -> HttpResponse:
    """A new password for whoever knows the old one; every other session of theirs ends."""
    form = PasswordChangeForm(request.POST if request.method == "POST" else None)
    form.fields["new_password1"].help_text = passwords.advice()
    answer = _Answer()
    if form.is_valid():
        try:
            return _change(request, form)
        except own_password.WeakPassword as error:
            form.add_error("new_password1", error.sentences)
        except log_in.LoginRefused as error:
            form.add_error("old_password", str(error))
        except own_password.ChangedMeanwhile as error:
            form.add_error(None, str(error))
        except log_in.TooManyAttempts as error:
            form.add_error(None, str(error))
            answer = _wait(error)
    context = {
        "title": "Change password",
        "purpose": "You stay logged in here; everywhere else you are logged out.",
        "form": form,
    }
    return _page(request, "accounts/password_change.html", context, answer)


@sensitive_variables("form", "given")
def _change(request: HttpRequest, form: PasswordChangeForm) -> HttpResponse:
    user = cast("User", request.user)
    session = getattr(request, "browser_session", None)
    given = form.cleaned_data
    own_password.change(
        user,
        given["old_password"],
        given["new_password1"],
        session_id=None if session is None else session.pk,
    )
    auth.update_session_auth_hash(request, user)
    return HttpResponseRedirect(reverse("admin:password_change_done"))


@never_cache
@require_safe
def password_changed(request: HttpRequest) -> HttpResponse:
    """The new password is in force."""
    return _page(request, "accounts/password_changed.html", {"title": "Your password is changed"})


# --- What the pages share -------------------------------------------------------------------------


def next_page(request: HttpRequest) -> str:
    """Where somebody wanted to go, if it is a path of ours; else the overview."""
    wanted = request.POST.get(_NEXT) or request.GET.get(_NEXT, "")
    is_own = wanted.startswith("/") and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    return wanted if is_own else reverse("admin:index")


def _onwards(name: str, request: HttpRequest, **more: str) -> str:
    """Another page of the door, which knows where to go afterwards."""
    return f"{reverse(name)}?{urlencode({_NEXT: next_page(request), **more})}"


def _may_enter(request: HttpRequest) -> bool:
    return admin.site.has_permission(request)


def _notice(request: HttpRequest) -> str:
    """Why somebody stands at the door again."""
    if request.user.is_authenticated and not _may_enter(request):
        return (
            f"You are logged in as {request.user}, whose role does not open these pages. Log in"
            " with another account, or ask an admin."
        )
    return LATE if request.method == "GET" and _LATE in request.GET else ""


def _wait(error: log_in.TooManyAttempts) -> _Answer:
    return _Answer(503 if isinstance(error, log_in.ServerBusy) else 429, error.retry_after)


def _page(
    request: HttpRequest, template: str, context: dict[str, Any], answer: _Answer | None = None
) -> TemplateResponse:
    answer = answer or _Answer()
    focus(context.get("form"))
    whole = {**admin.site.each_context(request), _NEXT: next_page(request), **context}
    response = TemplateResponse(request, template, whole, status=answer.status)
    if answer.retry_after:
        response["Retry-After"] = str(answer.retry_after)
    return response
