"""Keys in many hands at once, and what the database keeps of them."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connection, connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts import api_key_text
from accounts.actions import api_keys
from accounts.models import ApiKey
from tests.accounts.api_keys.keys import ask, make_key
from tests.factories import make_user

HERE = "192.0.2.1"


def together(count: int, act: Callable[[], object]) -> list[str]:
    """What came of so many calls at the same moment: the error's name, or nothing."""
    start, outcomes = threading.Barrier(count), list[str]()

    def run() -> None:
        try:
            start.wait(20)
            act()
            outcomes.append("")
        except Exception as error:  # told by its name
            outcomes.append(type(error).__name__)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return outcomes


@pytest.mark.django_db(transaction=True)
def test_the_limit_holds_to_the_request_however_many_come_at_once() -> None:
    new = make_key(make_user("viewer"), rate_limit_per_minute=5)

    outcomes = together(16, lambda: api_keys.find(new.secret, address=HERE))

    assert sorted(outcomes) == [""] * 5 + ["TooManyRequests"] * 11


@pytest.mark.django_db(transaction=True)
def test_a_key_is_withdrawn_once_however_many_withdraw_it() -> None:
    person = make_user("viewer")
    new = make_key(person)

    assert together(8, lambda: api_keys.revoke(new.key.pk, by=person)) == [""] * 8
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM audits.audit_log WHERE action = 'api_key.revoked'")
        assert cursor.fetchone() == (1,)


@pytest.mark.django_db
def test_no_table_holds_a_key_or_its_secret() -> None:
    """Plain SQL over every row of every table, after a key was made, used and refused."""
    new = make_key(make_user("viewer"), rate_limit_per_minute=1)
    assert [ask(new.secret).status_code for _ in range(2)] == [200, 429]
    ApiKey.objects.filter(pk=new.key.pk).update(is_active=False)
    assert ask(new.secret).status_code == 401
    secret = new.secret.partition(".")[2]

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
            " WHERE schemaname IN ('public', 'audits')"
            " AND has_table_privilege(format('%I.%I', schemaname, tablename), 'SELECT')"
        )
        tables = [name for (name,) in cursor.fetchall()]
        holding = []
        for table in tables:
            cursor.execute(
                f"SELECT count(*) FROM {table} t WHERE strpos(t::text, %s) > 0", [secret[:20]]
            )
            holding += [table] if cursor.fetchone() != (0,) else []
    assert {"public.api_keys", "audits.audit_log", "public.idempotency_keys"} <= set(tables)
    assert holding == []


@pytest.mark.django_db
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(st.text(max_size=300), st.text(max_size=60).map("lac_abcdefghij.".__add__)))
def test_whatever_text_is_no_key_and_no_fault(text: str) -> None:
    with connection.cursor() as cursor:  # so that the limit by address does not hide the rest
        cursor.execute("DELETE FROM throttles")

    with pytest.raises(api_keys.KeyRefused):
        api_keys.find(text, address=HERE)


def test_a_key_that_is_one_letter_off_is_never_looked_up() -> None:
    """Without a database: the checksum says it."""
    whole = api_key_text.make().whole

    assert all(
        api_key_text.is_mistyped(whole[:place] + letter + whole[place + 1 :])
        for place in range(len("lac_"), len(whole))
        for letter in "aZ9_"
        if whole[place] != letter
    )
