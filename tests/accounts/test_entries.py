"""What people do with accounts and sessions, in the audit log; and what never stands there."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client

from accounts.models import User
from audit.models import Entry
from tests.audit.capture.told import actions, entries, everything
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORD = "a long enough phrase 42"
OTHER = "another long phrase 43"


@pytest.fixture
def admin() -> User:
    return make_user("admin", email="ada@example.org", full_name="Ada")


@pytest.fixture
def client(admin: User) -> Client:
    made = Client()
    made.force_login(admin)
    return made


def personal(entry: Entry) -> str:
    """What stands beside an entry and can be erased."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT data FROM audits.audit_personal WHERE entry_id = %s", [entry.entry_id]
        )
        text: str = cursor.fetchone()[0]
    return text


def latest(action: str) -> Entry:
    return Entry.objects.filter(action=action).latest("id")


def log_in(client: Client, email: str, password: str) -> Any:
    return client.post(
        "/login/", {"username": email, "password": password}, headers={"user-agent": "Tester"}
    )


def test_logging_in_and_out_are_entries() -> None:
    person = User.objects.create_user("grace@example.org", PASSWORD, role="viewer")
    client = Client()

    log_in(client, person.email, PASSWORD)
    client.post("/logout/")

    started, ended = latest("session.started"), latest("session.ended")
    session = person.sessions.get()
    assert (started.actor_id, started.resource_id) == (person.pk, str(session.pk))
    assert (started.ip_address, started.user_agent) == ("127.0.0.1", "Tester")
    assert started.source == "admin"
    assert started.request_id
    assert ended.actor_id == person.pk
    assert "user.updated" not in actions("user"), "the moment of the log-in is no change of theirs"


@pytest.mark.parametrize("known", [True, False])
def test_a_failed_login_is_kept_with_the_address_where_it_can_be_erased(known: bool) -> None:
    person = make_user(email="grace@example.org")
    typed = person.email if known else "nobody@example.org"

    log_in(Client(), typed, "wrong " + PASSWORD)

    entry = latest("session.refused")
    assert entry.outcome == "failure"
    assert entry.resource_id == (str(person.pk) if known else None)
    assert typed not in entry.payload
    assert f'"email":"{typed}"' in personal(entry)


@pytest.mark.parametrize("typed", ["x" * 100_000, "gr\u202eace@example.org", "' OR 1=1 --"])
def test_whatever_is_typed_as_an_address_is_recorded(typed: str) -> None:
    Client().login(username=typed, password="x")

    assert latest("session.refused").outcome == "failure"
    assert len(personal(latest("session.refused"))) < 1000


def test_a_password_that_is_typed_as_an_address_is_not_kept() -> None:
    Client().login(username=PASSWORD, password="x")

    assert PASSWORD not in personal(latest("session.refused"))
    assert '"email":""' in personal(latest("session.refused"))


def test_adding_a_person_is_one_entry(client: Client, admin: User) -> None:
    form = {
        "email": "grace@example.org",
        "full_name": "Grace",
        "role": "analyst",
        "usable_password": "true",
        "password1": PASSWORD,
        "password2": PASSWORD,
    }
    client.post("/accounts/user/add/", form)

    grace = User.objects.get(email="grace@example.org")
    (entry,) = Entry.objects.filter(resource_id=str(grace.pk))
    assert (entry.action, entry.actor_id) == ("user.created", admin.pk)
    assert entry.changes_after["role"] == "analyst"
    assert "grace@example.org" not in entry.payload
    assert '"user_email":"grace@example.org"' in personal(entry)


@pytest.mark.parametrize(
    ("door", "fields", "action", "before"),
    [
        ("role", {"role": "moderator"}, "user.role_changed", {"role": "viewer"}),
        ("deactivate", {}, "user.deactivated", {"is_active": True}),
        ("change", {"is_email_verified": "on"}, "user.changed", {"is_email_verified": False}),
        ("change", {"full_name": "Grace H."}, "user.changed", {}),
    ],
)
def test_changing_a_person_is_one_entry(
    client: Client,
    admin: User,
    door: str,
    fields: dict[str, str],
    action: str,
    before: dict[str, Any],
) -> None:
    grace = make_user("viewer", email="grace@example.org", full_name="Grace")
    form = {"email": grace.email, "full_name": "Grace"}
    client.post(f"/accounts/user/{grace.pk}/{door}/", form | fields)

    inserted, entry = Entry.objects.filter(resource_id=str(grace.pk)).order_by("id")
    assert inserted.action == "user.inserted"
    assert (entry.action, entry.actor_id) == (action, admin.pk)
    assert entry.changes_before == before
    assert "Grace" not in entry.payload
    with connection.cursor() as cursor:
        cursor.execute("SELECT action FROM security_audit WHERE id = %s", [entry.entry_id])
        documented = cursor.fetchone()[0]
    assert documented == ("user.changed" if action == "user.changed" else "permission_change")


