"""Sessions: where somebody is logged in, from the log-in to its end.

A session is a row; a browser's cookie and a program's tokens are worth what their row is worth
(docs/decisions/0016-sessions-and-tokens.md). The trigger ``end_sessions_of_user()`` ends the rows
of whoever got another password or role, or was deactivated.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.contrib import auth
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts import devices, mail
from accounts.living_sessions import live
from accounts.models import RefreshToken, Session, SessionEnd, SessionKind, User
from accounts.tokens import access, opaque
from accounts.tokens.clock import ClockTimestamp
from audit.middleware import address as address_of
from audit.recording import record
from database.actor import acting_as, acting_as_system

# A last use is written down once in this time, so that reading costs no write.
TOUCH_EVERY: Final = timedelta(minutes=1)
# So long a used token that comes again is a client that lost our answer, not a thief.
GRACE: Final = timedelta(seconds=10)


class SessionError(Exception):
    """A refusal; the text is a sentence for whoever asked."""


class NoSuchSession(SessionError):
    """There is none of this key, or it is somebody else's."""


class SessionOver(SessionError):
    """A refresh token that cannot be used: unknown, expired, or its session has ended."""


class RefreshedAlready(SessionError):
    """The token was used a moment ago, and nobody has used its successor."""

    retry_after: Final = 1


class TokenReused(SessionOver):
    """A used token came again: its session is ended."""


class AccountChanged(PermissionDenied):
    """The password was changed, or the person deactivated, while they logged in."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a program gets: shown once, and kept nowhere else."""

    session: Session
    access: str = field(repr=False)
    access_expires_at: datetime
    refresh: str = field(repr=False)
    refresh_expires_at: datetime


# --- Beginning ------------------------------------------------------------------------------------

_second_factor: ContextVar[bool] = ContextVar("logs_in_with_second_factor", default=False)


def start_browser(request: HttpRequest, user: User, *, has_second_factor: bool) -> Session:
    """Log the browser in; its session key is a new one from here on."""
    token = _second_factor.set(has_second_factor)
    try:
        auth.login(request, user)  # calls start_row() through its signal
    finally:
        _second_factor.reset(token)
    session: Session = request.browser_session  # type: ignore[attr-defined] # set by start_row()
    return session


def start_row(request: HttpRequest, user: User) -> Session:
    """The row of a browser that Django has just logged in, however that came about."""
    store = request.session
    expires_at = timezone.now() + timedelta(days=settings.SESSION_MAX_DAYS)
    user_agent = request.headers.get("User-Agent", "")
    with acting_as(user.pk), transaction.atomic():
        _note_log_in(user)
        store.set_expiry(expires_at)
        if store.session_key:
            end_browser(store.session_key, reason=SessionEnd.REPLACED)
            store.cycle_key()  # Django keeps the key when the same person logs in again
        else:
            store.create()
        session = _insert(
            user,
            SessionKind.BROWSER,
            device_name=devices.name_of(user_agent),
            user_agent=user_agent,
            address=address_of(request),
            has_second_factor=_second_factor.get(),
            expires_at=expires_at,
            browser_key_hash=opaque.browser_key_hash(store.session_key or ""),
        )
    request.browser_session = session  # type: ignore[attr-defined] # the middleware's attribute
    return session


def start_api(
    user: User, *, device_name: str, user_agent: str, address: str, has_second_factor: bool
) -> Tokens:
    """Log a program in; without a name the device is called after its user agent."""
    expires_at = timezone.now() + timedelta(days=settings.REFRESH_MAX_DAYS)
    with acting_as(user.pk), transaction.atomic():
        _note_log_in(user)
        session = _insert(
            user,
            SessionKind.API,
            device_name=devices.cleaned_name(device_name) or devices.name_of(user_agent),
            user_agent=user_agent,
            address=address,
            has_second_factor=has_second_factor,
            expires_at=expires_at,
        )
        return _tokens(session)[0]


