"""Entries found by the search at the top of every page."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse

from audit.admin.entry_list import UNREAD
from audit.admin.shown import list_url
from audit.models import Entry
from config.admin.formats import relative_moment
from config.admin.registry import SearchHit


def find_entries(request: HttpRequest, text: str) -> Iterator[SearchHit]:
    """An entry by its id, or its number written ``#123``; what a request did, by the request's id.

    Other texts are not looked for: names and hashes are other packages' business.
    """
    rows = Entry.objects.defer(*UNREAD)
    digits = text.removeprefix("#")
    if digits != text:
        if digits.isascii() and digits.isdigit() and len(digits) < 19:
            yield from map(_hit, rows.filter(id=int(digits)))
        return
    try:
        wanted = UUID(text)
    except ValueError:
        return
    yield from map(_hit, rows.filter(entry_id=wanted))
    of_request = Entry.objects.filter(request_id=text)
    if of_request.exists():
        yield SearchHit("Request", "Everything in this request", list_url(request=text))


def _hit(entry: Entry) -> SearchHit:
    url = reverse("admin:audit_entry_change", args=[entry.pk])
    return SearchHit("Audit entry", str(entry), url, relative_moment(entry.created_at))
