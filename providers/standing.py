"""How every provider stands: for operators, pages and the API."""

from __future__ import annotations

import calendar
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import DecimalField, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from providers.models import BreakerState, Provider, ProviderHealth, UsageTracking

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Standing:
    """One provider; amounts in US dollars, of everybody that the reader may see.

    ``breaker``  in words: asked, or not asked and until when
    ``health``   what the last check found, and ``checked_at``; empty before the first
    """

    id: UUID
    name: str
    display_name: str
    is_enabled: bool
    needs_key: bool
    has_team_key: bool
    key_error: str
    breaker_state: str
    breaker: str
    health: str
    health_said: str
    checked_at: datetime | None
    response_time_ms: int | None
    cost_today: Decimal
    cost_month: Decimal
    forecast_month: Decimal

    def told(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def standing() -> list[Standing]:
    """Every provider by rank; two queries."""
    now = datetime.now(UTC)
    today, first = now.date(), now.date().replace(day=1)
    last = ProviderHealth.objects.filter(provider=OuterRef("pk")).order_by("-checked_at", "-pk")
    rows = Provider.objects.order_by("rank", "name").annotate(
        last_status=Subquery(last.values("status")[:1]),
        last_said=Subquery(last.values("error_message")[:1]),
        last_checked_at=Subquery(last.values("checked_at")[:1]),
        last_took=Subquery(last.values("response_time_ms")[:1]),
    )
    amount: DecimalField[Decimal, Decimal] = DecimalField(max_digits=20, decimal_places=6)
    zero = Decimal(0)
    costs = {
        row["provider_id"]: (row["today"], row["month"])
        for row in UsageTracking.objects.filter(usage_date__gte=first)
        .values("provider_id")
        .annotate(
            today=Coalesce(
                Sum("total_cost", filter=Q(usage_date=today)), zero, output_field=amount
            ),
            month=Coalesce(Sum("total_cost"), zero, output_field=amount),
        )
    }
    return [_one(row, costs.get(row.pk, (_ZERO, _ZERO)), now) for row in rows]


def _one(row: Any, costs: tuple[Decimal, Decimal], now: datetime) -> Standing:
    return Standing(
        id=row.pk,
        name=row.name,
        display_name=row.display_name,
        is_enabled=row.is_enabled,
        needs_key=row.needs_key,
        has_team_key=row.api_key is not None,
        key_error=row.key_error,
        breaker_state=row.breaker_state,
        breaker=breaker_words(row),
        health=row.last_status or "",
        health_said=row.last_said or "",
        checked_at=row.last_checked_at,
        response_time_ms=row.last_took,
        cost_today=costs[0],
        cost_month=costs[1],
        forecast_month=forecast(costs[1], now),
    )


def breaker_words(provider: Provider) -> str:
    """Whether it is asked, in words."""
    failures = provider.breaker_failures
    if provider.breaker_state == BreakerState.CLOSED:
        return "asked" if failures == 0 else f"asked; {failures} of 5 failures in a row"
    until = provider.breaker_until
    if provider.breaker_state == BreakerState.HALF_OPEN:
        return f"one call is trying it, after {failures} failures in a row"
    if until is None or until <= timezone.now():
        return f"the next call tries it, after {failures} failures in a row"
    return f"not asked until {until:%H:%M:%S} UTC, after {failures} failures in a row"


def forecast(spent: Decimal, now: datetime) -> Decimal:
    """What the month will have cost at its end, if it goes on as until now."""
    days = calendar.monthrange(now.year, now.month)[1]
    start = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    share = max((now - start).total_seconds() / (days * 86_400), 0.001)
    return (spent / Decimal(str(share))).quantize(Decimal("0.000001"))