def _insert(
    user: User,
    kind: SessionKind,
    *,
    device_name: str,
    user_agent: str,
    address: str,
    has_second_factor: bool,
    expires_at: datetime,
    browser_key_hash: str | None = None,
) -> Session:
    session = Session.objects.create(
        user=user,
        kind=kind,
        device_name=device_name,
        user_agent=devices.cleaned_user_agent(user_agent),
        ip_address=address or None,
        has_second_factor=has_second_factor,
        browser_key_hash=browser_key_hash,
        expires_at=expires_at,
    )
    record(
        "session.started",
        by=user,
        subject=session,
        details={"kind": str(kind), "has_second_factor": has_second_factor},
        personal=_personal(session),
    )
    return session


def _note_log_in(user: User) -> None:
    """The moment of the log-in; AccountChanged if the person is not as they were checked.

    Whoever changes the password at this moment either waits for our row, and then ends it, or is
    seen here: no session outlives the password it was begun with.
    """
    moment = timezone.now()
    unchanged = User.objects.filter(pk=user.pk, is_active=True, password=user.password)
    if not unchanged.update(last_login_at=moment):
        raise AccountChanged("Your account was changed at this moment. Log in again.")
    user.last_login_at = moment


# --- Life -----------------------------------------------------------------------------------------

_TOUCH: Final = """
    UPDATE sessions SET last_used_at = clock_timestamp(), ip_address = coalesce(%s, ip_address)
    WHERE id = (
        SELECT id FROM sessions
        WHERE id = %s AND ended_at IS NULL
            AND last_used_at < clock_timestamp() - make_interval(secs => %s)
        FOR NO KEY UPDATE SKIP LOCKED
    )
"""


def touch(session: Session, *, address: str = "") -> None:
    """Note that it is used, once a minute; whoever finds the row locked passes by."""
    if session.last_used_at > timezone.now() - TOUCH_EVERY:
        return
    with acting_as(session.user_id), connection.cursor() as cursor:
        cursor.execute(_TOUCH, [address or None, session.pk, TOUCH_EVERY.total_seconds()])


# --- Refreshing -----------------------------------------------------------------------------------


def refresh(token: str, *, address: str, user_agent: str) -> Tokens:
    """Exchange a refresh token for its successor and an access token.

    SessionOver, TokenReused (the session is ended and its person told), or RefreshedAlready. To be
    called outside a transaction: an end must stand although its cause is refused.
    """
    if not opaque.is_refresh_token(token):
        raise _unusable()
    with acting_as_system():  # the token alone says whose it is
        outcome = _exchange(opaque.refresh_token_hash(token), address, user_agent)
    if isinstance(outcome, SessionError):
        raise outcome
    return outcome


@transaction.atomic
def _exchange(token_hash: str, address: str, user_agent: str) -> Tokens | SessionError:
    found = _locked(token_hash)
    if found is None:
        return _unusable()
    token, session = found
    now: datetime = token.clock  # type: ignore[attr-defined] # annotated
    if session.ended_at is not None:
        return _unusable()
    if token.used_at is not None:
        successor = token.successor
        if successor and successor.used_at is None and now - token.used_at <= GRACE:
            return RefreshedAlready(
                "This refresh token was used a moment ago. Use the tokens of that answer;"
                " if they are lost, log in again."
            )
        return _end_reused(session)
    if min(token.expires_at, session.expires_at) <= now or not session.user.is_active:
        return _unusable()
    session.last_used_at = now
    session.ip_address = address or session.ip_address
    session.user_agent = devices.cleaned_user_agent(user_agent) or session.user_agent
    session.save(update_fields=["last_used_at", "ip_address", "user_agent"])
    tokens, made = _tokens(session)
    RefreshToken.objects.filter(pk=token.pk).update(used_at=ClockTimestamp(), successor=made)
    # The entry below covers them, too.
    RefreshToken.objects.filter(session=session, expires_at__lt=now).delete()
    record("session.refreshed", by=session.user_id, subject=session, personal=_personal(session))
    return tokens


def _locked(token_hash: str) -> tuple[RefreshToken, Session] | None:
    """The token and its session, which nobody else uses until the transaction ends."""
    known = RefreshToken.objects.filter(token_hash=token_hash).first()
    session = known and (
        Session.objects.select_for_update(of=("self",), no_key=True)
        .select_related("user")
        .filter(pk=known.session_id)
        .first()
    )
    # Read anew: what was read before the lock may have been used while we waited for it.
    token = session and (
        RefreshToken.objects.select_related("successor")
        .annotate(clock=ClockTimestamp())
        .filter(token_hash=token_hash)
        .first()
    )
    return (token, session) if token and session else None


