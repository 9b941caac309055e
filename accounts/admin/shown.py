"""How people, their sessions, keys and invitations stand, as the pages say it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.models import ApiKey, Invitation, Session, SessionKind, User
from accounts.roles import Role
from audit.admin.shown import visible
from config.admin.formats import (
    NOTHING,
    State,
    badge,
    exact_moment,
    moment,
    number,
    relative_moment,
)
from config.api.scopes import SCOPES

Look = tuple[str, State]

# What each role is for, as a person reads it who gives one.
ROLES: Final[dict[str, str]] = {
    Role.ADMIN: "Does everything, people, keys and settings included.",
    Role.MODERATOR: "Archives images, settles duplicates, steers queues, reads the audit log.",
    Role.ANALYST: "Uploads images, has them analysed, writes notes on results.",
    Role.VIEWER: "Looks at images, results and jobs; changes nothing.",
    Role.API_USER: "For programs: the API alone. These pages stay closed.",
}

# An invitation that would be open if whoever sent it were an admin still.
DEAD: Final = "nobody answers for it"

# A key that ends so soon is pointed out.
SOON: Final = timedelta(days=14)


# --- People ---------------------------------------------------------------------------------------


def is_locked(person: User) -> bool:
    """Whether too many failures keep the person out at this moment."""
    return person.locked_until is not None and person.locked_until > timezone.now()


def has_password(person: User) -> bool:
    """Whether there is a password; not asked of the hasher, so that a list can ask it of many."""
    return bool(person.password) and not person.password.startswith(UNUSABLE_PASSWORD_PREFIX)


def access_look(person: User) -> Look:
    """Whether the person can log in, in a few words."""
    if not person.is_active:
        return "deactivated", "bad"
    if is_locked(person):
        return f"locked until {clock(person.locked_until)}", "warning"
    if not has_password(person):
        return "no password", "warning"
    return "active", "good"


def access(person: User) -> SafeString:
    """The same as a badge; what is usual is not shouted."""
    word, state = access_look(person)
    return format_html("{}", word) if state == "good" else badge(word, state)


def clock(value: datetime | None) -> str:
    """``14:05`` today, else ``22 Nov 2026 14:05``, in the current zone."""
    if value is None:
        return NOTHING
    local = timezone.localtime(value)
    if local.date() == timezone.localdate():
        return f"{local:%H:%M}"
    return f"{local.day} {local:%b %Y %H:%M}"


def person_link(person: User | None) -> SafeString:
    """The person's name, leading to their page."""
    if person is None:
        return format_html("{}", NOTHING)
    url = reverse("admin:accounts_user_change", args=[person.pk])
    return format_html('<a href="{}">{}</a>', url, person)


def counted(count: int, one: str, many: str) -> str:
    """``1 session``, ``3 sessions``."""
    return f"{number(count)} {one if count == 1 else many}"


# --- Sessions -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A live session in a table of somebody's."""

    key: UUID
    device: str
    kind: str
    address: str
    with_code: bool
    started: SafeString
    used: SafeString
    is_here: bool


def device(session: Session) -> str:
    """What the device is called."""
    return visible(str(session))


def session_rows(found: Iterable[Session], here: UUID | None) -> list[SessionRow]:
    """The rows; the session in which the page is looked at comes first, and is marked."""
    rows = [
        SessionRow(
            key=one.pk,
            device=device(one),
            kind=one.get_kind_display(),
            address=one.ip_address or NOTHING,
            with_code=one.has_second_factor,
            started=moment(one.created_at),
            used=moment(one.last_used_at),
            is_here=one.pk == here,
        )
        for one in found
    ]
    return sorted(rows, key=lambda row: not row.is_here)


def kinds_in_words(found: Collection[Session]) -> str:
    """``2 browsers, 1 program``."""
    browsers = sum(one.kind == SessionKind.BROWSER for one in found)
    programs = len(found) - browsers
    parts = []
    if browsers:
        parts.append(counted(browsers, "browser", "browsers"))
    if programs:
        parts.append(counted(programs, "program", "programs"))
    return ", ".join(parts) or "logged in nowhere"


# --- API keys -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key in a table of somebody's."""

    name: str
    url: str
    prefix: str
    state: SafeString
    scopes: str
    used: SafeString
    until: SafeString


def is_usable(key: ApiKey) -> bool:
    """Whether it opens anything; its person is looked at, too."""
    return (
        key.is_active
        and key.revoked_at is None
        and (key.expires_at is None or key.expires_at > timezone.now())
        and key.user.is_active
    )


def key_look(key: ApiKey) -> Look:
    """How a key stands."""
    now = timezone.now()
    if key.revoked_at is not None:
        return "withdrawn", "neutral"
    if key.expires_at is not None and key.expires_at <= now:
        return "expired", "neutral"
    if not key.user.is_active:
        return "person deactivated", "warning"
    if not key.is_active:
        return "switched off", "warning"
    if key.expires_at is not None and key.expires_at <= now + SOON:
        return f"ends {relative_moment(key.expires_at, now)}", "notice"
    return "usable", "good"


def key_rows(found: Iterable[ApiKey]) -> list[KeyRow]:
    """The rows."""
    return [
        KeyRow(
            name=visible(key.name),
            url=reverse("admin:accounts_apikey_change", args=[key.pk]),
            prefix=visible(key.prefix) or NOTHING,
            state=badge(*key_look(key)),
            scopes=scopes_in_words(key),
            used=moment(key.last_used_at) if key.last_used_at else format_html("{}", "never"),
            until=until(key.expires_at),
        )
        for key in found
    ]


def scopes_of(key: ApiKey) -> list[tuple[str, str]]:
    """Each scope with its sentence; a row's other values are shown as what they are."""
    names = key.scopes if isinstance(key.scopes, list) else [key.scopes]
    unknown = "Not a scope of this release: it gives nothing."
    return [(visible(str(name)[:80]), SCOPES.get(str(name), unknown)) for name in names]


def scopes_in_words(key: ApiKey) -> str:
    """The names of a few scopes, or how many more there are."""
    names = [name for name, _ in scopes_of(key)]
    if len(names) <= 3:
        return ", ".join(names) or "none"
    return f"{', '.join(names[:2])} and {len(names) - 2} more"


def until(value: datetime | None) -> SafeString:
    """Until when something is valid."""
    return format_html("{}", "no end") if value is None else moment(value)


# --- Invitations ----------------------------------------------------------------------------------


def invitation_look(invitation: Invitation) -> Look:
    """How an invitation stands."""
    if invitation.accepted_at is not None:
        return "accepted", "good"
    if invitation.revoked_at is not None:
        return "withdrawn", "neutral"
    if invitation.expires_at <= timezone.now():
        return "expired", "warning"
    host = invitation.invited_by
    if host is None or not host.is_active or host.role != Role.ADMIN:
        return DEAD, "warning"
    return "open", "notice"


def exactly(value: datetime | None) -> SafeString:
    """A moment in words with the exact one beside it, where there is room."""
    if value is None:
        return format_html("{}", NOTHING)
    return format_html('{} <span class="quiet-text">{}</span>', moment(value), exact_moment(value))
