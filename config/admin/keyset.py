"""Pages by key instead of by number: the last page costs what the first one costs.

A page link carries the keys of the row it starts from, signed. The next page is the rows beyond
these keys in the order of the list; nothing is counted and nothing is skipped over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.core import signing
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Field, Model, Q, QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.db.models.expressions import BaseExpression, Combinable, F, OrderBy

_SALT: Final = "config.admin.keyset"


class WrongCursor(ValueError):
    """A page link that was forged, or made for another order or an older release."""


class UnpageableValue(TypeError):
    """A list is ordered by values that cannot stand in a page link."""


@dataclass(frozen=True)
class Key:
    """One column of the order: its name on the row, its direction, where its nulls stand."""

    name: str
    descending: bool
    nullable: bool
    nulls_first: bool

    def ordering(self, *, reverse: bool) -> OrderBy:
        """The column for ``order_by``; nulls are placed only where PostgreSQL would differ."""
        descending, nulls_first = self.descending ^ reverse, self.nulls_first ^ reverse
        stated = self.nullable and nulls_first != descending
        return OrderBy(
            F(self.name),
            descending=descending,
            nulls_first=True if stated and nulls_first else None,
            nulls_last=True if stated and not nulls_first else None,
        )

    def equal(self, value: Any) -> Q:
        """Rows with the same key."""
        return Q(**{f"{self.name}__isnull": True}) if value is None else Q(**{self.name: value})

    def beyond(self, value: Any, *, reverse: bool, inclusive: bool = False) -> Q | None:
        """Rows whose key, null or not like ``value``, comes later; None when there can be none."""
        if value is None:
            return self.equal(None) if inclusive else None
        lookup = ("lt" if self.descending ^ reverse else "gt") + ("e" if inclusive else "")
        return Q(**{f"{self.name}__{lookup}": value})

    def other_side(self, value: Any, *, reverse: bool) -> Q | None:
        """All the nulls, or all that are not null, when they come later than ``value``."""
        if not self.nullable:
            return None
        nulls_later = not (self.nulls_first ^ reverse)
        if (value is None) == nulls_later:
            return None
        return Q(**{f"{self.name}__isnull": value is not None})


@dataclass(frozen=True)
class Page:
    """The rows of a page and the links beside it, None where there is nothing more."""

    rows: list[Any]
    next_cursor: str | None
    previous_cursor: str | None


class Keyset:
    """The order of one list, and pages of it."""

    def __init__(self, rows: QuerySet[Any], ordering: Sequence[str | Combinable]) -> None:
        self._annotations: dict[str, BaseExpression | F] = {}
        keys: dict[str, Key] = {}
        for part in ordering:
            key = self._key(rows, part)
            keys.setdefault(key.name, key)  # a column named twice orders by its first mention
        self.keys = list(keys.values())
        self.rows = rows.annotate(**self._annotations)
        # A cursor is good for one order of one table.
        order = ",".join(f"{key.name}:{key.descending:d}{key.nulls_first:d}" for key in self.keys)
        shapes = ",".join(repr(made) for made in self._annotations.values())
        self._salt = f"{_SALT} {rows.model._meta.label} {order} {shapes}"

    def page(self, size: int, *, after: str | None = None, before: str | None = None) -> Page:
        """At most ``size`` rows beyond the cursor; without one, the first page.

        Raises ``WrongCursor`` for a cursor that this list did not make.
        """
        cursor, reverse = (before, True) if before else (after, False)
        values = self._read(cursor) if cursor else None
        ordered = self.rows.order_by(*(key.ordering(reverse=reverse) for key in self.keys))
        found: list[Any] = []
        for section in self._sections(values, reverse=reverse):
            found += ordered.filter(section)[: size + 1 - len(found)]
            if len(found) > size:
                break
        more, found = len(found) > size, found[:size]
        if reverse:
            found.reverse()
        if not found:
            return Page([], None, None)
        return Page(
            found,
            self._write(found[-1]) if more or reverse else None,
            self._write(found[0]) if (reverse and more) or (after and not reverse) else None,
        )

    def _key(self, rows: QuerySet[Any], part: str | Combinable) -> Key:
        if isinstance(part, str):
            part = OrderBy(F(part.removeprefix("-")), descending=part.startswith("-"))
        elif not isinstance(part, OrderBy):
            part = OrderBy(part)  # type: ignore[arg-type] # every expression of an order resolves
        nulls_first = bool(part.nulls_first) or (part.descending and not part.nulls_last)
        name: str = getattr(part.expression, "name", "") if isinstance(part.expression, F) else ""
        field = _column(rows.model, name)
        if field is not None:
            return Key(field.attname, part.descending, field.null, nulls_first)
        if name in rows.query.annotations:
            return Key(name, part.descending, nullable=True, nulls_first=nulls_first)
        made = {known: alias for alias, known in self._annotations.items()}
        alias = made.get(part.expression, f"keyset_{len(made)}")
        self._annotations[alias] = part.expression
        return Key(alias, part.descending, nullable=True, nulls_first=nulls_first)

    def _sections(self, values: list[Any] | None, *, reverse: bool) -> list[Q]:
        """Conditions to read one after the other; each is a range that an index can serve."""
        if values is None:
            return [Q()]
        alternatives: list[Q] = []
        equal = Q()
        for position, (key, value) in enumerate(zip(self.keys, values, strict=True)):
            beyond = key.beyond(value, reverse=reverse)
            if beyond is not None:
                alternatives.append(equal & beyond)
            other = key.other_side(value, reverse=reverse) if position else None
            if other is not None:
                alternatives.append(equal & other)
            equal &= key.equal(value)
        first, value = self.keys[0], values[0]
        sections = []
        if alternatives:
            either = alternatives[0]
            for alternative in alternatives[1:]:
                either |= alternative
            bound = first.beyond(value, reverse=reverse, inclusive=True)
            sections.append(either & bound if bound is not None else either)
        rest = first.other_side(value, reverse=reverse)
        return [*sections, rest] if rest is not None else sections

    def _write(self, row: Model) -> str:
        values = [_pack(getattr(row, key.name)) for key in self.keys]
        return signing.dumps(values, salt=self._salt, compress=True)

    def _read(self, cursor: str) -> list[Any]:
        try:
            values = [_unpack(value) for value in signing.loads(cursor, salt=self._salt)]
        except (signing.BadSignature, ValueError, TypeError, KeyError) as error:
            raise WrongCursor("The page link does not belong to this list.") from error
        if len(values) != len(self.keys):
            raise WrongCursor("The page link was made for another order.")
        return values


def _column(model: type[Model], name: str) -> Field[Any, Any] | None:
    """The model's own column of this name; a foreign key stands for its column."""
    if name == "pk":
        return model._meta.pk
    if not name or LOOKUP_SEP in name:
        return None
    try:
        field = model._meta.get_field(name)
    except FieldDoesNotExist:
        return None
    return field if isinstance(field, Field) and field.concrete else None


def _pack(value: Any) -> Any:
    """A value for JSON that comes back exactly, to the microsecond and the last digit."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, datetime):
        return {"moment": value.isoformat()}
    if isinstance(value, (date, time)):
        return {type(value).__name__: value.isoformat()}
    if isinstance(value, timedelta):
        return {"span": [value.days, value.seconds, value.microseconds]}
    if isinstance(value, Decimal):
        return {"decimal": str(value)}
    if isinstance(value, UUID):
        return {"uuid": value.hex}
    raise UnpageableValue(
        f"A list cannot be ordered by a {type(value).__name__}. Order it by a number, a text, a"
        " moment or an id."
    )


def _unpack(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, text),) = value.items()
    readers: dict[str, Any] = {
        "moment": datetime.fromisoformat,
        "date": date.fromisoformat,
        "time": time.fromisoformat,
        "decimal": Decimal,
        "uuid": UUID,
        "span": lambda parts: timedelta(*parts),
    }
    return readers[kind](text)
