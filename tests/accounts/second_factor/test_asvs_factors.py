"""OWASP ASVS 5.0, V6.3 to V6.5 and V7: lifecycle, recovery and use of factors.

V6.6 concerns codes by telephone and push messages, of which there are none.
"""

from __future__ import annotations

import base64
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core import mail
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.utils import timezone

from accounts import link_tokens, one_time_codes, recovery_codes
from accounts.actions import invitations, log_in, own_factor, password_resets, second_factor
from accounts.models import Invitation, PasswordReset, RecoveryCode, Session, User
from tests.accounts.invitations.letters import last_token
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

NEW = "copper lantern meadow orbit"


def test_activation_codes_are_random_short_lived_and_no_passwords() -> None:
    """ASVS 6.4.1: random, used once, soon expired, and never the password itself."""
    invitations.create("grace@example.org", "viewer", by=make_user("admin"))
    token = last_token()
    invitation = invitations.find(token)

    assert invitation is not None
    assert len(base64.urlsafe_b64decode(token + "=")) * 8 == 256
    assert invitation.expires_at - invitation.created_at <= timedelta(days=7, seconds=5)
    user = invitations.accept(invitation, full_name="Grace", password=NEW)
    assert invitations.find(token) is None
    assert not user.check_password(token)


def test_there_are_no_hints_and_no_secret_questions() -> None:
    """ASVS 6.4.2: nothing of the kind is kept."""
    columns = {field.column for field in User._meta.fields}

    assert not [name for name in columns if re.search("hint|question|answer", name or "")]


def test_a_reset_does_not_stand_in_for_the_second_factor() -> None:
    """ASVS 6.4.3: the new password alone logs nobody in where codes are asked for."""
    user = make_person("viewer")
    turn_on(user)
    password_resets.request(user.email, address="")
    client = Client()
    client.get(f"/password_reset/link/{last_token()}/")
    client.post("/password_reset/new/", {"new_password1": NEW, "new_password2": NEW})

    assert client.get("/").status_code == 302, "the reset logs nobody in"
    client.post("/login/", {"username": user.email, "password": NEW})
    assert client.get("/").status_code == 302, "nor does the password"
    client.post("/login/code/", {"code": current_code(user)})
    assert client.get("/").status_code == 200


def test_who_lost_the_factor_proves_who_they_are_to_an_admin() -> None:
    """ASVS 6.4.4: as at the beginning, when an admin invited them; a mail does not do it."""
    user = make_person()
    turn_on(user)
    password_resets.request(user.email, address="")
    reset = password_resets.find(last_token())
    assert reset is not None
    password_resets.use(reset, NEW)

    assert second_factor.is_on(user)
    with pytest.raises(PermissionDenied):
        second_factor.remove(user, by=user)
    second_factor.remove(user, by=make_user("admin"))
    assert not second_factor.is_on(user)


def test_an_admin_begins_a_reset_without_choosing_the_password() -> None:
    """ASVS 6.4.6: the link goes to the person, and the admin does not learn it."""
    user, admin = make_person(), make_user("admin")

    delivery = password_resets.send(user.pk, by=admin)

    assert mail.outbox[-1].to == [user.email]
    assert last_token() not in repr(delivery)


def test_codes_of_every_kind_work_once() -> None:
    """ASVS 6.5.1: one-time codes, recovery codes, links."""
    user = make_person()
    codes = turn_on(user)
    code = current_code(user)

    for used in (code, codes[0]):
        assert [second_factor.verify(user, used) for _ in range(2)] == [True, False]


def test_what_is_kept_as_a_plain_hash_has_more_than_112_bits() -> None:
    """ASVS 6.5.2: recovery codes have 120, the tokens of links 256."""
    user = make_person()
    codes = turn_on(user)

    assert {len(base64.b32decode(code.replace("-", ""))) * 8 for code in codes} == {120}
    kept = set(RecoveryCode.objects.values_list("code_hash", flat=True))
    assert kept == {recovery_codes.digest(code) for code in codes}
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in kept)
    assert len(base64.urlsafe_b64decode(link_tokens.make() + "=")) * 8 == 256


def test_secrets_come_from_the_system_s_source_of_randomness() -> None:
    """ASVS 6.5.3: by ``secrets``, and by pyotp, which uses it; never by ``random``."""
    base = Path(settings.BASE_DIR) / "accounts"

    imported = re.compile(r"^(?:import|from) random\b", re.MULTILINE)
    for module in ("link_tokens.py", "recovery_codes.py", "one_time_codes.py"):
        assert not imported.search((base / module).read_text()), module
    assert len({one_time_codes.new_secret() for _ in range(500)}) == 500


