"""The forms at the door: what is typed to come in. What becomes of it is the accounts package's."""

from __future__ import annotations

from typing import Final

from django import forms

# Pages and mails show recovery codes in groups; nobody types more than this.
_LONGEST_CODE: Final = 100


class LoginForm(forms.Form):
    """E-mail address and password, each as it was typed."""

    username = forms.CharField(
        label="E-mail address",
        error_messages={"required": "Type your e-mail address."},
        widget=forms.TextInput(
            attrs={
                "autocomplete": "username",
                "autocapitalize": "none",
                "inputmode": "email",
                "spellcheck": "false",
                "autofocus": True,
            }
        ),
    )
    password = forms.CharField(
        label="Password",
        strip=False,
        error_messages={"required": "Type your password."},
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class CodeForm(forms.Form):
    """A one-time code, or a recovery code."""

    code = forms.CharField(
        label="Code",
        max_length=_LONGEST_CODE,
        error_messages={"required": "Type the code that your app shows."},
        help_text="Six digits from your app, or one of your recovery codes.",
        widget=forms.TextInput(
            attrs={
                "autocomplete": "one-time-code",
                "autocapitalize": "none",
                "spellcheck": "false",
                "autofocus": True,
            }
        ),
    )


class PasswordChangeForm(forms.Form):
    """The password until now, and the new one twice."""

    old_password = forms.CharField(
        label="Your password until now",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True}),
    )
    new_password1 = forms.CharField(
        label="New password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    new_password2 = forms.CharField(
        label="New password again",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean_new_password2(self) -> str:
        """The two must be alike."""
        again: str = self.cleaned_data["new_password2"]
        if again != self.cleaned_data.get("new_password1", again):
            raise forms.ValidationError("The two new passwords are not the same. Type them again.")
        return again
