"""The filters of the list: typed or chosen in one form, kept in the address, removed one by one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any, ClassVar, Final
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from audit import people, registry
from audit.admin.shown import OUTCOMES, SOURCES, visible
from audit.models import Entry

if TYPE_CHECKING:
    _Model = admin.ModelAdmin[Any]

NOBODY: Final = "nobody"
_MOST_OF_A_REQUEST: Final = 10_000


class EntryFilter(admin.SimpleListFilter):
    """A filter that is a field of the list's one form."""

    template = "audit/filters/text.html"
    kind: ClassVar[str] = "text"
    hint: ClassVar[str] = ""

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        self.text = (self.value() or "").strip()

    def lookups(self, request: HttpRequest, model_admin: _Model) -> list[tuple[str, str]]:
        """None: people write what they look for."""
        return []

    def has_output(self) -> bool:
        """Always."""
        return True

    def shown(self) -> str:
        """What the filter in force is called above the list."""
        return visible(self.text)

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Without the filter, and with it when it is in force."""
        without = changelist.get_query_string(remove=[self.parameter_name or ""])
        yield {"selected": not self.text, "query_string": without, "display": "All"}
        if self.text:
            here = changelist.get_query_string()
            yield {"selected": True, "query_string": here, "display": self.shown()}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The entries that the text means."""
        return self.narrowed(queryset) if self.text else queryset

    def narrowed(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The entries that the text means, when there is one."""
        raise NotImplementedError


class ActorFilter(EntryFilter):
    """By who did it: a name or address as typed, an id, or nobody."""

    title = "who"
    parameter_name = "who"
    hint = "Name, e-mail, id or “nobody”"

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        self.ids = self._ids()
        self._called = self._names()

    def _ids(self) -> list[UUID]:
        if not self.text or self.text == NOBODY:
            return []
        try:
            return [UUID(self.text)]
        except ValueError:
            return people.find(self.text)

    def narrowed(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """By the index of actors."""
        if self.text == NOBODY:
            return queryset.filter(actor_id=None)
        if len(self.ids) == 1:
            return queryset.filter(actor_id=self.ids[0])
        return queryset.filter(actor_id__in=self.ids)

    def shown(self) -> str:
        """The people meant."""
        return self._called

    def _names(self) -> str:
        if not self.text or self.text == NOBODY:
            return self.text
        if not self.ids:
            return f"nobody called {visible(self.text)}"
        names = people.names(self.ids)
        listed = [visible(names.get(one, str(one))) for one in self.ids[:3]]
        more = len(self.ids) - len(listed)
        return ", ".join(listed) + (f" and {more} more" if more else "")


class _Chosen(EntryFilter):
    """One value out of few."""

    template = "audit/filters/select.html"
    kind = "select"

    def options(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """Groups of values with their words; the value in force is among them, known or not."""
        groups = self.groups()
        known = {value for _, some in groups for value, _ in some}
        if self.text and self.text not in known:
            groups = [*groups, ("", [(self.text, visible(self.text))])]
        return groups

    def groups(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """The values on offer."""
        raise NotImplementedError

    def shown(self) -> str:
        """Its word."""
        words = {value: word for _, some in self.options() for value, word in some}
        return words.get(self.text, visible(self.text))


class ActionFilter(_Chosen):
    """By action, out of those that the registry knows."""

    title = "action"
    parameter_name = "action"

    def groups(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """By noun."""
        return [
            (noun.replace("_", " "), [(name, name) for name in names])
            for noun, names in groupby(registry.names(), lambda name: name.partition(".")[0])
        ]

    def narrowed(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """By the index of actions."""
        return queryset.filter(action=self.text)


class ResourceFilter(EntryFilter):
    """By the type of what it was done to."""

    title = "resource"
    parameter_name = "resource"
    hint = "image, job, user …"

    def suggestions(self) -> list[str]:
        """The nouns that the registry knows."""
        return nouns()

    def narrowed(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """By the index of resources."""
        return queryset.filter(resource_type=self.text)


class ResourceIdFilter(EntryFilter):
    """By the id of what it was done to; without a type, of any known type."""

    title = "its id"
    parameter_name = "resource_id"
    hint = "Whole id or key"

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        self._typed = bool(request.GET.get(ResourceFilter.parameter_name))

    def narrowed(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """By the index of resources, which begins with the type."""
        if not self._typed:
            queryset = queryset.filter(resource_type__in=nouns())
        return queryset.filter(resource_id=self.text)


def nouns() -> list[str]:
    """What entries may be about."""
    return sorted({name.partition(".")[0] for name in registry.names()})


class OutcomeFilter(_Chosen):
    """By how it ended."""

    title = "outcome"
    parameter_name = "outcome"

    def groups(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """Three."""
        return [("", [(value, word) for value, (word, _) in OUTCOMES.items()])]

    def narrowed(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """By the index of what did not succeed."""
        return queryset.filter(outcome=self.text)


class SourceFilter(_Chosen):
    """By where it came from."""

    title = "source"
    parameter_name = "source"

    def groups(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """The few there are."""
        return [("", list(SOURCES.items()))]

    def narrowed(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """As the entry says."""
        return queryset.filter(source=self.text)


class _MomentFilter(EntryFilter):
    """By time: a day, or a moment, in the zone of the site."""

    kind = "date"

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        self.moment = _moment(self.text, end=self.end)
        if self.text and self.moment is None:
            self.text = ""  # what is no date is as no filter; the page says so
        if len(self.text) > len("2026-11-21"):
            self.kind = "datetime-local"  # type: ignore[misc] # as finely as the address has it

    end: ClassVar[bool] = False

    def shown(self) -> str:
        """The day, or the moment."""
        return self.text.replace("T", " ")


class FromFilter(_MomentFilter):
    """From the beginning of a day, or a moment, on."""

    title = "from"
    parameter_name = "from"

    def narrowed(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Months before it are not looked at."""
        return queryset.filter(created_at__gte=self.moment)


class ToFilter(_MomentFilter):
    """Until the end of a day, or before a moment."""

    title = "to"
    parameter_name = "to"
    end = True

    def narrowed(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Months after it are not looked at."""
        return queryset.filter(created_at__lt=self.moment)


class RequestFilter(EntryFilter):
    """Everything that one request did; reached from an entry's page."""

    title = "request"
    parameter_name = "request"
    template = "audit/filters/kept.html"

    def narrowed(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """By the index of requests."""
        return of_request(queryset, self.text)


def _moment(text: str, *, end: bool) -> datetime | None:
    """The moment that a day begins (or ends) or that the text names; None when it is neither."""
    try:
        if len(text) == len("2026-11-21"):
            day = date.fromisoformat(text) + timedelta(days=1 if end else 0)
            made = datetime.combine(day, time.min)
        else:
            made = datetime.fromisoformat(text)
        return made if timezone.is_aware(made) else timezone.make_aware(made)
    except (ValueError, OverflowError):
        return None


FILTERS: Final = (
    ActorFilter,
    ActionFilter,
    ResourceFilter,
    ResourceIdFilter,
    OutcomeFilter,
    SourceFilter,
    FromFilter,
    ToFilter,
    RequestFilter,
)


def entry_of(queryset: QuerySet[Entry], text: str) -> QuerySet[Entry]:
    """Entries with this number or id, or of this request; none for anything else."""
    text = text.strip()
    digits = text.removeprefix("#")
    if digits.isascii() and digits.isdigit() and len(digits) < 19:
        return queryset.filter(id=int(digits))
    try:
        wanted = UUID(text)
    except ValueError:
        return of_request(queryset, text)
    by_id = queryset.filter(entry_id=wanted)
    return by_id if by_id.exists() else of_request(queryset, text)


def of_request(queryset: QuerySet[Entry], request_id: str) -> QuerySet[Entry]:
    """What one request did: its first 10,000 entries, should a proxy give many the same id.

    Their numbers are read first. Asked for in the list's order, the planner takes a request's
    entries for a share of the log and reads all of it from the end.
    """
    numbers = Entry.objects.filter(request_id=request_id).values_list("id", flat=True)
    return queryset.filter(id__in=list(numbers[:_MOST_OF_A_REQUEST]))


def is_moment(text: str) -> bool:
    """Whether the filters of time understand the text."""
    return _moment(text.strip(), end=False) is not None