def test_saving_a_person_unchanged_is_no_entry(client: Client) -> None:
    grace = make_user("viewer", email="grace@example.org", full_name="Grace")
    form = {"email": grace.email, "full_name": "Grace"}

    client.post(f"/accounts/user/{grace.pk}/change/", form)

    assert [entry.action for entry in Entry.objects.filter(resource_id=str(grace.pk))] == [
        "user.inserted"
    ]


def test_a_password_is_changed_by_an_admin_by_its_owner_or_by_a_command(
    client: Client, admin: User
) -> None:
    grace = User.objects.create_user("grace@example.org", PASSWORD, role="viewer")
    own = Client()
    own.force_login(grace)

    own.post(
        "/password_change/",
        {"old_password": PASSWORD, "new_password1": OTHER, "new_password2": OTHER},
    )
    client.post(
        f"/accounts/user/{grace.pk}/password/",
        {"usable_password": "true", "password1": PASSWORD, "password2": PASSWORD},
    )
    client.post(
        f"/accounts/user/{grace.pk}/password/", {"usable_password": "false", "unset-password": "1"}
    )

    changed = Entry.objects.filter(action="user.password_changed").order_by("id")
    assert [(entry.actor_id, entry.details) for entry in changed] == [
        (grace.pk, {"removed": False}),
        (admin.pk, {"removed": False}),
        (admin.pk, {"removed": True}),
    ]
    assert "user.updated" not in actions("user")


def test_an_admin_made_by_a_command_is_an_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    call_command(
        "createsuperuser", email="root@example.org", interactive=False, stdout=io.StringIO()
    )

    assert actions("user") == ["user.created"]


def test_no_password_and_no_hash_of_one_stands_in_the_log(client: Client) -> None:
    """Through everything that touches passwords: the whole log is searched."""
    person = User.objects.create_user("grace@example.org", PASSWORD, role="viewer")
    hashes = {person.password}
    own = Client()
    log_in(own, person.email, "wrong-" + PASSWORD)
    log_in(own, person.email, PASSWORD)
    own.post(
        "/password_change/",
        {"old_password": PASSWORD, "new_password1": OTHER, "new_password2": OTHER},
    )
    hashes.add(User.objects.get(pk=person.pk).password)
    client.post(
        "/accounts/user/add/",
        {
            "email": "new@example.org",
            "full_name": "New",
            "role": "viewer",
            "usable_password": "true",
            "password1": PASSWORD,
            "password2": PASSWORD,
        },
    )
    hashes.add(User.objects.get(email="new@example.org").password)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE users SET password_hash = 'planted-hash'")
        cursor.execute("DELETE FROM users WHERE email = 'new@example.org'")

    text = everything()
    assert len(entries()) > 8
    for secret in (PASSWORD, OTHER, "planted-hash", "argon2", *hashes):
        assert secret not in text, secret
    assert own.session.session_key is None or own.session.session_key not in text


def test_the_summary_counts_each_persons_entries(admin: User) -> None:
    person = make_user("viewer", email="grace@example.org")
    client = Client()
    client.force_login(person)
    client.get("/accounts/user/add/")  # refused

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT event_count, success_count, failure_count, login_count, total_duration_ms,"
            " last_event_at > first_event_at FROM audit_summary_by_user WHERE user_id = %s",
            [person.pk],
        )
        assert cursor.fetchone() == (2, 1, 1, 1, 0, True)
        cursor.execute(
            "SELECT event_count, avg_duration_ms FROM audit_summary_by_user WHERE user_id = %s",
            [admin.pk],
        )
        assert cursor.fetchone() == (0, None)


@pytest.mark.parametrize("role", ["lacuna_readonly", "lacuna_auditor", "lacuna_backup"])
def test_those_who_report_see_the_summary(role: str, administrator: Any) -> None:
    administrator.execute(f"SET ROLE {role}")

    assert administrator.execute("SELECT count(*) FROM audit_summary_by_user").fetchone() == (0,)
