"""People in every state, with sessions, keys and invitations, for the pages about them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any
from uuid import UUID

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection
from django.utils import timezone

from accounts.actions import api_keys, invitations, second_factor, sessions
from accounts.actions.api_keys import NewKey
from accounts.models import Invitation, Session, SessionKind, User
from tests.accounts.second_factor.factors import turn_on
from tests.factories import make_user

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PASSWORD = "violet anvil harbour tulip"

PEOPLE, ACCOUNT = "/accounts/user/", "/account/"
SESSIONS, KEYS, INVITATIONS = "/accounts/session/", "/accounts/apikey/", "/accounts/invitation/"


def page_of(row: Any) -> str:
    """The address of a person's, a session's, a key's or an invitation's page."""
    return f"/accounts/{row._meta.model_name}/{row.pk}/change/"


def door_of(row: Any, name: str) -> str:
    """The address of something that is done with it."""
    return f"/accounts/{row._meta.model_name}/{row.pk}/{name}/"


class _Fields(HTMLParser):
    """The fields of each form of a page, as a browser would post them."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[dict[str, str]] = []
        self._area = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        name = known.get("name", "")
        if tag == "form":
            self.forms.append({})
        elif tag == "textarea" and name:
            self._area, self.forms[-1][name] = name, ""
        elif tag == "input" and known.get("type") == "checkbox":
            self.forms[-1] |= {name: known.get("value", "on")} if "checked" in known else {}
        elif tag == "input" and name:
            self.forms[-1][name] = known.get("value", "")

    def handle_data(self, data: str) -> None:
        if self._area:
            self.forms[-1][self._area] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":  # its first line begins after the tag; ends are sent as CR LF
            text = self.forms[-1][self._area].removeprefix("\n").replace("\n", "\r\n")
            self.forms[-1][self._area], self._area = text, ""


def fields_of(page: str) -> dict[str, str]:
    """What a browser would post of the page's form, as it was shown."""
    parser = _Fields()
    parser.feed(page)
    [form] = [one for one in parser.forms if "seen" in one]
    return form


def with_password(role: str = "analyst", **fields: Any) -> User:
    """A person who can log in."""
    person = make_user(role, **fields)
    person.set_password(PASSWORD)
    person.password_changed_at = timezone.now() - timedelta(days=40)
    person.save()
    return person


def make_session(user: User, **fields: Any) -> Session:
    """A live session of the person."""
    values: dict[str, Any] = {
        "kind": SessionKind.BROWSER,
        "device_name": "Firefox on Linux",
        "user_agent": FIREFOX,
        "ip_address": "203.0.113.7",
        "expires_at": timezone.now() + timedelta(days=30),
    }
    return Session.objects.create(user=user, **(values | fields))


def make_key(user: User, **values: Any) -> NewKey:
    """A key of the person, made by themself."""
    given: dict[str, Any] = {"name": "Nightly report", "scopes": ["read:images"], "by": user}
    return api_keys.create(user, **(given | values))


def invite(by: User, email: str = "grace@example.org", role: str = "viewer") -> Invitation:
    """An open invitation."""
    return invitations.create(email, role, by=by).invitation


def lock(person: User, minutes: int = 15) -> User:
    """As ten failures do."""
    person.locked_until = timezone.now() + timedelta(minutes=minutes)
    person.lockout_count = 1
    person.save(update_fields=["locked_until", "lockout_count"])
    return person


def expire(row: Any) -> None:
    """Its end lies in the past."""
    table, key = row._meta.db_table, UUID(str(row.pk))
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET expires_at = now() - interval '1 day' WHERE id = %s",
            [key],
        )


def people_in_every_state(admin: User) -> dict[str, User]:
    """One of each, with what belongs to them."""
    ada = with_password("analyst", full_name="Ada Lovelace", email="ada@example.org")
    turn_on(ada)
    make_session(ada, has_second_factor=True)
    make_session(ada, kind=SessionKind.API, device_name="curl", ip_address="2001:db8::7")
    make_key(ada, networks=["192.0.2.0/24", "2001:db8::/32"], description="On the lab's server.")
    make_key(
        ada,
        name="Everything",
        scopes=["read:images", "read:results", "write:images", "write:jobs"],
        expires_at=timezone.now() + timedelta(days=5),
    )
    api_keys.revoke(make_key(ada, name="Old script").key.pk, by=ada)
    api_keys.change(make_key(ada, name="Paused").key.pk, by=ada, is_active=False)
    mary = lock(with_password("viewer", full_name="Mary Somerville"))
    gone = with_password("moderator", full_name="Charles Babbage")
    gone.is_active = False
    gone.save()
    bare = make_user("viewer", full_name="", email="somebody.with.a.long.name@example.org")
    sessions.end_all(mary, by=mary, reason="revoked")
    expire(invite(admin, "late@example.org", "analyst"))
    invitations.withdraw(invite(admin, "unwanted@example.org").pk, by=admin)
    invite(admin)
    assert second_factor.is_on(ada)
    return {"ada": ada, "mary": mary, "gone": gone, "bare": bare}


class NoPostOffice(BaseEmailBackend):
    """A mail server that cannot be reached."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Never."""
        raise ConnectionRefusedError("Connection refused")
