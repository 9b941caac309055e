"""Filters of the desk under a name, each person's own."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from django.db import transaction

from accounts.models import User
from annotations.actions.claims import Filters
from annotations.errors import NotNow
from annotations.models import SavedView

MOST: Final = 50
LONGEST_NAME: Final = 120
LONGEST_QUERY: Final = 2000  # the column's width


@transaction.atomic
def save(name: str, filters: Filters, *, by: User) -> SavedView:
    """Keep the filters under the name; one of the same name is replaced. NotNow."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise NotNow(f"A view has a name of 1 to {LONGEST_NAME} characters.")
    query = urlencode(filters.to_json())
    if len(query) > LONGEST_QUERY:
        raise NotNow(
            f"The filters take {len(query):,} characters of the address; a view keeps"
            f" {LONGEST_QUERY:,}. Leave one of them out."
        )
    others = SavedView.objects.filter(user=by).exclude(name=name)
    if others.count() >= MOST:
        raise NotNow(f"At most {MOST} views are kept. Remove one that you do not need any more.")
    view, _ = SavedView.objects.update_or_create(user=by, name=name, defaults={"query": query})
    return view


def remove(view_id: UUID, *, by: User) -> bool:
    """Forget a view of the person's own; False where there is none."""
    removed, _ = SavedView.objects.filter(pk=view_id, user=by).delete()
    return bool(removed)
