"""What the pages behind a link from a mail share.

The token stands in the address of the first request alone: that one keeps its hash in a session
with a new key, and leads on to an address without it. So no other site or page learns it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts import link_tokens
from accounts.pages.focus import focus

# Whoever is logged in keeps their session's length; else it is gone after so many seconds.
_KEPT_SECONDS: Final = 3600


def follow(request: HttpRequest, token: str, *, kept_as: str, onwards: str) -> HttpResponse:
    """Keep the token's hash, and lead on to the page ``onwards``, whatever the token opens."""
    request.session.pop(kept_as, None)
    if link_tokens.is_token(token):
        # A new key: whoever planted the old one in this browser does not get what the link opens.
        request.session.cycle_key()
        if not request.user.is_authenticated:
            request.session.set_expiry(_KEPT_SECONDS)
        request.session[kept_as] = link_tokens.digest(token)
    response = HttpResponseRedirect(reverse(onwards))
    response["Referrer-Policy"] = "no-referrer"
    return response


def kept(request: HttpRequest, kept_as: str) -> str:
    """The hash that ``follow`` has kept, or an empty string."""
    return str(request.session.get(kept_as, ""))


def page(
    request: HttpRequest, template: str, context: Mapping[str, Any], *, status: int = 200
) -> TemplateResponse:
    """A page in the look of the door."""
    focus(context.get("form"))
    whole = {**admin.site.each_context(request), **context}
    return TemplateResponse(request, template, whole, status=status)


def dead_link(request: HttpRequest, *, what_helps: str, is_reset: bool = False) -> HttpResponse:
    """The same calm page for links that are unknown, used, expired or withdrawn.

    ``is_reset``  they can ask for another link by themselves
    """
    context = {
        "title": "This link does not work",
        "what_helps": what_helps,
        "is_reset": is_reset,
    }
    return page(request, "accounts/dead_link.html", context)


class NewPasswordForm(forms.Form):
    """A new password, twice."""

    new_password1 = forms.CharField(
        label="New password",
        strip=False,
        error_messages={"required": "Type a password."},
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    new_password2 = forms.CharField(
        label="New password again",
        strip=False,
        error_messages={"required": "Type the password again."},
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean_new_password2(self) -> str:
        """The two must be alike."""
        again: str = self.cleaned_data["new_password2"]
        if again != self.cleaned_data.get("new_password1", again):
            raise forms.ValidationError("The two passwords are not the same. Type them again.")
        return again
