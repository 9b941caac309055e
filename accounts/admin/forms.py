"""The forms about people: names, roles, passwords, invitations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from django import forms
from django.contrib.auth.forms import AdminUserCreationForm
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts import passwords
from accounts.admin.seen import SeenForm
from accounts.admin.shown import ROLES
from accounts.models import Invitation, User
from accounts.roles import Role

if TYPE_CHECKING:
    _CreationForm = AdminUserCreationForm[User]
else:
    _CreationForm = AdminUserCreationForm

_LONGEST: Final = 255
_NOT_THE_SAME: Final = "The two passwords are not the same. Type them again."


def role_choices() -> list[tuple[str, SafeString]]:
    """Each role with what it is for."""
    return [
        (
            str(role),
            format_html(
                '<span class="choice-name">{}</span> <span class="note">{}</span>',
                role.label,
                ROLES[role],
            ),
        )
        for role in Role
    ]


class PersonCreationForm(_CreationForm):
    """A new person, with a password or without one."""

    usable_password = forms.ChoiceField(
        label="Give a password now",
        required=False,
        initial="true",
        choices={"true": "Yes", "false": "No"},
        widget=forms.RadioSelect,
        help_text="Without one the person cannot log in until they get a link or a password.",
    )
    field_order = ("email", "full_name", "role", "usable_password", "password1", "password2")

    class Meta:
        model = User
        fields = ("email", "full_name", "role")
        field_classes: ClassVar[dict[str, type[forms.Field]]] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.error_messages = {"password_mismatch": _NOT_THE_SAME}
        self.fields["email"].widget.attrs["autocomplete"] = "off"
        self.fields["full_name"].label = "Full name (optional)"
        self.fields["role"] = forms.ChoiceField(
            label="Role", widget=forms.RadioSelect, choices=role_choices(), initial=Role.VIEWER
        )
        self.order_fields(self.field_order)
        self.fields["password1"].help_text = passwords.advice()
        self.fields["password1"].error_messages["required"] = "Type a password."
        self.fields["password2"].label = "Password again"
        self.fields["password2"].help_text = ""
        self.fields["password2"].error_messages["required"] = "Type the password again."

    def validate_password_for_user(self, user: User, **kwargs: Any) -> None:
        """What is wrong with a password is said where it was typed first."""
        super().validate_password_for_user(user, **{"password_field_name": "password1"} | kwargs)


class PersonForm(SeenForm):
    """How a person is called and reached; role and access have pages of their own."""

    full_name = forms.CharField(label="Full name (optional)", max_length=_LONGEST, required=False)
    email = forms.EmailField(label="E-mail address", max_length=_LONGEST)
    is_email_verified = forms.BooleanField(
        label="The address is known to reach them",
        required=False,
        help_text="Another address counts as not verified until it is ticked anew.",
    )


class NameForm(forms.Form):
    """One's own name."""

    full_name = forms.CharField(
        label="Your name",
        max_length=_LONGEST,
        help_text="As colleagues see it beside what you do.",
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )


class RoleForm(forms.Form):
    """Another role."""

    role = forms.ChoiceField(label="Role", widget=forms.RadioSelect)

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type] # handed through
        self.fields["role"].choices = role_choices()  # type: ignore[attr-defined] # a ChoiceField


class PasswordForm(forms.Form):
    """A password for somebody else, twice."""

    password1 = forms.CharField(
        label="New password",
        strip=False,
        error_messages={"required": "Type a password."},
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    password2 = forms.CharField(
        label="New password again",
        strip=False,
        error_messages={"required": "Type the password again."},
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean_password2(self) -> str:
        """The two must be alike."""
        again: str = self.cleaned_data["password2"]
        if again != self.cleaned_data.get("password1", again):
            raise forms.ValidationError(_NOT_THE_SAME)
        return again


class InvitationForm(RoleForm):
    """Who is invited, and to what."""

    email = forms.EmailField(
        label="E-mail address",
        max_length=Invitation._meta.get_field("email").max_length,
        help_text="The link goes there and nowhere else.",
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    field_order = ("email", "role")
