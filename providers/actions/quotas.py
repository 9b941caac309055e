"""People's limits: set by admins, null where the default of the settings holds."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final, TypedDict, Unpack

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import User
from audit.recording import record
from providers.errors import NotAllowed, NotPossible
from providers.models import UserQuota

NOUN: Final = "user_quota"


class Limits(TypedDict, total=False):
    """What can be limited, in US dollars and in calls."""

    daily_cost_limit: Decimal | None
    monthly_cost_limit: Decimal | None
    daily_request_limit: int | None
    monthly_request_limit: int | None


NAMES: Final = tuple(Limits.__annotations__)


@transaction.atomic
def change(user: User, *, by: User, **limits: Unpack[Limits]) -> UserQuota:
    """Set the limits that are named; admins alone may. NotPossible for what is no limit.

    A call that money is set aside for already goes on.
    """
    if not by.is_superuser:
        raise NotAllowed("Only an admin may change what somebody may spend.")
    quota = UserQuota.objects.select_for_update().filter(user=user).first()
    before = dict[str, Any].fromkeys(NAMES) if quota is None else _told(quota)
    quota = quota or UserQuota(user=user)
    for name, value in limits.items():
        setattr(quota, name, value)
    wrong: dict[str, list[str]] = {}
    try:
        quota.clean_fields(exclude=["user"])
    except ValidationError as error:
        wrong = error.message_dict
    for name in limits.keys() - wrong.keys():
        value = getattr(quota, name)
        if value is not None and value < 0:
            wrong[name] = ["A limit is 0 or more, or empty for the default."]
    if wrong:
        raise NotPossible(wrong)
    after = _told(quota)
    if quota._state.adding or before != after:
        quota.save()
        record(
            "user_quota.changed",
            by=by,
            subject=(NOUN, str(quota.pk)),
            before=before,
            after={"user_id": str(user.pk), **after},
        )
        quota.refresh_from_db()
    return quota


def _told(quota: UserQuota) -> dict[str, Any]:
    values = {name: getattr(quota, name) for name in NAMES}
    return {
        name: str(value.normalize()) if isinstance(value, Decimal) else value
        for name, value in values.items()
    }
