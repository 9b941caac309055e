"""What an admin does: invite, send again, withdraw."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core import mail
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.utils import timezone

from accounts.actions import invitations
from accounts.models import Invitation
from audit.models import Entry
from database.actor import acting_as
from tests.accounts.invitations.letters import last_token, token_in
from tests.audit.capture.told import actions, everything
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)

EMAIL = "grace@example.org"


def test_the_address_gets_a_link_that_opens_the_invitation() -> None:
    admin = make_user("admin", full_name="Ada")

    with acting_as(admin.pk):
        invited = invitations.create(f" {EMAIL} ", "analyst", by=admin)

    letter = mail.outbox[-1]
    assert letter.to == [EMAIL]
    assert "Ada invites you to Lacuna as an analyst" in letter.body
    assert f"http://localhost:8000/invitation/link/{last_token()}/" in letter.body
    assert invitations.find(last_token()) == invited.invitation
    assert (invited.delivery.sent, invited.delivery.error) == (True, "")
    valid_for = invited.invitation.expires_at - timezone.now()
    assert timedelta(days=6, hours=23) < valid_for <= timedelta(days=7)


def test_the_log_knows_of_it_and_can_forget_the_address() -> None:
    admin = make_user("admin")

    invited = invitations.create(EMAIL, "viewer", by=admin)

    entry = Entry.objects.filter(resource_type="invitation").get()
    assert (entry.action, entry.actor_id) == ("invitation.created", admin.pk)
    assert entry.resource_id == str(invited.invitation.pk)
    assert EMAIL not in str(entry.payload)
    assert last_token() not in everything()
    assert invited.invitation.code_hash not in everything()


@pytest.mark.parametrize("role", ["moderator", "analyst", "viewer", "api_user"])
def test_only_admins_invite(role: str) -> None:
    other, admin = make_user(role), make_user("admin")
    open_one = invitations.create(EMAIL, "viewer", by=admin).invitation

    with pytest.raises(PermissionDenied):
        invitations.create("ida@example.org", "viewer", by=other)
    with pytest.raises(PermissionDenied):
        invitations.resend(open_one.pk, by=other)
    with pytest.raises(PermissionDenied):
        invitations.withdraw(open_one.pk, by=other)
    with acting_as(other.pk):
        assert not Invitation.objects.exists(), "row security hides them, too"


@pytest.mark.parametrize(
    ("email", "role"), [("nobody", "viewer"), ("", "viewer"), (EMAIL, "owner"), (EMAIL, "")]
)
def test_what_is_no_address_or_no_role_is_refused(email: str, role: str) -> None:
    with pytest.raises(ValidationError):
        invitations.create(email, role, by=make_user("admin"))

    assert not mail.outbox
    assert not Invitation.objects.exists()


def test_an_address_that_has_an_account_is_refused_whatever_its_capitals() -> None:
    admin = make_user("admin")
    make_user("viewer", email="Grace@Example.org")

    with pytest.raises(invitations.AlreadyAPerson, match="has an account"):
        invitations.create(EMAIL, "viewer", by=admin)


def test_an_address_that_is_invited_is_refused_whatever_its_capitals() -> None:
    admin = make_user("admin")
    first = invitations.create(EMAIL, "viewer", by=admin).invitation

    with pytest.raises(invitations.AlreadyInvited) as refused:
        invitations.create(EMAIL.upper(), "admin", by=admin)

    assert refused.value.invitation_id == first.pk


def test_of_twenty_that_invite_the_same_address_at_once_one_does() -> None:
    admin = make_user("admin")

    def invite(_: int) -> bool:
        try:
            invitations.create(EMAIL, "viewer", by=admin)
        except invitations.AlreadyInvited:
            return False
        else:
            return True
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as threads:
        assert list(threads.map(invite, range(20))).count(True) == 1
    assert len(mail.outbox) == 1


def test_after_seven_days_the_address_can_be_invited_anew() -> None:
    admin = make_user("admin")
    first = invitations.create(EMAIL, "viewer", by=admin).invitation
    old = last_token()
    Invitation.objects.update(expires_at=timezone.now())

    assert invitations.find(old) is None
    second = invitations.create(EMAIL, "viewer", by=admin).invitation
    with pytest.raises(invitations.AlreadyInvited):
        invitations.resend(first.pk, by=admin)
    assert invitations.find(last_token()) == second


def test_sending_again_makes_the_old_link_void() -> None:
    admin, other = make_user("admin"), make_user("admin")
    invitation = invitations.create(EMAIL, "viewer", by=admin).invitation
    old = last_token()
    Invitation.objects.update(expires_at=timezone.now())

    invitations.resend(invitation.pk, by=other)

    assert invitations.find(old) is None
    found = invitations.find(last_token())
    assert found is not None
    assert (found.pk, found.invited_by_id) == (invitation.pk, other.pk)
    assert len({token_in(letter) for letter in mail.outbox}) == 2


def test_a_withdrawn_invitation_is_dead_and_the_address_free() -> None:
    admin = make_user("admin")
    invitation = invitations.create(EMAIL, "viewer", by=admin).invitation
    old = last_token()

    invitations.withdraw(invitation.pk, by=admin)

    assert invitations.find(old) is None
    with pytest.raises(invitations.NotOpen, match="withdrawn"):
        invitations.withdraw(invitation.pk, by=admin)
    with pytest.raises(invitations.NotOpen):
        invitations.resend(invitation.pk, by=admin)
    invitations.create(EMAIL, "viewer", by=admin)
    assert actions("invitation") == [
        "invitation.created",
        "invitation.withdrawn",
        "invitation.created",
    ]


def test_what_does_not_exist_is_said() -> None:
    admin = make_user("admin")

    with pytest.raises(invitations.NoSuchInvitation):
        invitations.withdraw(admin.pk, by=admin)
    with pytest.raises(invitations.NoSuchInvitation):
        invitations.resend(admin.pk, by=admin)


def test_a_check_changes_nothing() -> None:
    admin = make_user("admin")

    invitations.check(EMAIL, "viewer", by=admin)

    assert not Invitation.objects.exists()
    assert not mail.outbox
