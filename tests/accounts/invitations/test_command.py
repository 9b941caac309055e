"""``manage.py invite``"""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends import locmem
from django.core.management import CommandError, call_command

from accounts.models import Invitation
from audit.models import Entry
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)

EMAIL = "grace@example.org"


def invite(*arguments: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command("invite", EMAIL, *arguments, "--json", stdout=out)
    said: dict[str, Any] = json.loads(out.getvalue())
    return said


def test_it_invites_in_the_name_of_the_only_admin() -> None:
    admin = make_user("admin")

    said = invite("--role", "analyst")

    invitation = Invitation.objects.get()
    assert (invitation.email, invitation.role, invitation.invited_by) == (EMAIL, "analyst", admin)
    assert (said["invitation"], said["mail_sent"]) == (str(invitation.pk), True)
    entry = Entry.objects.filter(action="invitation.created").get()
    assert (entry.actor_id, entry.source) == (admin.pk, "command")


def test_it_asks_in_whose_name_when_there_are_several() -> None:
    ada = make_user("admin")
    make_user("admin")

    with pytest.raises(CommandError, match="--as EMAIL"):
        invite()
    invite("--as", ada.email)

    assert Invitation.objects.get().invited_by == ada


def test_it_refuses_to_act_for_who_is_no_admin() -> None:
    viewer = make_user("viewer")

    with pytest.raises(CommandError, match="Only an admin"):
        invite("--as", viewer.email)


def test_an_open_invitation_is_sent_again_when_asked() -> None:
    make_user("admin")
    first = invite()

    with pytest.raises(CommandError, match="invited already"):
        invite()
    assert invite("--again")["invitation"] == first["invitation"]
    assert len(mail.outbox) == 2


def test_a_dry_run_only_looks() -> None:
    make_user("admin")

    assert invite("--dry-run") == {"dry_run": True}
    assert not Invitation.objects.exists()


def test_the_invitation_stands_when_the_mail_server_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_user("admin")

    def fail(*_: object) -> int:
        raise ConnectionRefusedError("refused")

    monkeypatch.setattr(locmem.EmailBackend, "send_messages", fail)
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("invite", EMAIL, stdout=out, stderr=err)

    assert ended.value.code == 1
    assert "does not answer: check EMAIL_URL" in err.getvalue()
    assert "--again" in out.getvalue()
    assert Invitation.objects.exists()
