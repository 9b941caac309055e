"""Each code is accepted once: from the app, and from the set of recovery codes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core import mail
from django.db import connection

from accounts import one_time_codes
from accounts.actions import log_in, second_factor
from accounts.models import TotpDevice, User
from database.actor import acting_as
from tests.accounts.second_factor.factors import current_code, make_person, turn_on, wrong_code
from tests.audit.capture.told import actions

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("the_clock_stands"),
]


def at_once(user: User, code: str, times: int = 20) -> list[bool]:
    def verify(_: int) -> bool:
        try:
            return second_factor.verify(user, code)
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as threads:
        return list(threads.map(verify, range(times)))


def test_a_code_is_accepted_once() -> None:
    user = make_person()
    turn_on(user)
    code = current_code(user)

    assert [second_factor.verify(user, code) for _ in range(3)] == [True, False, False]


def test_of_twenty_with_the_same_code_at_once_one_is_accepted() -> None:
    user = make_person()
    turn_on(user)

    assert at_once(user, current_code(user)).count(True) == 1


def test_a_code_before_the_last_accepted_one_is_refused() -> None:
    user = make_person()
    turn_on(user)
    earlier, later = current_code(user), current_code(user, later=1)

    assert second_factor.verify(user, later)
    assert not second_factor.verify(user, earlier)


def test_a_wrong_code_is_refused_and_leaves_the_right_one_good() -> None:
    user = make_person()
    turn_on(user)

    assert not second_factor.verify(user, wrong_code(user))
    assert second_factor.verify(user, current_code(user))


@pytest.mark.parametrize("typed", ["", " ", "123", "abc", "\x00", "\u00e9" * 5000, "12345\ud800"])
def test_anything_may_be_typed(typed: str) -> None:
    user = make_person()
    turn_on(user)

    assert second_factor.verify(user, typed) is False


def test_codes_of_others_are_wrong() -> None:
    ada, eve = make_person(), make_person()
    turn_on(ada)
    codes = turn_on(eve)

    assert not second_factor.verify(ada, codes[0])
    if current_code(ada) != current_code(eve):
        assert not second_factor.verify(ada, current_code(eve))
    assert second_factor.verify(eve, codes[0])


def test_without_a_second_factor_no_code_is_right() -> None:
    user = make_person()

    assert not second_factor.verify(user, "123456")
    assert not second_factor.is_on(user)


def test_it_works_before_anybody_is_named() -> None:
    """At the door nobody is logged in, and the database shows nobody's rows to nobody."""
    user = make_person()
    codes = turn_on(user)
    code = current_code(user)

    with acting_as(None):
        assert second_factor.is_on(user)
        assert second_factor.verify(user, code)
        assert second_factor.verify(user, codes[0])


def test_a_recovery_code_is_accepted_once_and_told_of() -> None:
    user = make_person()
    codes = turn_on(user)

    assert second_factor.verify(user, codes[3].lower().replace("-", " "))
    assert not second_factor.verify(user, codes[3])

    assert second_factor.status(user).codes_left == 9
    assert actions("user")[-1] == "second_factor.recovery_code_used"
    letter = mail.outbox[-1]
    assert letter.to == [user.email]
    assert "9 codes are left" in letter.body
    assert codes[3] not in letter.body


def test_of_twenty_with_the_same_recovery_code_at_once_one_is_accepted() -> None:
    user = make_person()
    codes = turn_on(user)

    assert at_once(user, codes[0]).count(True) == 1


def test_each_of_the_ten_works_and_few_are_warned_of() -> None:
    user = make_person()
    codes = turn_on(user)

    few = []
    for code in codes:
        assert second_factor.verify(user, code)
        few.append(second_factor.status(user).has_few_codes)

    assert few == [False] * 6 + [True] * 4
    assert "No code is left" in mail.outbox[-1].body


def test_wrong_codes_count_as_wrong_passwords_do() -> None:
    user = make_person()
    turn_on(user)
    wrong = wrong_code(user)

    for _ in range(log_in.FAILURES_TO_LOCK):
        with pytest.raises(log_in.LoginRefused):
            log_in.check_code(user, wrong, address="")

    user.refresh_from_db()
    assert user.locked_until is not None
    with pytest.raises(log_in.LoginRefused):
        log_in.check_code(user, current_code(user), address="")


def test_a_clock_that_goes_back_lets_no_code_in_again() -> None:
    user = make_person()
    turn_on(user)
    code = current_code(user)
    assert second_factor.verify(user, code)
    device = TotpDevice.objects.get(user=user)
    before = device.last_step

    assert not second_factor.verify(user, one_time_codes.code_of(device.secret.reveal(), before))
    device.refresh_from_db()
    assert device.last_step == before
