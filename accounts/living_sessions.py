"""Which sessions open anything: neither ended, nor expired, nor unused for too long."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from accounts.models import Session, SessionKind
from accounts.tokens import opaque
from database.actor import acting_as_system


def live(moment: datetime | None = None) -> Q:
    """Sessions that are neither ended nor expired nor unused for too long."""
    moment = moment or timezone.now()
    browser = Q(
        kind=SessionKind.BROWSER,
        last_used_at__gt=moment - timedelta(hours=settings.SESSION_IDLE_HOURS),
    )
    program = Q(
        kind=SessionKind.API,
        last_used_at__gt=moment - timedelta(days=settings.REFRESH_IDLE_DAYS),
    )
    return Q(ended_at=None, expires_at__gt=moment) & (browser | program)


def is_live(session: Session, moment: datetime) -> bool:
    """As ``live()``, for a row at hand."""
    idle = (
        timedelta(hours=settings.SESSION_IDLE_HOURS)
        if session.kind == SessionKind.BROWSER
        else timedelta(days=settings.REFRESH_IDLE_DAYS)
    )
    is_used = session.last_used_at > moment - idle
    return session.ended_at is None and session.expires_at > moment and is_used


def find_browser(session_key: str, user_id: UUID) -> Session | None:
    """The live session of a browser that holds this key."""
    hashed = opaque.browser_key_hash(session_key)
    return Session.objects.filter(live(), browser_key_hash=hashed, user_id=user_id).first()


def find_api(session_id: UUID, user_id: UUID) -> Session | None:
    """The live session of a program, with its active person, in one query."""
    with acting_as_system():  # who asks is what is being looked up
        return (
            Session.objects.select_related("user")
            .filter(live(), pk=session_id, user_id=user_id, kind=SessionKind.API)
            .filter(user__is_active=True)
            .first()
        )
