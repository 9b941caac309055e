"""Erasing personal data from entries: what is asked first, and the one statement that does it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from django import forms
from django.db import connection, transaction

# One request should not hold the table for long; whole ranges are erased by an operator.
MOST: Final = 10_000
_COUNT: Final = "SELECT count(*) FROM audits.audit_personal WHERE entry_id = ANY(%s)"
_ERASE: Final = "SELECT audits.erase_personal(%s, %s)"


class EraseForm(forms.Form):
    """Why, in a sentence that stays in the log for ever."""

    reason = forms.CharField(
        label="Why?",
        label_suffix="",
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3, "autofocus": True}),
        help_text="Stays in the log for ever: name the request or the rule, not the person.",
        error_messages={"required": "Say why: the log keeps the reason with the erasure."},
    )


def with_personal_data(entries: Sequence[UUID]) -> int:
    """From how many of these entries something can be erased."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [list(entries)])
        (count,) = cursor.fetchone()
    return int(count)


def erase(entries: Sequence[UUID], reason: str) -> int:
    """Erase for good and record that, in one transaction; from how many entries.

    The commitments stay, so every proof stays.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_ERASE, [list(entries), reason])
        (count,) = cursor.fetchone()
    return int(count)
