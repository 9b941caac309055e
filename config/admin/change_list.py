"""The list page's rows: a page by key, an honest count, an order that an index serves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django.contrib import messages
from django.contrib.admin.views.main import ORDER_VAR, ChangeList
from django.db.models import QuerySet
from django.db.models.expressions import Combinable
from django.http import HttpRequest

from config.admin.counting import Count
from config.admin.keyset import Keyset, WrongCursor

AFTER: Final = "after"
BEFORE: Final = "before"


class KeysetChangeList(ChangeList):
    """Django's change list with pages by key.

    ``next_url``, ``previous_url`` and ``first_url`` are None where there is no such page.
    ``result_count`` is a ``Count``: its ``text`` says how exact it is.
    """

    next_url: str | None
    previous_url: str | None
    first_url: str | None
    result_count: Count

    def _forget_cursors(self) -> None:
        # A cursor is neither a filter nor part of any other link of the page.
        for name in (AFTER, BEFORE):
            self.params.pop(name, None)
            self.filter_params.pop(name, None)

    def get_filters_params(self, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """The filters in the address."""
        self._forget_cursors()
        return super().get_filters_params(params)

    def get_query_string(
        self, new_params: dict[str, Any] | None = None, remove: Iterable[str] | None = None
    ) -> str:
        """The page's address with changes; it starts at the first page unless told otherwise."""
        self._forget_cursors()
        return super().get_query_string(new_params, remove)

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[str | Combinable]:
        """As Django's, but only by the columns that the list offers for sorting."""
        if asked := self.params.get(ORDER_VAR):
            allowed = ".".join(part for part in asked.split(".") if self._may_sort(part))
            self.params[ORDER_VAR] = allowed
        return list(super().get_ordering(request, queryset))

    def _may_sort(self, part: str) -> bool:
        try:
            name = self.list_display[int(part.removeprefix("-"))]
        except (IndexError, ValueError):
            return False
        return self.sortable_by is None or name in self.sortable_by

    def _get_deterministic_ordering(self, ordering: list[Any]) -> list[Any]:
        """The tie-break runs as the first column does, so one index serves both directions."""
        # Private, and so absent from the stubs.
        complete: list[Any] = super()._get_deterministic_ordering(ordering)  # type: ignore[misc] # private, absent from the stubs
        if len(complete) > 1 and len(complete) > len(ordering) and complete[-1] == "-pk":
            first = complete[0]
            descending = (
                first.startswith("-")
                if isinstance(first, str)
                else getattr(first, "descending", False)
            )
            complete[-1] = "-pk" if descending else "pk"
        return complete

    def get_results(self, request: HttpRequest) -> None:
        """Read one page; a cursor that is not ours shows the first one and says so."""
        after, before = request.GET.get(AFTER), request.GET.get(BEFORE)
        size = self.list_per_page
        keyset = Keyset(self.queryset, self.get_ordering(request, self.root_queryset))
        try:
            page = keyset.page(size, after=after, before=before)
        except WrongCursor:
            messages.warning(
                request, "That page link is not valid any more. This is the first page of the list."
            )
            after = before = None
            page = keyset.page(size)
        paginator = self.model_admin.get_paginator(request, self.queryset, size)
        short = not (after or before or page.next_cursor)  # everything is on this page
        count = Count(len(page.rows)) if short else paginator.count
        self.result_list = page.rows
        self.result_count = count if isinstance(count, Count) else Count(count)
        self.full_result_count = None
        self.show_full_result_count = False
        self.show_admin_actions = bool(page.rows)
        self.can_show_all = False
        self.multi_page = False
        self.paginator = paginator
        self._links(page.next_cursor, page.previous_cursor, started=bool(after or before))

    def _links(self, following: str | None, previous: str | None, *, started: bool) -> None:
        self.next_url = self.get_query_string({AFTER: following}) if following else None
        self.previous_url = self.get_query_string({BEFORE: previous}) if previous else None
        self.first_url = self.get_query_string() if started else None
