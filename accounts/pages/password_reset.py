"""The pages for a forgotten password: asking for a link, and setting a new one with it."""

from __future__ import annotations

from typing import Final

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_safe

from accounts import passwords
from accounts.actions import log_in, password_resets
from accounts.actions.passwords import WeakPassword
from accounts.link_tokens import DeadLink
from accounts.models import PasswordReset
from accounts.pages.links import NewPasswordForm, dead_link, follow, kept, page
from audit.middleware import address
from config.admin.site import Page, add_page

_KEPT_AS: Final = "password_reset"
_WHAT_HELPS: Final = "Links to a new password work once, for an hour, and only the newest one does."


def register() -> None:
    """Serve these pages."""
    add_page(Page("password_reset/", ask, "password_reset", public=True))
    add_page(Page("password_reset/sent/", sent, "password_reset_sent", public=True))
    add_page(Page("password_reset/link/<str:token>/", link, "password_reset_link", public=True))
    add_page(Page("password_reset/new/", new_password, "password_reset_new", public=True))
    add_page(Page("password_reset/done/", done, "password_reset_done", public=True))


class AskForm(forms.Form):
    """Whose password is forgotten."""

    email = forms.EmailField(
        label="E-mail address",
        max_length=255,
        error_messages={
            "required": "Type your e-mail address.",
            "invalid": "This is not an e-mail address. It looks like ada@example.org.",
        },
        widget=forms.EmailInput(
            attrs={
                "autocomplete": "username",
                "autocapitalize": "none",
                "spellcheck": "false",
                "autofocus": True,
            }
        ),
    )


@never_cache
@require_http_methods(["GET", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """Ask for a link; the answer is the same whether or not anybody has the address."""
    form = AskForm(request.POST if request.method == "POST" else None)
    status, wait = 200, 0
    if form.is_valid():
        try:
            password_resets.request(form.cleaned_data["email"], address=address(request))
        except log_in.TooManyAttempts as error:
            form.add_error(None, str(error))
            status, wait = 429, error.retry_after
        else:
            return HttpResponseRedirect(reverse("admin:password_reset_sent"))
    context = {"title": "Forgotten password", "form": form}
    response = page(request, "accounts/password_reset.html", context, status=status)
    if wait:
        response["Retry-After"] = str(wait)
    return response


@never_cache
@require_safe
def sent(request: HttpRequest) -> HttpResponse:
    """What happens now."""
    context = {"title": "Look into your mail", "most": password_resets.MOST_PER_EMAIL}
    return page(request, "accounts/password_reset_sent.html", context)


@never_cache
@require_safe
def link(request: HttpRequest, token: str) -> HttpResponse:
    """Where the link from the mail leads."""
    return follow(request, token, kept_as=_KEPT_AS, onwards="admin:password_reset_new")


@never_cache
@sensitive_post_parameters("new_password1", "new_password2")
@require_http_methods(["GET", "POST"])
def new_password(request: HttpRequest) -> HttpResponse:
    """Set the new password."""
    reset = password_resets.find_kept(kept(request, _KEPT_AS))
    if reset is None:
        return dead_link(request, what_helps=_WHAT_HELPS, is_reset=True)
    form = NewPasswordForm(request.POST if request.method == "POST" else None)
    form.fields["new_password1"].help_text = passwords.advice()
    if form.is_valid():
        try:
            return _use(request, reset, form)
        except WeakPassword as error:
            form.add_error("new_password1", error.sentences)
        except DeadLink:
            return dead_link(request, what_helps=_WHAT_HELPS, is_reset=True)
    context = {"title": "New password", "form": form, "email": reset.user.email}
    return page(request, "accounts/password_reset_new.html", context)


@sensitive_variables("form")
def _use(request: HttpRequest, reset: PasswordReset, form: NewPasswordForm) -> HttpResponse:
    password_resets.use(reset, form.cleaned_data["new_password1"])
    request.session.flush()  # if it was this person's, it has ended
    return HttpResponseRedirect(reverse("admin:password_reset_done"))


@never_cache
@require_safe
def done(request: HttpRequest) -> HttpResponse:
    """The new password is in force."""
    return page(request, "accounts/password_reset_done.html", {"title": "Your password is set"})
