"""The list of entries: one index gives the order, one query the names of a page's people."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest

from audit import people
from audit.admin.shown import Shown
from config.admin.change_list import KeysetChangeList

# What no column of the list shows; above all what is worked out row by row.
UNREAD: Final = (
    "payload",
    "personal",
    "leaf",
    "xid",
    "prev_hash",
    "changes_before",
    "changes_after",
    "details",
    "ip_address",
    "user_agent",
    "request_id",
    "job_id",
)


class EntryList(KeysetChangeList):
    """Pages of entries in the order of their numbers."""

    def _get_deterministic_ordering(self, ordering: list[Any]) -> list[Any]:
        # The number is unique, although the view cannot tell Django so.
        return ordering

    def get_results(self, request: HttpRequest) -> None:
        """One page, its rows knowing how their people and resources are shown."""
        super().get_results(request)
        rows: list[Any] = list(self.result_list)
        shown = Shown(request, people.names(row.actor_id for row in rows))
        for row in rows:
            row.shown = shown
