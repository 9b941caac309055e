"""The form in which a key is entered; it never shows one again."""

from __future__ import annotations

from collections.abc import Callable

from django import forms
from django.views.decorators.debug import sensitive_variables

from providers.errors import KeyNotTested, ProvidersError


class KeyForm(forms.Form):
    """A key, and whether to store it although it cannot be tested."""

    key = forms.CharField(
        max_length=600,
        widget=forms.PasswordInput(
            render_value=False, attrs={"autocomplete": "off", "spellcheck": "false"}
        ),
        help_text="Copy it from the provider's page. It is tested now, and is not billed for that.",
    )
    even_untested = forms.BooleanField(
        label="Store it although the provider cannot be asked now", required=False
    )


@sensitive_variables("key")
def entered(form: KeyForm, enter: Callable[[str, bool], object]) -> bool:
    """Whether the key was stored; else the form says why not."""
    key = form.cleaned_data["key"]
    try:
        enter(key, form.cleaned_data["even_untested"])
    except KeyNotTested as error:
        form.add_error("even_untested", str(error))
    except ProvidersError as error:
        form.add_error("key", str(error))
    else:
        return True
    return False
