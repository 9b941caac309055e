"""What the log says, for tests that ask."""

from __future__ import annotations

from django.db import connection

from audit.models import Entry


def entries(noun: str | None = None) -> list[Entry]:
    """The entries in order; of one noun alone, if it is named."""
    found = Entry.objects.order_by("id")
    return list(found if noun is None else found.filter(resource_type=noun))


def actions(noun: str | None = None) -> list[str]:
    """Their actions."""
    return [entry.action for entry in entries(noun)]


def only(noun: str | None = None) -> Entry:
    """The one entry there is."""
    (found,) = entries(noun)
    return found


def everything() -> str:
    """All that the log holds, personal data too, as one text."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(string_agg(l::text || coalesce(p.data, ''), chr(10)), '')"
            " FROM audits.audit_log l LEFT JOIN audits.audit_personal p USING (entry_id)"
        )
        text: str = cursor.fetchone()[0]
    return text
