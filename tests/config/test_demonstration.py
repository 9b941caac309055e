"""Whom and what the demonstration shows beside its photographs."""

from __future__ import annotations

import pytest
from django.core import mail
from django.utils import timezone

from accounts.models import ApiKey, Invitation
from config import demonstration

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_invitation_and_a_key_are_there_once_however_often_it_starts() -> None:
    for password in ("first-of-two-passwords", "second-of-two-passwords"):
        demonstration.access(demonstration.people(password))

    invitation, key = Invitation.objects.get(), ApiKey.objects.get()
    assert [letter.to for letter in mail.outbox] == [[demonstration.GUEST]]
    assert (invitation.email, invitation.role) == (demonstration.GUEST, "viewer")
    assert invitation.expires_at > timezone.now()
    assert key.user.email == "analyst@lacuna.example"
    assert key.expires_at is not None, "a key that nobody needs ends by itself"


def test_who_accepted_the_invitation_is_not_invited_again() -> None:
    people = demonstration.people("one-of-one-password")
    demonstration.access(people)
    Invitation.objects.update(
        accepted_at=timezone.now(), accepted_by=people["viewer@lacuna.example"]
    )
    guest = people["viewer@lacuna.example"]
    guest.email = demonstration.GUEST
    guest.save(update_fields=["email"])

    demonstration.access(people)

    assert Invitation.objects.count() == 1
