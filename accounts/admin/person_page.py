"""What stands on the page of one person."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from accounts.actions import second_factor
from accounts.actions.log_in import FAILURES_TO_LOCK
from accounts.actions.second_factor import Status
from accounts.admin import shown
from accounts.living_sessions import live
from accounts.models import ApiKey, Session, User
from audit import people as directory
from audit.admin import shown as entries_shown
from audit.admin.entry_list import UNREAD
from audit.models import Entry
from config.admin.formats import NOTHING, badge, exact_moment, moment, number, tag
from config.admin.formats import relative_moment as relative
from config.admin.model_admin import PageAction
from config.admin.tiles import Tile

# Rows of each kind on the page; the lists have the others.
MOST: Final = 10
_NOUN: Final = "user"
# Who did something where nobody was logged in, by where it came from.
_NOBODY: Final = {
    "admin": "somebody not logged in",
    "api": "somebody not logged in",
    "command": "an operator",
    "sql": "plain SQL",
}


@dataclass(frozen=True, slots=True)
class Fact:
    """A name, its value, and what can be done about it."""

    name: str
    value: SafeString | str
    url: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Happening:
    """An entry of the audit log, in one line."""

    when: SafeString
    url: str
    sentence: str
    outcome: SafeString | str
    who: str


def door(person: User, name: str) -> str:
    """The address of something that is done with the person."""
    return reverse(f"admin:accounts_user_{name}", args=[person.pk])


def live_sessions(person: User, *, but: UUID | None = None) -> list[Session]:
    """Where they are logged in, the latest use first; all but the session with this key."""
    found = Session.objects.filter(live(), user=person).order_by("-last_used_at", "-id")
    return [one for one in found if one.pk != but]


def keys_of(person: User) -> list[ApiKey]:
    """Their keys, those that open something first."""
    found = list(ApiKey.objects.filter(user=person).order_by("-id"))
    for key in found:
        key.user = person
    return sorted(found, key=lambda key: not shown.is_usable(key))


def context(
    request: HttpRequest, person: User, *, may_change: bool, here: UUID | None
) -> dict[str, Any]:
    """Everything that the template shows."""
    places, keys = live_sessions(person), keys_of(person)
    status = second_factor.status(person)
    is_self = person.pk == request.user.pk
    others = [one for one in places if one.pk != here]
    may_end = is_self or request.user.has_perm("accounts.change_session")
    trouble, is_bad = _trouble(person, status)
    return {
        "title": str(person),
        "person": person,
        "is_self": is_self,
        "access": badge(*shown.access_look(person)),
        "role": tag(person.get_role_display()),
        "trouble": trouble,
        "trouble_is_bad": is_bad,
        "attempts_url": _attempts_url(person)
        if shown.is_locked(person) and request.user.has_perm(entries_shown.VIEW)
        else "",
        "page_actions": actions(request, person) if may_change else [],
        "tiles": tiles(person, places, keys, status),
        "session_rows": shown.session_rows(places[:MOST], here),
        "session_count": len(places),
        "more_sessions": len(places) > MOST,
        "sessions_url": f"{reverse('admin:accounts_session_changelist')}?person={person.pk}",
        "may_end": may_end,
        "end_all_url": door(person, "end_sessions") if others and may_end else "",
        "end_all_label": "End all others" if is_self else "End all",
        "key_rows": shown.key_rows(keys[:MOST]),
        "key_count": len(keys),
        "more_keys": len(keys) > MOST,
        "keys_url": f"{reverse('admin:accounts_apikey_changelist')}?person={person.pk}",
        "new_key_url": new_key_url(person)
        if person.is_active and request.user.has_perm("accounts.add_apikey")
        else "",
        "facts": list(_facts(person, status, may_change=may_change and not is_self)),
        **_log(request, person),
    }


def new_key_url(person: User) -> str:
    """Where a key is made for somebody else."""
    return f"{reverse('admin:accounts_apikey_add')}?person={person.pk}"


def actions(request: HttpRequest, person: User) -> list[PageAction]:
    """The buttons in the header: what is urgent first."""
    found = []
    if person.is_active and shown.is_locked(person):
        found.append(PageAction("Unlock", door(person, "unlock"), method="post", key="u"))
    if not person.is_active:
        found.append(PageAction("Reactivate", door(person, "reactivate"), method="post"))
    if person.pk == request.user.pk:
        return found
    found.append(PageAction("Change role", door(person, "role"), kind="quiet", key="r"))
    if person.is_active:
        found.append(PageAction("Deactivate", door(person, "deactivate"), kind="danger"))
    return found


def tiles(
    person: User, places: Sequence[Session], keys: Sequence[ApiKey], status: Status
) -> list[Tile]:
    """Last use, sessions, keys, second factor."""
    return [
        last_use_tile(person, places, keys),
        sessions_tile(places),
        keys_tile(keys),
        factor(status),
    ]


def last_use_tile(person: User, places: Sequence[Session], keys: Sequence[ApiKey]) -> Tile:
    """When they, or a program of theirs, did something here, and with what."""
    used: list[tuple[datetime, str]] = [(one.last_used_at, shown.device(one)) for one in places]
    used += [
        (key.last_used_at, f"key {entries_shown.visible(key.name)}")
        for key in keys
        if key.last_used_at
    ]
    if person.last_login_at:
        used.append((person.last_login_at, "logged in"))
    if not used:
        return Tile("Last use", "never", "has not logged in yet")
    latest, where = max(used)
    return Tile("Last use", relative(latest), where)


def sessions_tile(places: Sequence[Session]) -> Tile:
    """In how many places they are logged in."""
    return Tile("Live sessions", number(len(places)), shown.kinds_in_words(places), url="#sessions")


def keys_tile(keys: Sequence[ApiKey]) -> Tile:
    """How many keys open something."""
    usable = sum(shown.is_usable(key) for key in keys)
    rest = len(keys) - usable
    note = f"{number(rest)} more that open nothing" if rest else "usable"
    return Tile("API keys", number(usable), note if keys else "none was made", url="#keys")


def factor(status: Status) -> Tile:
    """Whether one-time codes are on."""
    if status.is_on:
        left = shown.counted(status.codes_left, "recovery code left", "recovery codes left")
        return Tile("One-time codes", "On", left, "warning" if status.has_few_codes else "good")
    if status.is_demanded:
        return Tile("One-time codes", "Off", "demanded of staff", "warning")
    return Tile("One-time codes", "Off", "the password alone is asked for")


def _trouble(person: User, status: Status) -> tuple[str, bool]:
    """What keeps the person out, as a sentence; and whether it is for good."""
    if not person.is_active:
        return "Deactivated: they cannot log in, and their API keys open nothing.", True
    if shown.is_locked(person):
        return (
            f"Locked until {exact_moment(person.locked_until)} after"
            f" {FAILURES_TO_LOCK} failures in a row. The lock ends by itself. If it was they who"
            " failed, unlock them; if not, somebody tries passwords.",
            False,
        )
    if not shown.has_password(person):
        return "No password: they cannot log in until they get a link or a password.", False
    return "", False


def _attempts_url(person: User) -> str:
    """The entries that say when somebody was refused as this person, and from where."""
    return entries_shown.list_url(
        action="session.refused", resource=_NOUN, resource_id=str(person.pk)
    )


def _facts(person: User, status: Status, *, may_change: bool) -> Iterable[Fact]:
    """How they log in."""
    has_password = shown.has_password(person)
    set_at = person.password_changed_at
    yield Fact(
        "Password",
        (format_html("set {}", moment(set_at)) if set_at else "set") if has_password else "none",
        door(person, "password") if may_change else "",
        "Change" if has_password else "Give one",
    )
    codes: SafeString | str = "off"
    if status.is_on:
        codes = format_html("on since {}", moment(status.since))
    yield Fact(
        "One-time codes",
        codes,
        door(person, "factor") if may_change and status.is_on else "",
        "Turn off",
    )
    failures = f"{number(person.failed_login_count)} of {FAILURES_TO_LOCK} before a lock"
    yield Fact("Failures in a row", failures if person.failed_login_count else "none")
    if person.lockout_count:
        yield Fact("Locked lately", shown.counted(person.lockout_count, "time", "times"))
    yield Fact("Last log-in", moment(person.last_login_at))
    yield Fact("Added", moment(person.created_at))
    yield Fact("Id", format_html('<code class="id">{}</code>', person.pk))


# --- The audit log --------------------------------------------------------------------------------


def _log(request: HttpRequest, person: User) -> dict[str, Any]:
    if not request.user.has_perm(entries_shown.VIEW):
        return {"may_see_log": False}
    key = str(person.pk)
    return {
        "may_see_log": True,
        "entries": happenings(person),
        "log_about_url": entries_shown.list_url(resource=_NOUN, resource_id=key),
        "log_by_url": entries_shown.list_url(who=key),
    }


def happenings(person: User) -> list[Happening]:
    """The latest that was done to the person, or by them; each by its own index."""
    about = Entry.objects.filter(resource_type=_NOUN, resource_id=str(person.pk))
    by = Entry.objects.filter(actor_id=person.pk)
    found = {
        entry.id: entry
        for rows in (about, by)
        for entry in rows.defer(*UNREAD).order_by("-id")[:MOST]
    }
    latest = [found[one] for one in sorted(found, reverse=True)[:MOST]]
    names = directory.names(entry.actor_id for entry in latest)
    return [
        Happening(
            when=entries_shown.moment(entry),
            url=reverse("admin:audit_entry_change", args=[entry.pk]),
            sentence=_sentence(entry),
            outcome=""
            if entry.outcome == Entry.Outcome.SUCCESS
            else format_html(" {}", entries_shown.outcome(entry.outcome)),
            who=_who(entry, names),
        )
        for entry in latest
    ]


def _sentence(entry: Entry) -> str:
    meaning = entries_shown.meaning(entry.action).rstrip(".")
    return capfirst(meaning or entries_shown.visible(entry.action))


def _who(entry: Entry, names: dict[UUID, str]) -> str:
    if entry.actor_id is None:
        return _NOBODY.get(entry.source or "", "the system")
    return entries_shown.visible(names.get(entry.actor_id, "")) or str(entry.actor_id) or NOTHING