def _end_reused(session: Session) -> TokenReused:
    """A thief, or the person who was robbed: nobody can tell, so both have to log in."""
    _end(session, SessionEnd.TOKEN_REUSED, by=None)
    mail.token_reused(session.user, session)
    return TokenReused(
        "This refresh token was used before. Its session is ended, in case it was stolen:"
        " log in again."
    )


def _tokens(session: Session) -> tuple[Tokens, RefreshToken]:
    """New tokens of a session, and the row of the refresh token."""
    signed, signed_until = access.encode(session.user_id, session.pk, ends_at=session.expires_at)
    secret = opaque.new_refresh_token()
    idle = timedelta(days=settings.REFRESH_IDLE_DAYS)
    row = RefreshToken.objects.create(
        session=session,
        user_id=session.user_id,
        token_hash=opaque.refresh_token_hash(secret),
        expires_at=min(timezone.now() + idle, session.expires_at),
    )
    return Tokens(session, signed, signed_until, secret, row.expires_at), row


def _unusable() -> SessionOver:
    return SessionOver("The refresh token cannot be used any more. Log in again.")


# --- Ending ---------------------------------------------------------------------------------------


@transaction.atomic
def end(session_id: UUID, *, by: User, reason: str) -> Session:
    """End one's own session, or, as an admin, anybody's; NoSuchSession for others.

    One that has ended already stays as it was.
    """
    session = Session.objects.select_for_update(no_key=True).filter(pk=session_id).first()
    if session is None or not _may_end(by, session.user_id):
        raise NoSuchSession(f"There is no session {session_id}.")
    if session.ended_at is None:
        _end(session, reason, by=by)
    return session


@transaction.atomic
def end_all(user: User, *, by: User, reason: str, but: UUID | None = None) -> int:
    """End every live session of a person, except ``but``; how many they were."""
    if not _may_end(by, user.pk):
        raise NoSuchSession("Only an admin may end the sessions of others.")
    found = Session.objects.select_for_update(no_key=True).filter(live(), user_id=user.pk)
    ended = [session for session in found.order_by("pk") if session.pk != but]
    for session in ended:
        _end(session, reason, by=by)
    return len(ended)


def end_browser(session_key: str, *, reason: str) -> bool:
    """End the session of a browser that holds this key; whether it had a live one."""
    hashed = opaque.browser_key_hash(session_key)
    with acting_as_system(), transaction.atomic():  # who holds the key may end what it opens
        found = Session.objects.select_for_update(no_key=True).select_related(None)
        session = found.filter(live(), browser_key_hash=hashed).first()
        if session is None:
            return False
        _end(session, reason, by=session.user_id)
    return True


def _may_end(by: User, owner_id: UUID) -> bool:
    return by.pk == owner_id or by.has_perm("accounts.change_session")


_ACTIONS: Final = {
    SessionEnd.LOGGED_OUT: "session.ended",
    SessionEnd.REPLACED: "session.ended",
    SessionEnd.TOKEN_REUSED: "session.token_reused",
}


def _end(session: Session, reason: str, *, by: User | UUID | None) -> None:
    """End a locked row; the trigger takes the browser's data away."""
    session.ended_at, session.end_reason = timezone.now(), SessionEnd(reason)
    session.save(update_fields=["ended_at", "end_reason"])
    stolen = reason == SessionEnd.TOKEN_REUSED
    record(
        _ACTIONS.get(SessionEnd(reason), "session.revoked"),
        by=by,
        subject=session,
        outcome="failure" if stolen else "success",
        error="A used refresh token came again." if stolen else "",
        details={"reason": str(session.end_reason)},
        personal=_personal(session),
    )


def _personal(session: Session) -> dict[str, str]:
    """What an entry tells of the device, where it can be erased."""
    told = {"device_name": session.device_name, "session_ip_address": session.ip_address or ""}
    return {name: text for name, text in told.items() if text}
