"""Where people are found: in the search at the top, and by the audit log."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from uuid import UUID

from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse

from accounts.models import User
from config.admin.site import SearchHit


def find_people(request: HttpRequest, text: str) -> Iterator[SearchHit]:
    """By id, by how the e-mail address begins, or by a part of the name."""
    wanted = _like(text)
    with suppress(ValueError):  # a name is no id
        wanted |= Q(pk=UUID(text))
    for person in User.objects.filter(wanted).order_by("email")[:10]:
        url = reverse("admin:accounts_user_change", args=[person.pk])
        yield SearchHit("Person", str(person), url, f"{person.email}, {person.get_role_display()}")


def names(ids: Collection[UUID]) -> dict[UUID, str]:
    """What people are called, for the audit log."""
    return {person.pk: str(person) for person in User.objects.filter(pk__in=ids)}


def meant(text: str) -> list[UUID]:
    """Whom a name or address typed into the audit log's filter means."""
    found = User.objects.filter(_like(text)).order_by("email")
    return list(found.values_list("pk", flat=True)[:20])


def _like(text: str) -> Q:
    return Q(email__istartswith=text) | Q(full_name__icontains=text)
