"""Invitations through the API."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.mail.backends import locmem
from django.test import Client
from django.utils import timezone

from accounts.actions import invitations
from accounts.models import Invitation, User
from tests.accounts.invitations.letters import last_token
from tests.accounts.people.callers import Caller
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)

INVITATIONS = "/api/v1/invitations/"
EMAIL = "grace@example.org"
PASSWORD = "violet anvil harbour tulip"


@pytest.fixture
def admin() -> Caller:
    return Caller(make_user("admin"))


def accept(**body: str) -> Any:
    return Client().post(f"{INVITATIONS}accept/", body, content_type="application/json")


def test_an_admin_invites_and_sees_what_became_of_it(admin: Caller) -> None:
    made = admin.post(INVITATIONS, {"email": EMAIL, "role": "analyst"})

    assert made.status_code == 201
    assert made.json()["mail"] == {"sent": True, "error": ""}
    key = made.json()["id"]
    listed = admin.get(INVITATIONS).json()["results"]
    assert [(row["id"], row["email"], row["role"]) for row in listed] == [(key, EMAIL, "analyst")]
    one = admin.get(f"{INVITATIONS}{key}/")
    assert one.status_code == 200
    token, kept = last_token(), Invitation.objects.get().code_hash
    for answer in (made, admin.get(INVITATIONS), one):
        assert token not in answer.content.decode()
        assert kept not in answer.content.decode()


def test_a_mail_that_was_not_sent_is_said(admin: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> int:
        raise ConnectionRefusedError("refused")

    monkeypatch.setattr(locmem.EmailBackend, "send_messages", fail)
    made = admin.post(INVITATIONS, {"email": EMAIL})

    assert made.status_code == 201
    assert made.json()["mail"]["sent"] is False
    assert "does not answer" in made.json()["mail"]["error"]
    assert Invitation.objects.get().role == "viewer"


def test_who_has_an_account_or_an_invitation_is_a_conflict_for_the_admin(admin: Caller) -> None:
    make_user("viewer", email="ida@example.org")
    admin.post(INVITATIONS, {"email": EMAIL})

    account = admin.post(INVITATIONS, {"email": "ida@example.org"})
    invited = admin.post(INVITATIONS, {"email": EMAIL})

    assert (account.status_code, invited.status_code) == (409, 409)
    assert "account already" in account.json()["detail"]
    assert "invited already" in invited.json()["detail"]


def test_sending_again_and_withdrawing(admin: Caller) -> None:
    key = admin.post(INVITATIONS, {"email": EMAIL}).json()["id"]
    old = last_token()

    again = admin.post(f"{INVITATIONS}{key}/resend/")
    assert (again.status_code, again.json()["mail"]["sent"]) == (200, True)
    assert invitations.find(old) is None
    withdrawn = admin.post(f"{INVITATIONS}{key}/withdraw/")
    assert withdrawn.json()["revoked_at"] is not None
    assert admin.post(f"{INVITATIONS}{key}/withdraw/").status_code == 409
    assert admin.post(f"{INVITATIONS}{key}/resend/").status_code == 409
    nobody = "01999999-0000-7000-8000-000000000000"
    assert admin.post(f"{INVITATIONS}{nobody}/withdraw/").status_code == 404


def test_the_list_is_filtered_by_standing(admin: Caller) -> None:
    admin.post(INVITATIONS, {"email": EMAIL})
    key = admin.post(INVITATIONS, {"email": "ida@example.org"}).json()["id"]
    admin.post(f"{INVITATIONS}{key}/withdraw/")

    for value, expected in (("true", EMAIL), ("false", "ida@example.org")):
        rows = admin.get(INVITATIONS, open=value).json()["results"]
        assert [row["email"] for row in rows] == [expected]


@pytest.mark.parametrize("role", ["moderator", "analyst", "viewer", "api_user"])
def test_others_neither_see_nor_invite(role: str, admin: Caller) -> None:
    key = admin.post(INVITATIONS, {"email": EMAIL}).json()["id"]
    other = Caller(make_user(role))

    assert other.get(INVITATIONS).status_code == 403
    assert other.get(f"{INVITATIONS}{key}/").status_code == 403
    assert other.post(INVITATIONS, {"email": "ida@example.org"}).status_code == 403
    assert other.post(f"{INVITATIONS}{key}/withdraw/").status_code == 403


def test_whoever_holds_the_token_accepts_once(admin: Caller) -> None:
    admin.post(INVITATIONS, {"email": EMAIL, "role": "moderator"})
    given = {"token": last_token(), "full_name": "Grace", "password": PASSWORD}

    accepted, again = accept(**given), accept(**given)

    assert accepted.status_code == 201
    user = User.objects.get(email=EMAIL)
    assert accepted.json() == {
        "id": str(user.pk),
        "email": EMAIL,
        "full_name": "Grace",
        "role": "moderator",
    }
    assert again.status_code == 410
    assert not user.sessions.exists()


def test_dead_tokens_are_all_answered_alike(admin: Caller) -> None:
    given = {"full_name": "Grace", "password": PASSWORD}
    key = admin.post(INVITATIONS, {"email": EMAIL}).json()["id"]
    token = last_token()
    answers = [accept(token="A" * 43, **given), accept(token="x", **given)]
    Invitation.objects.update(expires_at=timezone.now())
    answers.append(accept(token=token, **given))
    admin.post(f"{INVITATIONS}{key}/withdraw/")
    answers.append(accept(token=token, **given))

    told = [{**answer.json(), "request_id": ""} for answer in answers]
    assert {answer.status_code for answer in answers} == {410}
    assert all(one == told[0] for one in told)


@pytest.mark.parametrize(
    ("changed", "field"),
    [({"password": "password1"}, "password"), ({"full_name": ""}, "full_name")],
)
def test_what_is_wrong_is_named_and_the_token_stays_good(
    admin: Caller, changed: dict[str, str], field: str
) -> None:
    admin.post(INVITATIONS, {"email": EMAIL})
    given = {"token": last_token(), "full_name": "Grace", "password": PASSWORD}

    refused = accept(**given | changed)

    assert refused.status_code == 400
    assert [error["field"] for error in refused.json()["errors"]] == [field]
    assert accept(**given).status_code == 201


@pytest.mark.parametrize("body", [{"email": "nobody"}, {"email": EMAIL, "role": "owner"}, {}])
def test_wrong_invitations_are_refused_by_field(admin: Caller, body: dict[str, str]) -> None:
    assert admin.post(INVITATIONS, body).status_code == 400
    assert not Invitation.objects.exists()
