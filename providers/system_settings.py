"""The settings of the running system that concern providers."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from database.system_settings import define


def _is_amount(value: Any) -> bool:
    if value is None:
        return True
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return False
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return False
    return amount.is_finite() and 0 <= amount < Decimal(10**8)


_AMOUNT = "an amount in US dollars from 0 on, or null for no limit"

define(
    "default_daily_cost_limit",
    5,
    "What a person without a quota of their own may spend at AI providers in a day (UTC), in US $.",
    accepts=_is_amount,
    wanted=_AMOUNT,
)
define(
    "default_monthly_cost_limit",
    50,
    "The same for a month.",
    accepts=_is_amount,
    wanted=_AMOUNT,
)
