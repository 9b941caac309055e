"""Forms that change what somebody else may have changed since they were opened.

A form posts every field, also those that nobody touched: saved as they are, they would take back
what another person has changed meanwhile. So the form carries what it showed. What was left as it
was shown is not changed, and what both have changed is asked once more.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any, Final, cast

from django import forms
from django.http import QueryDict

_FIELD: Final = "seen"


class SeenForm(forms.Form):
    """A form of a row's present values, which are its ``initial``.

    ``touched()`` names what is to be changed, once the form is valid. Without the hidden field, as
    from a program, all that differs from the present values is.
    """

    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: QueryDict | None, *, initial: Mapping[str, Any]) -> None:
        now = {name: _text(value) for name, value in initial.items()}
        super().__init__(data, initial={**initial, _FIELD: json.dumps(now)})
        self._now = now

    def clean(self) -> dict[str, Any]:
        """Refuse what somebody else has changed since, unless both want the same."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        taken = [
            name
            for name in self._changed_from(self._shown())
            if self._shown()[name] != self._now[name] and self._differs(name, self._now[name])
        ]
        for name in taken:
            said = f"Somebody else changed this meanwhile: now it is {self._in_words(name)}."
            self.add_error(name, f"{said} Save once more if yours is to stand.")
        if taken:  # the page that says so shows what stands now
            again = cast("QueryDict", self.data).copy()
            again[self.add_prefix(_FIELD)] = json.dumps(self._now)
            self.data = again
        return cleaned

    def touched(self) -> list[str]:
        """The fields in which something else was written than the page showed."""
        return [
            name
            for name in self._changed_from(self._shown())
            if self._differs(name, self._now[name])
        ]

    def _in_words(self, name: str) -> str:
        now = self._now[name]
        if isinstance(self.fields[name], forms.BooleanField):
            return "ticked" if now else "not ticked"
        return f"“{now}”" if now else "empty"

    def _changed_from(self, shown: Mapping[str, str]) -> list[str]:
        return [name for name in shown if self._differs(name, shown[name])]

    def _shown(self) -> dict[str, str]:
        """What the page showed; where it does not say so, what stands now."""
        try:
            told = json.loads(self.data.get(self.add_prefix(_FIELD), ""))
        except ValueError:
            told = {}
        known = told if isinstance(told, dict) else {}
        names = [name for name in self.fields if name in self._now]
        return {name: str(known.get(name, self._now[name])) for name in names}

    def _differs(self, name: str, value: str) -> bool:
        """Whether the field was filled in otherwise than with the value."""
        field = self.fields[name]
        data = field.widget.value_from_datadict(self.data, self.files, self.add_prefix(name))
        try:
            return bool(_plain(field.to_python(data)) != _plain(field.to_python(value)))
        except forms.ValidationError:
            return True


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "True" if value else ""
    if value is None:
        return ""
    return value.isoformat() if isinstance(value, date) else str(value)


def _plain(value: object) -> object:
    """Browsers send other ends of lines than they were given."""
    return value.replace("\r\n", "\n") if isinstance(value, str) else value
