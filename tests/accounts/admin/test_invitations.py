"""Invitations: the list, inviting, sending again, withdrawing."""

from __future__ import annotations

import re

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.actions import invitations
from accounts.models import Invitation, User
from audit.models import Entry
from tests.accounts.admin.conftest import browser_of
from tests.accounts.admin.scene import (
    INVITATIONS,
    PASSWORD,
    door_of,
    expire,
    invite,
    page_of,
    people_in_every_state,
)
from tests.accounts.invitations.letters import last_token
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)


def addresses(client: Client, query: str = "") -> set[str]:
    page = client.get(INVITATIONS + query).content.decode()
    return set(re.findall(r'<th class="field-address[^"]*"><a[^>]*>([^<]*)', page))


def accepted(admin: User, email: str) -> Invitation:
    """One that somebody has accepted."""
    invitation = invite(admin, email)
    invitations.accept(invitation, full_name="Grace", password=PASSWORD)
    return invitation


# --- The list -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?state=open", {"grace@example.org"}),
        ("?state=expired", {"late@example.org"}),
        ("?state=withdrawn", {"unwanted@example.org"}),
        ("?state=accepted", {"here@example.org"}),
        ("?role__exact=analyst", {"late@example.org"}),
        ("?q=unw", {"unwanted@example.org"}),
    ],
)
def test_the_list_is_narrowed(client: Client, admin: User, query: str, found: set[str]) -> None:
    people_in_every_state(admin)
    accepted(admin, "here@example.org")

    assert addresses(client, query) == found


def test_the_list_costs_the_same_however_many_were_invited(client: Client, admin: User) -> None:
    invite(admin)
    client.get(INVITATIONS)
    with CaptureQueriesContext(connection) as few:
        client.get(INVITATIONS)
    for number in range(5):
        invite(make_user("admin"), f"somebody{number}@example.org")

    with CaptureQueriesContext(connection) as many:
        client.get(INVITATIONS)

    assert len(few) == len(many)


# --- Inviting -------------------------------------------------------------------------------------


def test_somebody_is_invited_by_mail(client: Client, admin: User) -> None:
    form = {"email": "grace@example.org", "role": "analyst"}

    page = client.post(f"{INVITATIONS}add/", form, follow=True).content.decode()

    invitation = Invitation.objects.get()
    assert "An invitation is on its way to grace@example.org." in page
    assert [letter.to for letter in mail.outbox] == [["grace@example.org"]]
    assert last_token() not in page, "the link goes to them alone"
    assert (invitation.role, invitation.invited_by) == ("analyst", admin)
    assert Entry.objects.get(action="invitation.created").actor_id == admin.pk


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"email": "ada@example.org"}, "ada@example.org has an account already."),
        ({"email": "GRACE@example.org"}, "is invited already."),
        ({"email": "nobody"}, "Enter a valid email address."),
        ({"role": "owner"}, "owner"),
    ],
)
def test_what_makes_no_invitation_is_said_beside_its_field(
    client: Client, admin: User, given: dict[str, str], sentence: str
) -> None:
    people_in_every_state(admin)
    before = Invitation.objects.count()

    page = client.post(
        f"{INVITATIONS}add/", {"email": "new@example.org", "role": "viewer"} | given
    ).content.decode()

    assert sentence in "".join(re.findall(r'<p class="ask-error">(.*?)</p>', page))
    assert Invitation.objects.count() == before


def test_a_mail_that_cannot_be_sent_is_said_and_the_invitation_stands(
    client: Client, settings: object
) -> None:
    settings.EMAIL_BACKEND = "tests.accounts.admin.scene.NoPostOffice"  # type: ignore[attr-defined] # a fixture
    form = {"email": "grace@example.org", "role": "viewer"}

    page = client.post(f"{INVITATIONS}add/", form, follow=True).content.decode()

    assert "but the mail was not sent." in page
    assert "Send the invitation again afterwards." in page
    assert Invitation.objects.filter(email="grace@example.org", revoked_at=None).exists()


# --- One invitation -------------------------------------------------------------------------------


