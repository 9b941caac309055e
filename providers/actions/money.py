"""What a call may cost at most, what it did cost, and the three steps by which it is paid.

Money is set aside before the provider is asked, marked as sent when it is, and settled with what
came out. Each step is a transaction of its own that is committed before the next begins, so a
process may die at any point: ``expire`` frees what was not sent and counts what was.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_UP, Decimal
from typing import Any, Final, Literal
from uuid import UUID

from django.db import connection, transaction

from database import system_settings
from providers.adapters.adapter import MOST_TOKENS
from providers.interface import Picture, Prompt, Schema, Usage
from providers.models import Provider, ProviderPrice

# What a provider adds to a request by itself: roles, tools, the form of the answer.
_OVERHEAD_TOKENS: Final = 1_000
_MILLION: Final = 1_000_000
_SMALLEST: Final = Decimal("0.000001")

Period = Literal["day", "month"]


@dataclass(frozen=True, slots=True)
class Hold:
    """Money that was set aside, or the period whose limit leaves no room for it."""

    id: UUID | None
    refused: Period | None


# --- Prices ---------------------------------------------------------------------------------------


def today() -> date:
    """The day that money is counted by."""
    return datetime.now(UTC).date()


def price_of(provider: Provider, model: str, day: date | None = None) -> ProviderPrice | None:
    """The price in force on the day (UTC; today)."""
    return (
        ProviderPrice.objects.filter(provider=provider, model=model, valid_from__lte=day or today())
        .order_by("-valid_from")
        .first()
    )


def cost_of(price: ProviderPrice, usage: Usage) -> Decimal:
    """What the usage costs, in US dollars, rounded up to a millionth.

    ``cached_input_tokens`` are among ``input_tokens``; without a price of their own they cost what
    the others do.
    """
    cached = min(usage.cached_input_tokens, usage.input_tokens)
    cached_price = price.cached_input_per_million
    if cached_price is None:
        cached_price = price.input_per_million
    tokens = (
        (usage.input_tokens - cached) * price.input_per_million
        + cached * cached_price
        + usage.output_tokens * price.output_per_million
    )
    return _rounded(tokens / _MILLION + usage.images * price.per_image)


def most_it_costs(
    price: ProviderPrice, provider: str, picture: Picture, prompt: Prompt, schema: Schema
) -> Decimal:
    """An upper bound of what one call costs, in US dollars.

    A token is at least a byte of text, so text and schema count as many tokens as bytes.
    """
    text = len(prompt.text.encode()) + sum(len(label.encode()) + 4 for label in prompt.labels)
    text += len(json.dumps(dict(schema.document)).encode())
    usage = Usage(
        input_tokens=picture_tokens(provider, price.model, picture) + text + _OVERHEAD_TOKENS,
        output_tokens=MOST_TOKENS,
        images=1,
    )
    dearest = max(price.input_per_million, price.cached_input_per_million or Decimal(0))
    tokens = usage.input_tokens * dearest + usage.output_tokens * price.output_per_million
    return _rounded(tokens / _MILLION + price.per_image)


def picture_tokens(provider: str, model: str, picture: Picture) -> int:
    """At most so many tokens the provider counts for the picture, by its published rule.

    - OpenAI: patches of 32 pixels, or tiles of 512 (85 and 170 each; 2833 and 5667 for the small
      model of the fourth generation); the larger of the two, with the factor of the small models.
    - Anthropic: a token for 750 pixels, or for each patch of 28 pixels.
    - Google: 258 for each tile of 256 to 768 pixels, at least the 2,240 of its highest resolution.
    - anybody else: the largest of these.
    """
    rules: dict[str, Callable[[str, int, int], int]] = {
        "openai": _openai,
        "anthropic": _anthropic,
        "google": _google,
    }
    if provider in rules:
        return rules[provider](model, picture.width, picture.height)
    return max(rule(model, picture.width, picture.height) for rule in rules.values())


def _openai(model: str, width: int, height: int) -> int:
    tiles = math.ceil(width / 512) * math.ceil(height / 512)
    if model.startswith("gpt-4o-mini"):
        return 2833 + 5667 * tiles
    patches = math.ceil(width / 32) * math.ceil(height / 32)
    return max(85 + 170 * tiles, math.ceil(patches * 2.5))


def _anthropic(model: str, width: int, height: int) -> int:
    return (
        max(math.ceil(width * height / 750), math.ceil(width / 28) * math.ceil(height / 28)) + 100
    )


def _google(model: str, width: int, height: int) -> int:
    tile = min(max(min(width, height) / 1.5, 256), 768)
    return max(258 * math.ceil(width / tile) * math.ceil(height / tile), 2240)


def _rounded(amount: Decimal) -> Decimal:
    return amount.quantize(_SMALLEST, rounding=ROUND_UP)


# --- The three steps ------------------------------------------------------------------------------


def reserve(
    *,
    user_id: UUID,
    provider: Provider,
    model: str,
    purpose: str,
    amount: Decimal,
    price: ProviderPrice,
    seconds: int,
) -> Hold:
    """Set money aside within the person's limits; it comes free by itself after ``seconds``."""
    row = _committed(
        "SELECT hold_id, refused FROM reserve_usage(%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            user_id,
            provider.pk,
            model,
            purpose[:255],
            amount,
            price.pk,
            seconds,
            default_limit("day"),
            default_limit("month"),
        ],
    )
    return Hold(id=row[0], refused=row[1])


def send(hold_id: UUID) -> bool:
    """Note that the provider is asked now; False if that is too late."""
    return bool(_committed("SELECT send_usage(%s)", [hold_id])[0])


def settle(
    hold_id: UUID,
    cost: Decimal | None,
    usage: Usage | None = None,
    *,
    outcome: str = "answered",
    request_id: str = "",
    duration_ms: int | None = None,
    is_assumed: bool = False,
    keep: Callable[[], object] = lambda: None,
) -> bool:
    """End the hold with what the call cost; None when nothing was billed. False if it had ended.

    ``keep``  called in the same transaction, to store what was paid for
    """
    used = usage or Usage(images=0)
    return bool(
        _committed(
            "SELECT settle_usage(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                hold_id,
                cost,
                used.input_tokens,
                used.cached_input_tokens,
                used.output_tokens,
                used.images,
                outcome[:40],
                request_id[:255],
                duration_ms,
                is_assumed,
            ],
            keep,
        )[0]
    )


def expire() -> int:
    """End the holds that nobody settled in time; how many. As the system."""
    ended = 0
    while batch := int(_committed("SELECT expire_usage_holds()", [])[0]):
        ended += batch
    return ended


def seconds_left(period: Period) -> float:
    """Until the present day or month (UTC) ends."""
    now = datetime.now(UTC)
    start = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if period == "day":
        end = start + timedelta(days=1)
    else:
        end = (start.replace(day=1) + timedelta(days=32)).replace(day=1)
    return (end - now).total_seconds()


def default_limit(period: Period) -> Decimal | None:
    """What a person without a quota of their own may spend in a day or month; None: no limit."""
    key = {"day": "default_daily_cost_limit", "month": "default_monthly_cost_limit"}[period]
    value = system_settings.get(key)
    return None if value is None else Decimal(str(value))


def _committed(
    statement: str, parameters: list[Any], then: Callable[[], object] = lambda: None
) -> tuple[Any, ...]:
    """Run it in a transaction that is committed when this returns; refused inside another."""
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            row: tuple[Any, ...] = cursor.fetchone()
        then()
    return row
