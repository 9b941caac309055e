"""Turning the second factor off, and new recovery codes: with proof, or by an admin."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.actions import log_in, own_factor, second_factor, sessions
from accounts.models import RecoveryCode, Session, TotpDevice, User
from audit.models import Entry
from database.actor import acting_as
from tests.accounts.second_factor.factors import (
    PASSWORD,
    current_code,
    make_person,
    turn_on,
    wrong_code,
)
from tests.factories import make_user

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("the_clock_stands"),
]


def make_session(user: User) -> Session:
    return Session.objects.create(
        user=user, kind="api", expires_at=timezone.now() + timedelta(days=1)
    )


def test_it_takes_the_password_to_begin() -> None:
    user = make_person()

    with pytest.raises(log_in.LoginRefused):
        own_factor.begin(user, password="wrong")
    assert second_factor.pending(user) is None

    assert own_factor.begin(user, password=PASSWORD) == second_factor.pending(user)


def test_what_is_on_asks_for_no_password_to_say_so() -> None:
    user = make_person()
    turn_on(user)

    with pytest.raises(second_factor.AlreadyOn):
        own_factor.begin(user, password=PASSWORD)


def test_password_and_code_turn_it_off_and_end_every_session() -> None:
    user = make_person()
    turn_on(user)
    session = make_session(user)

    with acting_as(user.pk):
        ended = own_factor.turn_off(
            user, password=PASSWORD, code=current_code(user), address="192.0.2.1"
        )

    session.refresh_from_db()
    assert ended == 1
    assert session.end_reason == "factor_changed"
    assert not TotpDevice.objects.exists()
    assert not RecoveryCode.objects.exists()
    assert not second_factor.is_on(user)
    assert "turned off for your Lacuna account by you" in mail.outbox[-1].body.replace("\n", " ")
    entry = Entry.objects.filter(action="second_factor.removed").latest("id")
    assert (entry.actor_id, entry.resource_id) == (user.pk, str(user.pk))


def test_a_recovery_code_turns_it_off_too() -> None:
    user = make_person()
    codes = turn_on(user)

    own_factor.turn_off(user, password=PASSWORD, code=codes[0], address="")

    assert not second_factor.is_on(user)


def test_a_wrong_password_or_code_is_counted_and_changes_nothing() -> None:
    user = make_person()
    turn_on(user)

    with pytest.raises(log_in.LoginRefused):
        own_factor.turn_off(user, password="wrong", code=current_code(user), address="")
    with pytest.raises(log_in.LoginRefused):
        own_factor.turn_off(user, password=PASSWORD, code=wrong_code(user), address="")

    user.refresh_from_db()
    assert user.failed_login_count == 2
    assert second_factor.is_on(user)


def test_without_proof_nobody_turns_off_their_own() -> None:
    admin = make_person("admin")
    turn_on(admin)

    with pytest.raises(PermissionDenied, match="password and a code"):
        second_factor.remove(admin, by=admin)


@pytest.mark.parametrize("role", ["moderator", "analyst", "viewer", "api_user"])
def test_only_an_admin_turns_off_somebody_elses(role: str) -> None:
    user, other = make_person(), make_user(role)
    turn_on(user)

    with pytest.raises(PermissionDenied, match="Only an admin"):
        second_factor.remove(user, by=other)

    assert second_factor.is_on(user)


def test_an_admin_turns_it_off_for_somebody_who_is_told() -> None:
    user, admin = make_person(), make_user("admin", full_name="Grace")
    turn_on(user)
    session = make_session(user)

    with acting_as(admin.pk):
        second_factor.remove(user, by=admin)

    session.refresh_from_db()
    assert session.end_reason == "factor_changed"
    assert not second_factor.is_on(user)
    assert mail.outbox[-1].to == [user.email]
    assert "Grace, an admin" in mail.outbox[-1].body
    assert Entry.objects.filter(action="second_factor.removed").latest("id").actor_id == admin.pk


def test_what_is_not_on_is_not_turned_off() -> None:
    user, admin = make_person(), make_user("admin")
    second_factor.enrol(user)

    with pytest.raises(second_factor.NotOn):
        second_factor.remove(user, by=admin)
    with pytest.raises(second_factor.NotOn):
        own_factor.turn_off(user, password=PASSWORD, code="123456", address="")
    with pytest.raises(second_factor.NotOn):
        own_factor.new_recovery_codes(user, password=PASSWORD, code="123456", address="")
    user.refresh_from_db()
    assert user.failed_login_count == 0


def test_new_recovery_codes_replace_the_old() -> None:
    user = make_person()
    old = turn_on(user)

    new = own_factor.new_recovery_codes(user, password=PASSWORD, code=old[0], address="")

    assert not second_factor.verify(user, old[1])
    assert second_factor.verify(user, new[1])
    assert not set(old) & set(new)
    assert second_factor.status(user).codes_left == 9
    subjects = [letter.subject for letter in mail.outbox]
    assert "New recovery codes" in subjects


def test_a_wrong_password_or_code_gives_no_new_recovery_codes() -> None:
    user = make_person()
    old = turn_on(user)

    with pytest.raises(log_in.LoginRefused):
        own_factor.new_recovery_codes(user, password=PASSWORD, code=wrong_code(user), address="")
    with pytest.raises(log_in.LoginRefused):
        own_factor.new_recovery_codes(user, password="wrong", code=current_code(user), address="")

    assert second_factor.verify(user, old[0])


def test_a_failure_to_write_leaves_the_second_factor_on(monkeypatch: pytest.MonkeyPatch) -> None:
    user, admin = make_person(), make_user("admin")
    turn_on(user)

    def fail(*_: object, **__: object) -> int:
        raise RuntimeError("no sessions")

    monkeypatch.setattr(sessions, "end_all", fail)
    with pytest.raises(RuntimeError):
        second_factor.remove(user, by=admin)

    assert second_factor.is_on(user)


def test_the_command_turns_it_off_for_an_operator() -> None:
    """Also for the only admin there is, who lost their phone."""
    user = make_person("admin")
    turn_on(user)
    session = make_session(user)

    call_command("reset_second_factor", user.email)

    session.refresh_from_db()
    assert session.end_reason == "factor_changed"
    assert not second_factor.is_on(user)
    entry = Entry.objects.filter(action="second_factor.removed").latest("id")
    assert (entry.actor_id, entry.source) == (None, "command")


def test_the_command_only_says_what_it_would_do() -> None:
    user = make_person()
    turn_on(user)

    call_command("reset_second_factor", user.email, "--dry-run")

    assert second_factor.is_on(user)


@pytest.mark.parametrize("email", ["nobody@example.org", "without@example.org"])
def test_the_command_refuses_by_name(email: str) -> None:
    make_user("viewer", email="without@example.org")

    with pytest.raises(CommandError, match=r"nobody@example\.org|no second factor"):
        call_command("reset_second_factor", email)
