"""The acting user reaches the database in every transaction, and never the next one."""

from __future__ import annotations

import threading
import uuid
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection, connections, transaction

from database.actor import acting_as


def told() -> uuid.UUID | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT app_user_id()")
        actor: uuid.UUID | None = cursor.fetchone()[0]
        return actor


@pytest.mark.django_db(transaction=True)
def test_nobody_is_named_unless_somebody_acts() -> None:
    assert told() is None


@pytest.mark.django_db(transaction=True)
def test_a_lone_query_carries_the_actor() -> None:
    someone = uuid.uuid4()

    with acting_as(someone):
        assert told() == someone
    assert told() is None


@pytest.mark.django_db(transaction=True)
def test_a_transaction_carries_the_actor_to_its_end_and_no_further() -> None:
    someone = uuid.uuid4()

    with acting_as(someone), transaction.atomic():
        assert told() == someone
        with transaction.atomic():
            assert told() == someone
        assert told() == someone
    assert told() is None


@pytest.mark.django_db(transaction=True)
def test_changing_the_actor_inside_a_transaction_is_told_at_once_and_undone() -> None:
    first, second = uuid.uuid4(), uuid.uuid4()

    with acting_as(first), transaction.atomic():
        with acting_as(second):
            assert told() == second
        assert told() == first


@pytest.mark.django_db(transaction=True)
def test_a_rolled_back_savepoint_leaves_the_actor_in_place() -> None:
    someone = uuid.uuid4()

    with acting_as(someone), transaction.atomic():
        savepoint = transaction.savepoint()
        assert told() == someone
        transaction.savepoint_rollback(savepoint)
        assert told() == someone


@pytest.mark.django_db(transaction=True)
def test_the_iterator_of_a_lone_query_works_for_the_actor() -> None:
    from accounts.models import User
    from tests.factories import make_user

    made = {make_user().pk for _ in range(3)}

    with acting_as(next(iter(made))):
        assert {user.pk for user in User.objects.iterator(chunk_size=1)} == made


@pytest.mark.django_db(transaction=True)
def test_a_connection_lost_before_the_transaction_is_djangos_own_error(
    administrator: psycopg.Connection[tuple[Any, ...]],
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        administrator.execute("SELECT pg_terminate_backend(%s)", [cursor.fetchone()[0]])
    try:
        with pytest.raises(OperationalError):
            transaction.set_autocommit(False)
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_threads_do_not_see_each_others_actor() -> None:
    wrong: list[object] = []

    def visit() -> None:
        try:
            for _ in range(50):
                someone = uuid.uuid4()
                with acting_as(someone):
                    if told() != someone:
                        wrong.append(someone)
                if told() is not None:
                    wrong.append(None)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=visit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
