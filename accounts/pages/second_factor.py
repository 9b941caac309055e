"""One's own second factor: setting it up step by step, recovery codes, turning it off."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, cast
from uuid import UUID

from django import forms
from django.contrib import admin, auth, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.actions import log_in, own_factor, second_factor
from accounts.models import User
from accounts.pages.focus import focus
from accounts.pages.links import page as door_page
from audit.middleware import address
from config.admin.registry import Panel, add_panel
from config.admin.site import Page, add_page

_LONGEST_CODE: Final = 100
# What the page calls the form with each prefix.
_SHOWN_AS: Final = {"begin": "begin", "new": "new_codes", "off": "turn_off"}
_GROUPS: Final = re.compile("(.{4})(?=.)")


def register() -> None:
    """Serve these pages, and warn on the overview when recovery codes run out."""
    add_page(Page("second_factor/", overview, "second_factor"))
    add_page(Page("second_factor/begin/", begin, "second_factor_begin"))
    add_page(Page("second_factor/set-up/", set_up, "second_factor_set_up"))
    add_page(Page("second_factor/codes/", new_codes, "second_factor_codes"))
    add_page(Page("second_factor/off/", turn_off, "second_factor_off"))
    add_panel(Panel("Recovery codes", order=1, permission=None, render=_few_codes))


def _code_field(label: str, help_text: str) -> forms.CharField:
    return forms.CharField(
        label=label,
        max_length=_LONGEST_CODE,
        help_text=help_text,
        error_messages={"required": "Type the code that your app shows."},
        widget=forms.TextInput(
            attrs={
                "autocomplete": "one-time-code",
                "autocapitalize": "none",
                "spellcheck": "false",
            }
        ),
    )


class FirstCodeForm(forms.Form):
    """The first code of a new secret."""

    code = _code_field("Code from the app", "Six digits, new every 30 seconds.")


class PasswordForm(forms.Form):
    """Proof that it is the person who begins."""

    password = forms.CharField(
        label="Your password",
        strip=False,
        error_messages={"required": "Type your password."},
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class ProofForm(PasswordForm):
    """Proof that it is the person who changes what is on."""

    code = _code_field("Code", "Six digits from your app, or a recovery code.")


# --- How it stands --------------------------------------------------------------------------------


@never_cache
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """Whether it is on, and what can be done."""
    return _overview(request)


def _overview(
    request: HttpRequest,
    *,
    form: forms.Form | None = None,
    refused: log_in.TooManyAttempts | None = None,
) -> TemplateResponse:
    context = {
        "title": "One-time codes",
        "purpose": "A second proof that it is you: your password alone lets nobody in.",
        "status": second_factor.status(_person(request)),
        "begin": PasswordForm(prefix="begin"),
        "new_codes": ProofForm(prefix="new"),
        "turn_off": ProofForm(prefix="off"),
        "has_errors": form is not None,
    }
    if form is not None:
        focus(form)
        context[_SHOWN_AS[str(form.prefix)]] = form
    response = _page(request, "accounts/second_factor.html", context)
    if refused is not None:
        busy = isinstance(refused, log_in.ServerBusy)
        response.status_code = 503 if busy else 429
        response["Retry-After"] = str(refused.retry_after)
    return response


def _few_codes(request: HttpRequest) -> SafeString:
    """The overview's warning, for who has few recovery codes left."""
    status = second_factor.status(_person(request))
    if not status.has_few_codes:
        return mark_safe("")
    return render_to_string("accounts/few_codes.html", {"left": status.codes_left})


# --- Setting up -----------------------------------------------------------------------------------


@never_cache
@sensitive_post_parameters("begin-password")
@require_POST
def begin(request: HttpRequest) -> HttpResponse:
    """Make a secret for the password, and go on to where it is shown."""
    form = PasswordForm(request.POST, prefix="begin")

    def do(given: dict[str, Any]) -> HttpResponse:
        own_factor.begin(_person(request), password=given["password"])
        return HttpResponseRedirect(reverse("admin:second_factor_set_up"))

    return _proved(request, form, do)


