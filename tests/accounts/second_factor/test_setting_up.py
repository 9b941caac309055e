"""Setting the second factor up: a secret, a first code, recovery codes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection, transaction
from django.utils import timezone

from accounts.actions import second_factor
from accounts.models import RecoveryCode, Session, TotpDevice, User
from database.actor import acting_as
from database.encryption.errors import Undecryptable
from database.models import SystemSetting
from tests.accounts.second_factor.factors import current_code, make_person, turn_on, wrong_code
from tests.audit.capture.told import actions
from tests.factories import make_user

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("the_clock_stands"),
]


def make_session(user: User) -> Session:
    return Session.objects.create(
        user=user, kind="api", expires_at=timezone.now() + timedelta(days=1)
    )


def test_a_secret_counts_once_its_first_code_was_right() -> None:
    user = make_person()

    enrolment = second_factor.enrol(user)

    assert not second_factor.is_on(user)
    assert not second_factor.verify(user, current_code(user))
    assert second_factor.pending(user) == enrolment
    codes = second_factor.confirm(user, current_code(user))
    assert second_factor.is_on(user)
    assert second_factor.pending(user) is None
    assert len(codes) == 10
    assert actions("user")[-2:] == ["second_factor.enrolled", "second_factor.confirmed"]
    assert "One-time codes are on" in mail.outbox[-1].subject


def test_a_person_does_it_with_the_rights_of_a_person() -> None:
    """Under row level security, as in a request."""
    user = make_person("viewer")

    with acting_as(user.pk):
        second_factor.enrol(user)
        codes = second_factor.confirm(user, current_code(user, later=-1))
        status = second_factor.status(user)

    assert (status.is_on, status.codes_left) == (True, 10)
    assert second_factor.verify(user, codes[0])


def test_a_wrong_first_code_changes_nothing() -> None:
    user = make_person()
    second_factor.enrol(user)

    with pytest.raises(second_factor.WrongCode, match="clock"):
        second_factor.confirm(user, wrong_code(user))

    assert not second_factor.is_on(user)
    assert not RecoveryCode.objects.exists()


def test_the_first_code_does_not_work_again_to_log_in() -> None:
    user = make_person()
    second_factor.enrol(user)
    code = current_code(user)
    second_factor.confirm(user, code)

    assert not second_factor.verify(user, code)


def test_beginning_again_makes_the_secret_before_worthless() -> None:
    user = make_person()
    first = second_factor.enrol(user)
    old = current_code(user)

    second = second_factor.enrol(user)

    assert first.secret != second.secret
    if old != current_code(user):
        with pytest.raises(second_factor.WrongCode):
            second_factor.confirm(user, old)
    assert TotpDevice.objects.filter(user=user).count() == 1


def test_a_secret_that_was_not_confirmed_within_the_hour_is_worthless() -> None:
    user = make_person()
    second_factor.enrol(user)
    code = current_code(user)
    long_ago = timezone.now() - second_factor.ENROLMENT_TIME
    TotpDevice.objects.update(created_at=long_ago)

    assert second_factor.pending(user) is None
    with pytest.raises(second_factor.NothingToConfirm, match="Begin again"):
        second_factor.confirm(user, code)


def test_what_is_on_is_not_set_up_anew() -> None:
    user = make_person()
    turn_on(user)

    with pytest.raises(second_factor.AlreadyOn, match="Turn them off first"):
        second_factor.enrol(user)
    with pytest.raises(second_factor.NothingToConfirm):
        second_factor.confirm(user, current_code(user))


def test_sessions_begun_without_it_end_but_for_the_one_in_which_it_is_done() -> None:
    user = make_person()
    here, elsewhere = make_session(user), make_session(user)
    second_factor.enrol(user)

    second_factor.confirm(user, current_code(user), session_id=here.pk)

    here.refresh_from_db()
    elsewhere.refresh_from_db()
    assert (here.ended_at, here.has_second_factor) == (None, True)
    assert elsewhere.end_reason == "factor_changed"


def test_of_twenty_that_confirm_at_once_one_gets_recovery_codes() -> None:
    user = make_person()
    second_factor.enrol(user)
    code = current_code(user)

    def confirm(_: int) -> int:
        try:
            return len(second_factor.confirm(user, code))
        except second_factor.NothingToConfirm:
            return 0
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as threads:
        made = list(threads.map(confirm, range(20)))

    assert sorted(made)[-2:] == [0, 10]
    assert RecoveryCode.objects.count() == 10


def test_of_twenty_that_begin_at_once_one_secret_is_left() -> None:
    user = make_person()

    def enrol(_: int) -> str:
        try:
            return second_factor.enrol(user).secret
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as threads:
        secrets = list(threads.map(enrol, range(20)))

    assert TotpDevice.objects.get(user=user).secret.reveal() in secrets


def test_a_secret_copied_to_another_person_by_plain_sql_cannot_be_read() -> None:
    victim, thief = make_person(), make_person()
    turn_on(victim)
    turn_on(thief)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE totp_devices SET secret = (SELECT secret FROM totp_devices WHERE user_id = %s)"
            " WHERE user_id = %s",
            [thief.pk, victim.pk],
        )

    with pytest.raises(Undecryptable):
        second_factor.verify(victim, current_code(thief))


@pytest.mark.parametrize(
    ("role", "setting", "demanded"),
    [
        ("viewer", None, False),
        ("viewer", True, True),
        ("admin", True, True),
        ("api_user", True, False),
        ("viewer", False, False),
    ],
)
def test_a_setting_demands_it_of_staff(role: str, setting: bool | None, demanded: bool) -> None:
    user = make_user(role)
    if setting is not None:
        SystemSetting.objects.create(
            setting_key="require_second_factor_for_staff", setting_value=setting
        )

    with acting_as(user.pk):
        assert second_factor.is_demanded(user) is demanded


def test_nothing_is_left_of_a_confirmation_that_is_rolled_back() -> None:
    user = make_person()
    second_factor.enrol(user)
    letters = len(mail.outbox)

    with transaction.atomic():
        second_factor.confirm(user, current_code(user))
        transaction.set_rollback(True)

    assert not second_factor.is_on(user)
    assert len(mail.outbox) == letters
