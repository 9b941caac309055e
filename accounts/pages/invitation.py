"""The pages for somebody who was invited: choose a name and a password, then log in."""

from __future__ import annotations

from typing import Final

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_safe

from accounts import passwords
from accounts.actions import invitations
from accounts.actions.passwords import WeakPassword
from accounts.link_tokens import DeadLink
from accounts.models import Invitation
from accounts.pages.links import NewPasswordForm, dead_link, follow, kept, page
from config.admin.site import Page, add_page

_KEPT_AS: Final = "invitation"
_WHAT_HELPS: Final = (
    "Invitations work once, for seven days. If you have an account already, log in; else ask"
    " whoever invited you to send the invitation again."
)


def register() -> None:
    """Serve these pages."""
    add_page(Page("invitation/link/<str:token>/", link, "invitation", public=True))
    add_page(Page("invitation/", accept, "invitation_accept", public=True))
    add_page(Page("invitation/done/", done, "invitation_done", public=True))


class AcceptForm(NewPasswordForm):
    """Name and password of somebody new."""

    full_name = forms.CharField(
        label="Your name",
        max_length=255,
        error_messages={"required": "Type your name, as the others are to see it."},
        widget=forms.TextInput(attrs={"autocomplete": "name", "autofocus": True}),
    )
    field_order = ("full_name", "new_password1", "new_password2")


@never_cache
@require_safe
def link(request: HttpRequest, token: str) -> HttpResponse:
    """Where the link from the mail leads."""
    return follow(request, token, kept_as=_KEPT_AS, onwards="admin:invitation_accept")


@never_cache
@sensitive_post_parameters("new_password1", "new_password2")
@require_http_methods(["GET", "POST"])
def accept(request: HttpRequest) -> HttpResponse:
    """Become a person here."""
    invitation = invitations.find_kept(kept(request, _KEPT_AS))
    if invitation is None:
        return dead_link(request, what_helps=_WHAT_HELPS)
    form = AcceptForm(request.POST if request.method == "POST" else None)
    form.fields["new_password1"].label = "Password"
    form.fields["new_password1"].help_text = passwords.advice()
    form.fields["new_password2"].label = "Password again"
    if form.is_valid():
        try:
            return _become(request, invitation, form)
        except WeakPassword as error:
            form.add_error("new_password1", error.sentences)
        except ValidationError as error:
            form.add_error(None, error)
        except DeadLink:
            return dead_link(request, what_helps=_WHAT_HELPS)
    context = {"title": "Welcome to Lacuna", "form": form, "invitation": invitation}
    return page(request, "accounts/invitation.html", context)


@sensitive_variables("form", "given")
def _become(request: HttpRequest, invitation: Invitation, form: AcceptForm) -> HttpResponse:
    given = form.cleaned_data
    invitations.accept(invitation, full_name=given["full_name"], password=given["new_password1"])
    request.session.pop(_KEPT_AS, None)
    return HttpResponseRedirect(reverse("admin:invitation_done"))


@never_cache
@require_safe
def done(request: HttpRequest) -> HttpResponse:
    """The account is ready."""
    return page(request, "accounts/invitation_done.html", {"title": "Your account is ready"})
