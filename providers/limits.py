"""What a person may spend, has spent, and has left."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from providers.actions.money import Period, default_limit, today
from providers.models import QuotaCounter, UserQuota


@dataclass(frozen=True, slots=True)
class Left:
    """One period (UTC); amounts in US dollars, None for no limit.

    ``held``  set aside for calls that have not ended
    """

    period: Period
    starts_on: date
    cost_limit: Decimal | None
    request_limit: int | None
    spent: Decimal
    held: Decimal
    requests: int

    @property
    def left(self) -> Decimal | None:
        """What may still be spent."""
        if self.cost_limit is None:
            return None
        return max(self.cost_limit - self.spent - self.held, Decimal(0))


def left(user_id: UUID) -> tuple[Left, Left]:
    """The person's day and month, as far as whoever asks may see them; two queries and defaults."""
    day = today()
    quota = UserQuota.objects.filter(user_id=user_id).first()
    starts: dict[Period, date] = {"day": day, "month": day.replace(day=1)}
    counters = {
        (one.period, one.starts_on): one
        for one in QuotaCounter.objects.filter(user_id=user_id, starts_on__in=starts.values())
    }

    def one(period: Period) -> Left:
        prefix = {"day": "daily", "month": "monthly"}[period]
        counter = counters.get((period, starts[period]))
        own: Any = getattr(quota, f"{prefix}_cost_limit", None)
        return Left(
            period=period,
            starts_on=starts[period],
            cost_limit=default_limit(period) if own is None else own,
            request_limit=getattr(quota, f"{prefix}_request_limit", None),
            spent=counter.spent if counter else Decimal(0),
            held=counter.held if counter else Decimal(0),
            requests=counter.requests if counter else 0,
        )

    return one("day"), one("month")