def test_an_invitation_says_how_it_stands(client: Client, admin: User) -> None:
    people_in_every_state(admin)
    accepted(admin, "here@example.org")
    said = {
        one.email: client.get(page_of(one)).content.decode() for one in Invitation.objects.all()
    }

    assert "The link ends in" in said["grace@example.org"]
    assert "Send the invitation again for a new one." in said["late@example.org"]
    assert "Invite anew" in said["unwanted@example.org"]
    assert "They are here." in said["here@example.org"]
    for one in Invitation.objects.all():
        assert one.code_hash not in said[one.email]


def test_an_expired_invitation_is_sent_again(client: Client, admin: User) -> None:
    invitation = invite(admin)
    old = last_token()
    expire(invitation)

    page = client.post(door_of(invitation, "resend"), follow=True).content.decode()

    invitation.refresh_from_db()
    assert "A new link, in place of the old one, is on its way to" in page
    assert last_token() != old
    assert addresses(client, "?state=open") == {"grace@example.org"}


def test_an_invitation_is_withdrawn_after_a_question(client: Client, admin: User) -> None:
    invitation = invite(admin)
    asked = client.get(door_of(invitation, "withdraw")).content.decode()
    assert "The link in their mail stops working." in asked
    assert addresses(client, "?state=open") == {"grace@example.org"}, "asking changes nothing"

    page = client.post(door_of(invitation, "withdraw"), follow=True).content.decode()

    link = Client().get(f"/invitation/link/{last_token()}/", follow=True).content.decode()
    assert "The invitation of grace@example.org is withdrawn." in page
    assert "This link does not work" in link
    anew = re.search(r'href="([^"]+)"[^>]*>Invite anew', page)
    assert anew is not None
    assert 'value="grace@example.org"' in client.get(anew[1].replace("&amp;", "&")).content.decode()


@pytest.mark.parametrize("change", [{"role": "viewer"}, {"is_active": False}])
def test_an_invitation_of_whoever_is_no_admin_any_more_is_not_called_open(
    client: Client, admin: User, change: dict[str, object]
) -> None:
    other = make_user("admin")
    invitation = invite(other)
    User.objects.filter(pk=other.pk).update(**change)

    page = client.get(page_of(invitation)).content.decode()
    assert "so the link opens nothing." in page
    assert addresses(client, "?state=open") == set()
    assert addresses(client, "?state=dead") == {"grace@example.org"}
    assert "not here yet" not in client.get("/accounts/user/").content.decode()
    client.post(door_of(invitation, "resend"))

    invitation.refresh_from_db()
    assert invitation.invited_by == admin
    assert addresses(client, "?state=open") == {"grace@example.org"}


@pytest.mark.parametrize("name", ["resend", "withdraw"])
def test_what_was_accepted_is_neither_sent_again_nor_withdrawn(
    client: Client, admin: User, name: str
) -> None:
    invitation = accepted(admin, "grace@example.org")

    client.post(door_of(invitation, name), follow=True)

    assert addresses(client, "?state=accepted") == {"grace@example.org"}


def test_an_invitation_that_there_is_not_is_said_to_be_missing(client: Client) -> None:
    nothing = Invitation(email="nobody@example.org")

    assert client.get(door_of(nothing, "withdraw")).status_code == 404
    assert client.get(door_of(nothing, "resend")).status_code == 405
    assert "doesn\u2019t exist" in client.get(page_of(nothing), follow=True).content.decode()


# --- Who may --------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["moderator", "analyst", "viewer"])
def test_others_neither_see_invitations_nor_invite(admin: User, role: str) -> None:
    invitation, own = invite(admin), browser_of(make_user(role))
    form = {"email": "friend@example.org", "role": "admin"}

    answers = [
        own.get(INVITATIONS),
        own.get(page_of(invitation)),
        own.get(f"{INVITATIONS}add/"),
        own.post(f"{INVITATIONS}add/", form),
        own.post(door_of(invitation, "resend")),
        own.post(door_of(invitation, "withdraw")),
    ]

    assert {answer.status_code for answer in answers} == {403}
    assert [one.email for one in Invitation.objects.filter(revoked_at=None)] == [invitation.email]
    assert len(mail.outbox) == 1
