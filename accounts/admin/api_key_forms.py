"""The forms of API keys: what is said of a key when it is made, and what can be changed of it."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any, Final, TypedDict, cast

from django import forms
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.actions.api_keys import KeyNotAllowed
from accounts.admin.seen import SeenForm
from accounts.models import ApiKey
from config.api.scopes import SCOPES

# What is proposed; a key without an end is forgotten, and stays open.
USUAL_DAYS: Final = 90
_LARGEST_LIMIT: Final = 1_000_000


def scope_choices() -> list[tuple[str, SafeString]]:
    """Each scope with its sentence, those of one noun beside each other."""
    return [
        (
            name,
            format_html(
                '<span class="choice-name"><code>{}</code></span> <span class="note">{}</span>',
                name,
                SCOPES[name],
            ),
        )
        for name in sorted(SCOPES, key=lambda name: name.partition(":")[::-1])
    ]


class Values(TypedDict, total=False):
    """What both making and changing a key take."""

    name: str
    description: str
    networks: list[str]
    rate_limit_per_minute: int | None
    expires_at: datetime | None


class KeyForm(forms.Form):
    """What can be changed of a key."""

    name = forms.CharField(
        label="Name",
        max_length=ApiKey._meta.get_field("name").max_length,
        help_text="What the key is for: “Nightly report”.",
    )
    description = forms.CharField(
        label="Description (optional)",
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Where it is kept, and who looks after the program.",
    )
    ends_on = forms.DateField(
        label="Valid until the end of (optional)",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        input_formats=["%Y-%m-%d"],
        help_text="Without a day it is valid until somebody withdraws it.",
        error_messages={"invalid": "This is no day. Write it as 2026-11-21."},
    )
    rate_limit_per_minute = forms.IntegerField(
        label="Requests a minute at most (optional)",
        required=False,
        min_value=1,
        max_value=_LARGEST_LIMIT,
        help_text="Without a number there is no limit.",
    )
    networks = forms.CharField(
        label="Networks (optional)",
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "class": "is-code"}),
        help_text="From where it may be used, one a line: 192.0.2.0/24. Without any: everywhere.",
    )

    def clean_networks(self) -> list[str]:
        """The lines; what is no network is said by the action."""
        return str(self.cleaned_data["networks"]).replace(",", " ").split()

    def values(self) -> Values:
        """What the action is to set."""
        given = self.cleaned_data
        return Values(
            name=given["name"],
            description=given["description"],
            networks=given["networks"],
            rate_limit_per_minute=given["rate_limit_per_minute"],
            expires_at=end_of(given["ends_on"]),
        )

    def refuse(self, error: KeyNotAllowed) -> None:
        """Say beside each field what the action said of it."""
        for name, sentences in error.fields.items():
            field = "ends_on" if name == "expires_at" else name
            for sentence in sentences:
                self.add_error(field if field in self.fields else None, sentence)


class KeyChangeForm(SeenForm, KeyForm):
    """What is to be different: a day that was left as it was keeps its exact moment."""

    def values(self) -> Values:
        """What was written anew."""
        touched = {"expires_at" if name == "ends_on" else name for name in self.touched()}
        given = super().values().items()
        return cast("Values", {name: value for name, value in given if name in touched})


class NewKeyForm(KeyForm):
    """A key to be made: what it may do is chosen once."""

    scopes = forms.MultipleChoiceField(
        label="It may",
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one: a key without any reaches nothing."},
    )
    # Told apart from the same page sent twice, which must not make two keys.
    sheet = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)
    field_order = (
        "name",
        "scopes",
        "ends_on",
        "networks",
        "rate_limit_per_minute",
        "description",
        "sheet",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["scopes"].choices = scope_choices()  # type: ignore[attr-defined] # as declared


def new_values(sheet: str) -> dict[str, Any]:
    """What the form for a new key proposes."""
    ends_on = timezone.localdate() + timedelta(days=USUAL_DAYS)
    return {"ends_on": ends_on, "rate_limit_per_minute": 600, "sheet": sheet}


def values_of(key: ApiKey) -> dict[str, Any]:
    """What a key's form begins with."""
    return {
        "name": key.name,
        "description": key.description,
        "ends_on": key.expires_at and timezone.localdate(key.expires_at),
        "rate_limit_per_minute": key.rate_limit_per_minute,
        "networks": "\n".join(str(one) for one in key.ip_whitelist)
        if isinstance(key.ip_whitelist, list)
        else "",
    }


def end_of(day: date | None) -> datetime | None:
    """The last second of a day, in the zone of the site."""
    if day is None:
        return None
    return timezone.make_aware(datetime.combine(day, time(23, 59, 59)))
