"""How many rows a list has, at a price that does not grow with the table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self

from django.core.paginator import Paginator
from django.db import connections
from django.db.models import QuerySet
from django.utils.functional import cached_property

if TYPE_CHECKING:
    _Paginator = Paginator[Any]
else:
    _Paginator = Paginator

# Counting stops here: one more than what a list claims to have counted.
CAP: Final = 10_001

# The planner's estimate. Row level security shows each role other rows than the estimate counts,
# and a table never analysed has none (-1).
_ESTIMATE: Final = """
    SELECT reltuples::bigint FROM pg_class
     WHERE oid = to_regclass(%s) AND NOT relrowsecurity
"""


class Count(int):
    """A number of rows that says how exact it is: ``412``, ``10,000+``, ``about 3,000,000``."""

    text: str
    exact: bool

    def __new__(cls, value: int, text: str | None = None) -> Self:
        made = super().__new__(cls, value)
        made.text = text or f"{value:,}"
        made.exact = text is None
        return made

    def __str__(self) -> str:
        return self.text


def _rounded(value: int) -> int:
    """To two significant digits: an estimate should not look like a count."""
    unit = 10 ** max(len(str(value)) - 2, 0)
    return int(round(value / unit) * unit)


def count_rows(rows: QuerySet[Any]) -> Count:
    """Count at most ``CAP`` rows; a large table seen whole is estimated instead."""
    query = rows.query
    if not query.where and not query.distinct and not query.combinator:
        estimate = _estimate(rows)
        if estimate >= CAP:
            value = _rounded(estimate)
            return Count(value, f"about {value:,}")
    counted = rows.order_by()[:CAP].count()
    return Count(counted, f"{CAP - 1:,}+") if counted >= CAP else Count(counted)


def _estimate(rows: QuerySet[Any]) -> int:
    connection = connections[rows.db]
    table = connection.ops.quote_name(rows.model._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(_ESTIMATE, [table])
        found = cursor.fetchone()
    estimate: int = found[0] if found else -1
    return estimate


class CappedPaginator(_Paginator):
    """Django's paginator over an estimated or capped count."""

    @cached_property
    def count(self) -> Count:
        """The number of rows, see ``count_rows``."""
        rows: Any = self.object_list  # the admin hands querysets
        return count_rows(rows)
