"""Lists in pages by key: a cursor names the row to go on from, never a number of rows to skip.

Rows that are added or removed meanwhile neither repeat nor hide others, and the last page costs
what the first one costs (``config.admin.keyset`` has the mathematics). A cursor is signed and good
for one list in one order; it holds values of the row's own columns, to the microsecond.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlencode

from django.core.exceptions import ImproperlyConfigured
from django.db.models import Field, QuerySet, UniqueConstraint
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from config.admin.keyset import Keyset, Page
from config.admin.keyset import WrongCursor as ForeignCursor
from config.api.errors import WrongCursor, wrong_parameter

DEFAULT_LIMIT: Final = 50
LARGEST_LIMIT: Final = 200
# No list of ours makes longer ones: half a dozen columns, signed.
_LONGEST_CURSOR: Final = 4000
_FORWARD, _BACKWARD = "n.", "p."
_MOST_DIGITS: Final = 4


class KeysetPagination(BasePagination):
    """``?limit=`` (1 to 200, default 50), ``?cursor=``, and ``?order=`` where a view has several.

    The view has ``orders``, a dict of named orders whose first is the default; each is a sequence
    of columns that ends in the key.
    """

    parameters: Final = ("cursor", "limit", "order")

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """The rows of the page; raises ``WrongCursor`` and ``ValidationError``."""
        self.request = request
        limit = _limit(request.query_params.get("limit"))
        order = _order(view, request.query_params.get("order"))
        try:
            beyond = _beyond(request.query_params.get("cursor"))
            self.page = self.read(queryset, order, limit, **beyond)
        except ForeignCursor:
            raise WrongCursor(
                "cursor: it does not belong to this list in this order. Take it from next or"
                " previous, unchanged, or start without one."
            ) from None
        return self.page.rows

    def read(
        self,
        queryset: Any,
        order: Sequence[str],
        size: int,
        *,
        after: str | None = None,
        before: str | None = None,
    ) -> Page:
        """The page beyond the cursor; the keyset's ``WrongCursor`` for a foreign one."""
        return Keyset(queryset, order).page(size, after=after, before=before)

    def get_paginated_response(self, data: Any) -> Response:
        """``results``, and the addresses of the pages beside this one, null where there is none."""
        return Response(
            {
                "results": data,
                "next": self._address(_FORWARD, self.page.next_cursor),
                "previous": self._address(_BACKWARD, self.page.previous_cursor),
            }
        )

    def _address(self, direction: str, cursor: str | None) -> str | None:
        if cursor is None:
            return None
        asked = self.request.query_params.copy()
        asked["cursor"] = direction + cursor
        pairs = [(name, value) for name, values in asked.lists() for value in values]
        return self.request.build_absolute_uri(f"{self.request.path}?{urlencode(pairs)}")

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The shape of a list, whose rows are ``schema``, an array."""
        page = {"type": ["string", "null"], "format": "uri", "example": None}
        return {
            "type": "object",
            "required": ["results", "next", "previous"],
            "properties": {
                "results": schema,
                "next": {**page, "description": "The page after this one."},
                "previous": {**page, "description": "The page before this one."},
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """The query parameters of a list."""
        parameters: list[dict[str, Any]] = [
            _parameter(
                "cursor", {"type": "string"}, "Where to go on: taken from `next` or `previous`."
            ),
            _parameter(
                "limit",
                {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": LARGEST_LIMIT,
                    "default": DEFAULT_LIMIT,
                },
                "Rows on a page.",
            ),
        ]
        names = list(view.orders)
        if len(names) > 1:
            schema = {"type": "string", "enum": names, "default": names[0]}
            parameters.append(_parameter("order", schema, "The order of the list."))
        return parameters


def check_order(queryset: QuerySet[Any], order: Sequence[str]) -> None:
    """Raise ``ImproperlyConfigured`` for an order in which two rows could be equal."""
    if not order:
        raise ImproperlyConfigured("A list needs an order that ends in its key.")
    meta = queryset.model._meta
    last = str(order[-1]).removeprefix("-")
    field = meta.pk if last == "pk" else meta.get_field(last)
    alone = {
        constraint.fields[0]
        for constraint in meta.constraints
        if isinstance(constraint, UniqueConstraint) and len(constraint.fields) == 1
    }
    unique = isinstance(field, Field) and (field.unique or field.name in alone)
    if not unique:
        raise ImproperlyConfigured(
            f"The order of {meta.label} ends in {last}, in which rows can be equal. End it in the"
            " key."
        )


def _beyond(cursor: str | None) -> dict[str, str]:
    """``after`` or ``before`` with the signed part of the cursor; nothing without one."""
    if cursor is None:
        return {}
    direction, signed = cursor[: len(_FORWARD)], cursor[len(_FORWARD) :]
    if direction not in {_FORWARD, _BACKWARD} or not 0 < len(signed) <= _LONGEST_CURSOR:
        raise ForeignCursor
    return {"after" if direction == _FORWARD else "before": signed}


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise wrong_parameter("limit", f"It must be a whole number from 1 to {LARGEST_LIMIT}.")
    if not 1 <= int(text) <= LARGEST_LIMIT:
        raise wrong_parameter("limit", f"It is {int(text)}, but must be from 1 to {LARGEST_LIMIT}.")
    return int(text)


def _order(view: Any, name: str | None) -> Sequence[str]:
    orders: dict[str, Sequence[str]] = view.orders
    if name is None:
        return next(iter(orders.values()))
    if name not in orders:
        raise wrong_parameter("order", f"It must be one of {', '.join(orders)}.", "invalid_choice")
    return orders[name]


def _parameter(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "schema": schema,
        "description": description,
    }
