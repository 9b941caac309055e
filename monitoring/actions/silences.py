"""Keeping alerts quiet for a time, such as a repair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import structlog
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from audit.recording import record
from monitoring.errors import NotNow
from monitoring.errors_of_alerts import SilenceRefused
from monitoring.models import AlertRule, AlertSilence, Dataset
from monitoring.rules import NotADefinition
from monitoring.rules.silencing import parse_matchers

log = structlog.get_logger(__name__)

LONGEST_COMMENT: Final = 2000


@transaction.atomic
def silence(
    dataset_id: UUID,
    *,
    ends_at: datetime,
    comment: str,
    by: User,
    starts_at: datetime | None = None,
    matchers: Sequence[Mapping[str, Any]] = (),
) -> AlertSilence:
    """Tell nothing of matching alerts of the dataset; without matchers, of none of its alerts.

    They are raised and end as ever; what is still open when the silence ends is told then.
    SilenceRefused; NotNow for a dataset that cannot be seen.
    """
    now = timezone.now()
    starts_at = starts_at or now
    try:
        parse_matchers(list(matchers))
    except NotADefinition as error:
        raise SilenceRefused(str(error)) from None
    if ends_at <= max(starts_at, now):
        raise SilenceRefused("A silence ends after it begins, and after now.")
    if not 1 <= len(comment.strip()) <= LONGEST_COMMENT:
        raise SilenceRefused(f"A silence has a comment of 1 to {LONGEST_COMMENT} characters.")
    dataset = Dataset.objects.filter(pk=dataset_id).first()
    if dataset is None:
        raise NotNow(f"There is no dataset {dataset_id}.")
    made = AlertSilence.objects.create(
        dataset=dataset,
        user_id=dataset.user_id,
        matchers=[dict(matcher) for matcher in matchers],
        starts_at=starts_at,
        ends_at=ends_at,
        comment=comment.strip(),
        created_by=by,
    )
    record(
        "alert_silence.made",
        by=by,
        subject=made,
        details={"dataset": str(dataset_id), "from": starts_at, "until": ends_at},
    )
    log.info("alerts silenced", silence_id=str(made.pk), user_id=str(by.pk))
    return made


@transaction.atomic
def end(silence_id: UUID, *, by: User) -> AlertSilence:
    """End a silence now; what is open is told in the next round."""
    found = AlertSilence.objects.select_for_update(no_key=True).filter(pk=silence_id).first()
    if found is None:
        raise NotNow(f"There is no silence {silence_id}.")
    now = timezone.now()
    if found.ends_at <= now:
        raise NotNow(f"The silence ended at {found.ends_at:%Y-%m-%d %H:%M} already.")
    before = found.ends_at
    found.ends_at = max(now, found.starts_at)
    found.save(update_fields=["ends_at"])
    AlertRule.objects.filter(dataset_id=found.dataset_id, is_active=True).update(notify_at=now)
    record(
        "alert_silence.ended",
        by=by,
        subject=found,
        before={"ends_at": before},
        after={"ends_at": found.ends_at},
    )
    return found
