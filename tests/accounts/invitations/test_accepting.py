"""What whoever was invited does: choose a name and a password, once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth import authenticate
from django.db import connection
from django.utils import timezone

from accounts.actions import invitations, log_in
from accounts.actions.passwords import WeakPassword
from accounts.link_tokens import DeadLink
from accounts.models import Invitation, User
from audit.models import Entry
from database.actor import acting_as
from tests.accounts.invitations.letters import last_token
from tests.accounts.stored import places_of
from tests.audit.capture.told import actions
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)

EMAIL = "grace@example.org"
PASSWORD = "violet anvil harbour tulip"


def invite(role: str = "analyst", admin: User | None = None) -> Invitation:
    invitations.create(EMAIL, role, by=admin or make_user("admin"))
    found = invitations.find(last_token())
    assert found is not None
    return found


@pytest.mark.parametrize("role", ["admin", "moderator", "analyst", "viewer", "api_user"])
def test_accepting_makes_a_person_with_the_role(role: str) -> None:
    invitation = invite(role)

    with acting_as(None):  # as in a request of a stranger
        user = invitations.accept(invitation, full_name=" Grace ", password=PASSWORD)

    user = User.objects.get(pk=user.pk)
    assert (user.email, user.full_name, user.role) == (EMAIL, "Grace", role)
    assert (user.is_active, user.is_email_verified) == (True, True)
    assert log_in.check(EMAIL, PASSWORD, address="") == user
    invitation.refresh_from_db()
    assert invitation.accepted_by == user
    assert actions("invitation")[-1] == "invitation.accepted"
    made = Entry.objects.filter(action="user.created", resource_id=str(user.pk)).get()
    assert made.actor_id == user.pk


def test_a_link_works_once() -> None:
    invitation = invite()
    token = last_token()
    invitations.accept(invitation, full_name="Grace", password=PASSWORD)

    assert invitations.find(token) is None
    with pytest.raises(DeadLink):
        invitations.accept(invitation, full_name="Eve", password=PASSWORD)


def test_of_twenty_that_accept_at_once_one_becomes_a_person() -> None:
    invitation = invite()

    def accept(number: int) -> bool:
        try:
            invitations.accept(invitation, full_name=f"Grace {number}", password=PASSWORD)
        except DeadLink:
            return False
        else:
            return True
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as threads:
        assert list(threads.map(accept, range(20))).count(True) == 1
    assert User.objects.filter(email=EMAIL).count() == 1


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "A" * 5000, "\x00" * 43, "é" * 43])
def test_unknown_tokens_open_nothing(token: str) -> None:
    invite()

    with acting_as(None):
        assert invitations.find(token) is None


def test_a_weak_password_leaves_the_invitation_open() -> None:
    invitation = invite()
    token = last_token()

    with pytest.raises(WeakPassword):
        invitations.accept(invitation, full_name="Grace", password="password1")

    assert invitations.find(token) == invitation
    assert not User.objects.filter(email=EMAIL).exists()


def test_whoever_got_an_account_meanwhile_cannot_accept() -> None:
    invitation = invite()
    make_user("viewer", email=EMAIL.upper())

    with pytest.raises(DeadLink):
        invitations.accept(invitation, full_name="Grace", password=PASSWORD)

    invitation.refresh_from_db()
    assert invitation.accepted_at is None


@pytest.mark.parametrize("change", [{"role": "viewer"}, {"is_active": False}])
def test_the_invitation_of_who_is_no_admin_any_more_is_dead(change: dict[str, object]) -> None:
    make_user("admin")  # there is always another
    admin = make_user("admin")
    invitation = invite("admin", admin)
    token = last_token()

    User.objects.filter(pk=admin.pk).update(**change)

    assert invitations.find(token) is None
    with pytest.raises(DeadLink):
        invitations.accept(invitation, full_name="Grace", password=PASSWORD)


def test_what_ends_while_the_form_stands_open_is_dead() -> None:
    invitation = invite()
    Invitation.objects.update(expires_at=timezone.now())

    with pytest.raises(DeadLink):
        invitations.accept(invitation, full_name="Grace", password=PASSWORD)


def test_a_link_sent_anew_while_the_form_stands_open_makes_it_void() -> None:
    admin = make_user("admin")
    invitation = invite(admin=admin)
    invitations.resend(invitation.pk, by=admin)

    with pytest.raises(DeadLink):
        invitations.accept(invitation, full_name="Grace", password=PASSWORD)


def test_neither_token_nor_password_is_stored_or_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    invitation = invite()
    token = last_token()
    invitations.accept(invitation, full_name="Grace", password=PASSWORD)

    assert places_of(token, PASSWORD) == []
    assert "a mail was sent" in caplog.text
    assert not [word for word in (token, PASSWORD, EMAIL) if word in caplog.text]


def test_nobody_is_logged_in_by_accepting() -> None:
    user = invitations.accept(invite(), full_name="Grace", password=PASSWORD)

    assert not user.sessions.exists()
    assert user.last_login_at is None
    assert authenticate(username=EMAIL, password=PASSWORD) == user
