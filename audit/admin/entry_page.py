"""What stands on the page of one entry."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from audit import people
from audit.admin import proof, shown
from audit.admin.differences import Difference, differences
from audit.admin.differences import shown as value_shown
from audit.admin.links import by_search
from audit.admin.proof import Proof
from audit.admin.shown import Shown, list_url, visible
from audit.models import Entry
from config.admin.formats import duration, number

# How circumstances are called that stand in every entry's payload; others by their own name.
_NAMES: Final[Mapping[str, str]] = {"application": "Program"}
_ELSEWHERE: Final = {"changes", "details", "error", "source", "request_id", "job_id"}


@dataclass(frozen=True, slots=True)
class Fact:
    """A name, its value, and where more of the same is listed."""

    name: str
    value: SafeString | str
    url: str = ""
    link: str = ""


def find(object_id: str) -> Entry | None:
    """The entry with this id, without the hash before it, which its proof finds."""
    try:
        wanted = UUID(object_id)
    except ValueError:
        return None
    return Entry.objects.defer("prev_hash").filter(entry_id=wanted).first()


def context(request: HttpRequest, entry: Entry) -> dict[str, Any]:
    """Everything that the template shows."""
    names = people.names([entry.actor_id])
    seen = Shown(request, names)
    changes = differences(entry.changes_before, entry.changes_after)
    personal = personal_data(entry)
    examined = proof.examine(entry)
    return {
        "title": entry.action,
        "entry": entry,
        "meaning": shown.meaning(entry.action),
        "actor": seen.actor(entry),
        "resource": seen.resource(entry, whole=True),
        "outcome": shown.outcome(entry.outcome),
        "error": visible(entry.error_message or ""),
        "changes": changes,
        "columns": _counted([one for one in changes if one.kind != "same"]),
        "details": _details(entry.details),
        "personal": personal,
        "erased": entry.personal is not None and personal is None,
        "circumstances": list(_circumstances(entry)),
        "related": list(_related(entry, names)),
        "when": shown.moment(entry),
        "exact": shown.to_the_microsecond(entry),
        "commitment": bytes(entry.personal).hex() if entry.personal else "",
        **_proved(examined),
        "payload": json.loads(entry.payload),
    }


def personal_data(entry: Entry) -> list[Fact] | None:
    """The personal data that stands beside the entry; None where there is none (any more)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT data FROM audits.audit_personal WHERE entry_id = %s", [entry.pk])
        row = cursor.fetchone()
    if row is None:
        return None
    called = {"ip_address": "Address", "user_agent": "Browser"}
    data = json.loads(row[0])
    return [Fact(called.get(name, _named(name)), value_shown(data[name])) for name in sorted(data)]


def _proved(examined: Proof) -> dict[str, Any]:
    """The proof, its figures as text."""
    told: dict[str, Any] = {
        "proof": examined,
        "look": examined.look,
        "leaf": examined.leaf.hex(),
        "size": number(examined.size),
    }
    if examined.place is not None:
        told["batch"] = number(examined.place.batch_no)
        told["seq"] = number(examined.place.seq)
        told["prev_hash"] = examined.place.prev_hash.hex()
    return told


def _named(name: str) -> str:
    return str(capfirst(visible(name).replace("_", " ")))


def _details(details: Any) -> list[Fact]:
    if details is None:
        return []
    if not isinstance(details, dict):
        return [Fact("Details", value_shown(details))]
    return [Fact(_named(name), value_shown(value)) for name, value in details.items()]


def _circumstances(entry: Entry) -> Iterator[Fact]:
    """Where it came from: the source, the request, the job, the command, the login."""
    yield Fact("Source", capfirst(shown.source(entry.source)))
    if entry.request_id:
        url = list_url(request=entry.request_id)
        yield Fact("Request", _code(entry.request_id), url, "All of this request")
    if entry.job_id:
        yield Fact("Job", _code(entry.job_id), by_search(entry.job_id), "Find this job")
    for name, value in json.loads(entry.payload).items():
        if name not in _ELSEWHERE:
            yield Fact(_NAMES.get(name, _named(name)), value_shown(value))
    if entry.duration_ms is not None:
        yield Fact("Took", duration(entry.duration_ms))


def _code(text: str) -> SafeString:
    return format_html('<code class="id">{}</code>', visible(text))


def _related(entry: Entry, names: dict[UUID, str]) -> Iterator[tuple[str, str]]:
    """Lists of entries that belong with this one: title and address."""
    if entry.resource_type and entry.resource_id:
        noun = visible(entry.resource_type).replace("_", " ")
        yield (
            f"Everything about this {noun}",
            list_url(resource=entry.resource_type, resource_id=entry.resource_id),
        )
    if entry.actor_id:
        whom = visible(names.get(entry.actor_id, "this person"))
        yield f"Everything by {whom}", list_url(who=str(entry.actor_id))
    if entry.request_id:
        yield "Everything in this request", list_url(request=entry.request_id)
    yield f"Every {entry.action}", list_url(action=entry.action)


def _counted(changed: list[Difference]) -> str:
    count = len(changed)
    return f"{count} column{'' if count == 1 else 's'}"