@never_cache
@sensitive_variables("enrolment", "context", "codes")
@require_http_methods(["GET", "POST"])
def set_up(request: HttpRequest) -> HttpResponse:
    """Show the secret, and take its first code; the recovery codes come with the answer."""
    user = _person(request)
    form = FirstCodeForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            codes = second_factor.confirm(
                user, form.cleaned_data["code"], session_id=_session_id(request)
            )
        except second_factor.WrongCode as error:
            form.add_error("code", str(error))
        except second_factor.NothingToConfirm as error:
            return _back(request, str(error))
        else:
            return _show_codes(request, codes, is_new=True)
    focus(form)
    enrolment = second_factor.pending(user)
    if enrolment is None:
        return HttpResponseRedirect(reverse("admin:second_factor"))
    context = {
        "title": "Set up one-time codes",
        "purpose": "Three steps, about two minutes. You need a phone, or an app on this computer.",
        "form": form,
        "uri": enrolment.uri,
        "secret": _GROUPS.sub(r"\1 ", enrolment.secret),
        "picture": mark_safe(enrolment.svg),  # noqa: S308 - made of numbers
    }
    return _page(request, "accounts/second_factor_set_up.html", context)


@sensitive_variables("codes", "context")
def _show_codes(request: HttpRequest, codes: list[str], *, is_new: bool) -> HttpResponse:
    context = {
        "title": "Your recovery codes",
        "purpose": "Each logs you in once without your phone. They are shown now and never again.",
        "codes": codes,
        "is_new": is_new,
        "account": _person(request).email,
    }
    return _page(request, "accounts/recovery_codes.html", context)


# --- Changing -------------------------------------------------------------------------------------


@never_cache
@sensitive_post_parameters("new-password", "new-code")
@require_POST
def new_codes(request: HttpRequest) -> HttpResponse:
    """New recovery codes, for password and code."""

    @sensitive_variables("codes", "given")
    def do(given: dict[str, Any]) -> HttpResponse:
        codes = own_factor.new_recovery_codes(_person(request), address=address(request), **given)
        return _show_codes(request, codes, is_new=False)

    return _proved(request, ProofForm(request.POST, prefix="new"), do)


@never_cache
@sensitive_post_parameters("off-password", "off-code")
@require_POST
def turn_off(request: HttpRequest) -> HttpResponse:
    """Turn it off, for password and code; the person is logged out everywhere."""

    @sensitive_variables("given")
    def do(given: dict[str, Any]) -> HttpResponse:
        own_factor.turn_off(_person(request), address=address(request), **given)
        auth.logout(request)  # the session has ended with all others
        return door_page(
            request, "accounts/second_factor_off.html", {"title": "One-time codes are off"}
        )

    return _proved(request, ProofForm(request.POST, prefix="off"), do)


def _proved(
    request: HttpRequest, form: forms.Form, do: Callable[[dict[str, Any]], HttpResponse]
) -> HttpResponse:
    """Do it with what was typed; or the page again, which says what was wrong with it."""
    refused = None
    if form.is_valid():
        try:
            return do(form.cleaned_data)
        except (second_factor.NotOn, second_factor.AlreadyOn) as error:
            return _back(request, str(error))
        except log_in.LoginRefused as error:
            form.add_error("code" if str(error) == log_in.CODE_REFUSED else "password", str(error))
        except log_in.TooManyAttempts as error:
            form.add_error(None, str(error))
            refused = error
    return _overview(request, form=form, refused=refused)


# --- What the pages share -------------------------------------------------------------------------


def _person(request: HttpRequest) -> User:
    return cast("User", request.user)


def _session_id(request: HttpRequest) -> UUID | None:
    session = getattr(request, "browser_session", None)
    return None if session is None else session.pk


def _back(request: HttpRequest, sentence: str) -> HttpResponse:
    messages.warning(request, sentence)
    return HttpResponseRedirect(reverse("admin:second_factor"))


def _page(request: HttpRequest, template: str, context: dict[str, Any]) -> TemplateResponse:
    return TemplateResponse(request, template, {**admin.site.each_context(request), **context})