def test_recovery_codes_have_more_than_20_bits() -> None:
    """ASVS 6.5.4: six times as many."""
    assert all(len(code.replace("-", "")) * 5 >= 20 for code in recovery_codes.make_set())


def test_what_is_handed_out_has_a_lifetime() -> None:
    """ASVS 6.5.5: a code is that of 30 seconds; one step before and after allows for clocks."""
    user = make_person()
    turn_on(user)

    assert one_time_codes.STEP_SECONDS == 30
    assert not second_factor.verify(user, current_code(user, later=2))
    assert second_factor.verify(user, current_code(user, later=1))
    assert timedelta(hours=1) == password_resets.VALID_FOR
    assert timedelta(hours=1) == second_factor.ENROLMENT_TIME


def test_a_factor_can_be_revoked_when_it_is_stolen() -> None:
    """ASVS 6.5.6: by the person with a recovery code, by an admin, and codes by a new set."""
    user = make_person()
    codes = turn_on(user)
    new = own_factor.new_recovery_codes(user, password=PASSWORD, code=codes[0], address="")
    assert not second_factor.verify(user, codes[1])

    own_factor.turn_off(user, password=PASSWORD, code=new[0], address="")

    assert not second_factor.is_on(user)
    assert not RecoveryCode.objects.filter(user=user).exists()


def test_codes_are_checked_by_our_own_clock() -> None:
    """ASVS 6.5.8: nothing that a client sends says what time it is."""
    user = make_person("viewer")
    turn_on(user)
    client = Client(headers={"date": "Mon, 01 Jan 2035 00:00:00 GMT"})
    client.post("/login/", {"username": user.email, "password": PASSWORD})

    client.post("/login/code/", {"code": wrong_code(user), "time": "2051222400"})

    assert client.get("/").status_code == 302


def test_people_are_told_of_every_change() -> None:
    """ASVS 6.3.7: codes on and off, new recovery codes, a code used, a password reset."""
    user = make_person()
    codes = turn_on(user)
    new = own_factor.new_recovery_codes(user, password=PASSWORD, code=codes[0], address="")
    own_factor.turn_off(user, password=PASSWORD, code=new[0], address="")
    password_resets.request(user.email, address="")
    reset = password_resets.find(last_token())
    assert reset is not None
    password_resets.use(reset, NEW)

    assert {letter.subject for letter in mail.outbox} == {
        "One-time codes are on",
        "A recovery code was used",
        "New recovery codes",
        "One-time codes are off",
        "Your link to a new password",
        "Your password was changed",
    }
    assert {address for letter in mail.outbox for address in letter.to} == {user.email}


def test_whether_an_address_is_known_cannot_be_told() -> None:
    """ASVS 6.3.8: not from asking for a link."""
    user = make_person()

    answers = [
        Client().post("/password_reset/", {"email": email}, follow=True)
        for email in (user.email, "nobody@example.org")
    ]

    assert answers[0].content == answers[1].content
    assert answers[0].redirect_chain == answers[1].redirect_chain


@pytest.mark.parametrize("change", ["on", "off", "reset"])
def test_other_sessions_end_when_a_factor_changes(change: str) -> None:
    """ASVS 7.4.3: without asking, which is more than the option it wants."""
    user, admin = make_person(), make_user("admin")
    if change == "off":
        turn_on(user)
    session = Session.objects.create(
        user=user, kind="api", expires_at=timezone.now() + timedelta(days=1)
    )

    if change == "on":
        turn_on(user)
    elif change == "off":
        second_factor.remove(user, by=admin)
    else:
        password_resets.send(user.pk, by=admin)
        reset = password_resets.find(last_token())
        assert reset is not None
        password_resets.use(reset, NEW)

    session.refresh_from_db()
    assert session.ended_at is not None


def test_whoever_changes_a_factor_proves_anew_who_they_are() -> None:
    """ASVS 7.5.1: an open session alone neither begins nor ends it, nor makes recovery codes."""
    user = make_person()
    with pytest.raises(log_in.LoginRefused):
        own_factor.begin(user, password="wrong")
    codes = turn_on(user)
    with pytest.raises(log_in.LoginRefused):
        own_factor.turn_off(user, password="wrong", code=codes[0], address="")
    with pytest.raises(log_in.LoginRefused):
        own_factor.new_recovery_codes(user, password="wrong", code=codes[0], address="")

    assert second_factor.status(user).codes_left == 10


def test_links_are_kept_as_hashes_alone() -> None:
    """ASVS 6.5.2, for the tokens of mails."""
    user = make_person()
    password_resets.request(user.email, address="")
    reset_token = last_token()
    invitations.create("grace@example.org", "viewer", by=make_user("admin"))

    assert PasswordReset.objects.get().token_hash == link_tokens.digest(reset_token)
    assert Invitation.objects.get().code_hash == link_tokens.digest(last_token())
