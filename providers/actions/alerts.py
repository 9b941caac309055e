"""Telling people how much of their limits is spent: once for each threshold, with a forecast."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import mail
from accounts.models import User
from audit.recording import record
from providers.models import CostAlert, Period

NOUN: Final = "cost_alert"
# So many people are told in one run; the next is a minute later.
MOST: Final = 500

_Key = tuple[UUID, str, date]


def mail_new() -> int:
    """Mail the alerts that nobody has been told of; how many letters were written. As the system.

    Where several thresholds were passed at once, one letter tells of the highest.
    """
    waiting = (
        CostAlert.objects.filter(mailed_at=None)
        .order_by("created_at", "pk")
        .values_list("user_id", "period", "starts_on")
    )
    periods: list[_Key] = list(dict.fromkeys(waiting[: MOST * 3]))
    return sum(_mail_one(key) for key in periods)


@transaction.atomic
def _mail_one(key: _Key) -> bool:
    user_id, period, starts_on = key
    found = CostAlert.objects.select_for_update(skip_locked=True).filter(
        user_id=user_id, period=period, starts_on=starts_on, mailed_at=None
    )
    alerts = sorted(found, key=lambda alert: alert.threshold_percent)
    if not alerts:
        return False
    CostAlert.objects.filter(pk__in=[alert.pk for alert in alerts]).update(mailed_at=timezone.now())
    person = User.objects.get(pk=user_id)
    if not person.is_active:
        return False
    highest = alerts[-1]
    mail.post("cost_alert", person.email, _subject(highest), _text(highest))
    record(
        "cost_alert.sent",
        subject=(NOUN, str(highest.pk)),
        after={
            "user_id": str(user_id),
            "period": period,
            "starts_on": str(starts_on),
            "threshold_percent": highest.threshold_percent,
        },
    )
    return True


def _subject(alert: CostAlert) -> str:
    return f"{alert.threshold_percent} % of your {_word(alert)} limit at AI providers is spent"


def _word(alert: CostAlert) -> str:
    return "daily" if alert.period == Period.DAY else "monthly"


def _text(alert: CostAlert) -> str:
    when = (
        f"{alert.starts_on:%-d %B %Y}" if alert.period == Period.DAY else f"{alert.starts_on:%B %Y}"
    )
    spent, limit = alert.spent_amount, alert.limit_amount
    lines = [
        f"Of your {_word(alert)} limit at AI providers, {dollars(limit)}, you have spent"
        f" {dollars(spent)} in {when} (UTC), {spent * 100 / limit:.0f} %."
    ]
    if spent >= limit:
        lines.append(
            f"Until {_end(alert):%-d %B %Y} (UTC) nothing that costs money is asked for you. An"
            " admin can give you a higher limit."
        )
    elif alert.forecast_amount is not None:
        lines.append(
            f"If it goes on like this, it will be about {dollars(alert.forecast_amount)} at the"
            f" end of the {alert.period}."
        )
    lines.append(f"Your calls are listed at {settings.SITE_URL}/providers/usageentry/")
    return "\n\n".join(lines)


def _end(alert: CostAlert) -> date:
    """The first day that counts anew."""
    if alert.period == Period.DAY:
        return alert.starts_on + timedelta(days=1)
    return (alert.starts_on.replace(day=1) + timedelta(days=32)).replace(day=1)


def dollars(amount: Decimal) -> str:
    """``1.50 $``, with more digits where it is less than a dollar."""
    return f"{amount:.2f} $" if amount >= 1 or amount == 0 else f"{amount:.4f} $"
