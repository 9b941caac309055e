"""Which entries a page is about: those named one by one, or those that the list's filters leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.utils.http import urlencode

from audit.admin.filters import ResourceFilter, ResourceIdFilter
from audit.models import Entry
from audit.recording import Subject
from config.templatetags.lacuna import active_filters

PARAMETER = "entry"


@dataclass(frozen=True, slots=True)
class Selection:
    """Entries in the order of their numbers.

    ``named``     they were named one by one, not found by filters
    ``told``      the filters in force: title and value
    ``too_many``  there are more than were asked for, and none of them is in here
    ``subject``   the one thing that all of them are about, where that is known
    """

    numbers: Sequence[int] = ()
    keys: Sequence[UUID] = ()
    named: bool = False
    told: Sequence[tuple[str, str]] = ()
    too_many: bool = False
    subject: Subject = None
    asked: dict[str, str] = field(default_factory=dict)

    @property
    def query(self) -> str:
        """The address's part that leads to the same entries."""
        if self.named:
            return urlencode([(PARAMETER, str(key)) for key in self.keys])
        return urlencode(self.asked)


def selected(request: HttpRequest, model_admin: Any, most: int) -> Selection:
    """What the address asks for, ``most`` entries at most.

    IncorrectLookupParameters, if the list would not understand the address either.
    """
    if PARAMETER in request.GET:
        return _named(_keys(request.GET.getlist(PARAMETER)), most)
    changes = model_admin.get_changelist_instance(request)
    rows = list(changes.queryset.order_by("id").values_list("id", "entry_id")[: most + 1])
    asked = {name: str(value) for name, value in changes.params.items()}
    told = [(one.title, one.value) for one in active_filters(changes)]
    if len(rows) > most:
        return Selection(told=told, asked=asked, too_many=True)
    noun = asked.get(ResourceFilter.parameter_name)
    key = asked.get(ResourceIdFilter.parameter_name)
    return Selection(
        numbers=[row[0] for row in rows],
        keys=[row[1] for row in rows],
        told=told,
        asked=asked,
        subject=(noun, key) if noun and key else None,
    )


def _named(keys: Sequence[UUID], most: int) -> Selection:
    if len(keys) > most:
        return Selection(named=True, too_many=True)
    found = list(
        Entry.objects.filter(entry_id__in=keys).order_by("id").values_list("id", "entry_id")
    )
    subject = ("audit_entry", str(found[0][1])) if len(found) == 1 else None
    return Selection(
        numbers=[row[0] for row in found],
        keys=[row[1] for row in found],
        named=True,
        subject=subject,
    )


def _keys(texts: Sequence[str]) -> list[UUID]:
    found = []
    for text in texts:
        try:
            found.append(UUID(text))
        except ValueError:
            continue  # what is no id names no entry
    return found
