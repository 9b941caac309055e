"""For whom Django's queries run: in every kind of transaction, and when one goes wrong."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from uuid import UUID

import psycopg
import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.conf import settings
from django.db import (
    DataError,
    Error,
    OperationalError,
    connection,
    connections,
    transaction,
)
from django.db.transaction import TransactionManagementError

from accounts.models import ApiKey, User
from database import roles
from database.actor import acting_as, acting_as_system, current_actor
from database.connections import own_connection
from tests.database.rows import world

EVERYBODY = 8  # who has a key in the small world
ANALYST, VIEWER, ADMIN = (world.key("users", name) for name in ("analyst", "viewer", "admin"))

pytestmark = pytest.mark.usefixtures("committed")


def seen() -> set[UUID]:
    """Whose keys a query finds."""
    return set(ApiKey.objects.values_list("user_id", flat=True))


def stands() -> tuple[str, str]:
    """The database role, and who is named."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, coalesce(current_setting('app.user_id', true), '')")
        role, user = cursor.fetchone()
    return role, user


@pytest.fixture
def web() -> Iterator[None]:
    """Connections as the web server makes them: of the application, for nobody."""
    options = connection.settings_dict["OPTIONS"]
    before = options.get("assume_role")
    connection.close()
    options["assume_role"] = roles.APP
    yield
    connection.close()
    if before is None:
        options.pop("assume_role")
    else:
        options["assume_role"] = before


def test_a_command_sees_everything_and_the_web_server_nothing_until_somebody_is_named() -> None:
    assert len(seen()) == EVERYBODY


@pytest.mark.usefixtures("web")
def test_the_web_server_is_nobody_by_itself() -> None:
    assert seen() == set()
    with transaction.atomic():
        assert seen() == set()
    with acting_as(ANALYST):
        assert seen() == {ANALYST}
    with acting_as(ADMIN):
        assert len(seen()) == EVERYBODY
    with acting_as_system():
        assert len(seen()) == EVERYBODY
    assert seen() == set()


@pytest.mark.usefixtures("web")
def test_a_session_in_which_somebody_else_became_the_system_is_not_believed() -> None:
    """A pooler in transaction mode may lend the web server what a worker has set."""
    with connection.cursor() as cursor:
        connection.connection.execute("SET ROLE lacuna_system")
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == (roles.APP,)
        assert seen() == set()
        with acting_as(ANALYST):
            assert seen() == {ANALYST}


def test_switching_persons_and_sights_inside_one_transaction_holds_at_once() -> None:
    with transaction.atomic():
        assert len(seen()) == EVERYBODY
        with acting_as(ANALYST):
            assert seen() == {ANALYST}
            with acting_as(VIEWER):
                assert seen() == {VIEWER}
                with acting_as_system():
                    assert len(seen()) == EVERYBODY
                    assert stands() == (roles.SYSTEM, str(VIEWER))  # who does it stays named
                with acting_as(None):
                    assert seen() == set()
                assert seen() == {VIEWER}
            assert seen() == {ANALYST}
        assert len(seen()) == EVERYBODY


def test_after_a_transaction_nothing_of_it_is_left() -> None:
    before = stands()
    for ending in (None, ZeroDivisionError()):
        try:
            with acting_as(ANALYST), transaction.atomic():
                assert stands() == (roles.APP, str(ANALYST))
                if ending:
                    raise ending
        except ZeroDivisionError:
            pass
        assert stands() == before


def test_a_savepoint_rolled_back_leaves_the_person_who_is_named() -> None:
    with acting_as(ANALYST), transaction.atomic():
        with suppress(ZeroDivisionError), transaction.atomic(), acting_as(VIEWER):
            assert seen() == {VIEWER}
            raise ZeroDivisionError
        assert seen() == {ANALYST}
        with pytest.raises(DataError), transaction.atomic(), acting_as(VIEWER):
            connection.cursor().execute("SELECT 1 / 0")
        assert seen() == {ANALYST}


def test_a_savepoint_older_than_the_naming_does_not_bring_the_former_person_back() -> None:
    with acting_as(ANALYST), transaction.atomic():
        savepoint = transaction.savepoint()
        with acting_as(VIEWER):
            transaction.savepoint_rollback(savepoint)
            assert seen() == {VIEWER}
        assert seen() == {ANALYST}


def test_a_person_named_while_the_transaction_is_broken_is_heard_after_it_is_mended() -> None:
    with transaction.atomic():
        savepoint = transaction.savepoint()
        with pytest.raises(DataError):
            connection.cursor().execute("SELECT 1 / 0")
        with acting_as(ANALYST):
            transaction.savepoint_rollback(savepoint)
            assert seen() == {ANALYST}
        assert len(seen()) == EVERYBODY


@pytest.mark.parametrize("enter", [lambda: acting_as(ANALYST), acting_as_system])
def test_the_error_that_broke_the_transaction_is_the_one_that_is_seen(enter: Any) -> None:
    with pytest.raises(DataError, match="division by zero"), transaction.atomic(), enter():
        connection.cursor().execute("SELECT 1 / 0")
    with (
        pytest.raises(DataError, match="division by zero"),
        acting_as(VIEWER),
        transaction.atomic(),
        enter(),
        transaction.atomic(savepoint=False),
    ):
        connection.cursor().execute("SELECT 1 / 0")


def test_the_loss_of_the_server_is_seen_not_what_follows_from_it() -> None:
    connection.ensure_connection()
    pid = connection.connection.info.backend_pid

    def lose() -> None:
        with transaction.atomic(), acting_as(ANALYST):
            with own_connection(login=settings.DATABASE_ADMIN) as administrator:
                administrator.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])
            connection.cursor().execute("SELECT 1")

    try:
        with pytest.raises(OperationalError) as caught:
            lose()
        assert "the connection is closed" not in str(caught.value)
    finally:
        connection.close()
    assert len(seen()) == EVERYBODY


def test_transactions_by_hand_carry_the_person_into_the_next_one() -> None:
    transaction.set_autocommit(False)
    try:
        with acting_as(ANALYST):
            assert seen() == {ANALYST}  # named after the transaction began
            transaction.commit()
            assert seen() == {ANALYST}
            transaction.rollback()
            assert seen() == {ANALYST}
            with transaction.atomic():
                assert seen() == {ANALYST}
        assert len(seen()) == EVERYBODY
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)
    assert len(seen()) == EVERYBODY


def test_a_transaction_ended_by_plain_sql_does_not_end_the_person() -> None:
    with acting_as(ANALYST), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("ROLLBACK")
        assert seen() == {ANALYST}


def test_iterators_and_prefetched_rows_are_the_person_s() -> None:
    with acting_as(ANALYST):
        rows = ApiKey.objects.iterator(chunk_size=1)
        assert {key.user_id for key in rows} == {ANALYST}
        people = list(User.objects.prefetch_related("api_keys", "sessions"))
        assert len(people) == EVERYBODY
        assert {key.user_id for person in people for key in person.api_keys.all()} == {ANALYST}
        assert {one.user_id for person in people for one in person.sessions.all()} == {ANALYST}
        assert {key.user_id for key in ApiKey.objects.select_related("user")} == {ANALYST}


def test_an_iterator_begun_by_one_person_is_not_another_s() -> None:
    with acting_as(ANALYST):
        rows = ApiKey.objects.iterator(chunk_size=1)
        first = next(rows)
    with acting_as(VIEWER):
        assert first.user_id == ANALYST
        assert seen() == {VIEWER}
        assert list(rows) == []


def test_what_waits_for_the_commit_runs_for_the_person() -> None:
    found: list[set[UUID]] = []
    with acting_as(ANALYST), transaction.atomic():
        transaction.on_commit(lambda: found.append(seen()))

    assert found == [{ANALYST}]


def test_bulk_writes_reach_the_person_s_rows_alone() -> None:
    with acting_as(ANALYST):
        assert ApiKey.objects.update(name="mine") == 1
        assert ApiKey.objects.exclude(user_id=ANALYST).delete()[0] == 0
        with pytest.raises(Error, match="row-level security"):
            ApiKey.objects.bulk_create([ApiKey(user_id=VIEWER, name="theirs", key_hash="h")])
    assert set(ApiKey.objects.filter(name="mine").values_list("user_id", flat=True)) == {ANALYST}


def test_what_django_hands_to_the_driver_untold_needs_a_transaction() -> None:
    statement = "COPY api_keys (user_id) TO STDOUT"
    with acting_as(ANALYST), connection.cursor() as cursor:
        attempts: list[Callable[[], Any]] = [
            lambda: cursor.copy(statement),
            lambda: cursor.stream("SELECT user_id FROM api_keys"),
            lambda: cursor.callproc("app_user_id"),
        ]
        for attempt in attempts:
            with pytest.raises(TransactionManagementError, match=r"transaction\.atomic"):
                attempt()
        with transaction.atomic(), cursor.copy(statement) as copy:
            lines = b"".join(bytes(part) for part in copy).decode().split()
        assert lines == [str(ANALYST)]


def test_a_thread_inherits_nobody(web: None) -> None:
    found: list[object] = []

    def look() -> None:
        try:
            found.extend([current_actor(), seen()])
        finally:
            connections.close_all()

    with acting_as(ADMIN):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()

    assert found == ["", set()]


@pytest.mark.usefixtures("own_loop")
def test_coroutines_take_their_person_into_the_threads_of_their_queries() -> None:
    async def look(person: UUID) -> set[UUID]:
        with acting_as(person):
            return await sync_to_async(seen)()

    async def main() -> list[set[UUID]]:
        return [await look(person) for person in (ANALYST, VIEWER, ANALYST)]

    assert async_to_sync(main)() == [{ANALYST}, {VIEWER}, {ANALYST}]


def test_a_demotion_is_in_force_in_the_next_transaction() -> None:
    User.objects.create(email="second@example.org", role="admin")  # somebody stays
    with acting_as(ADMIN):
        assert len(seen()) == EVERYBODY
        User.objects.filter(pk=ANALYST).update(role="admin")
    with acting_as(ANALYST):
        assert len(seen()) == EVERYBODY
        User.objects.filter(pk=ADMIN).update(role="viewer")
    with acting_as(ADMIN):
        assert seen() == {ADMIN}


def test_a_deactivated_admin_is_an_admin_no_more() -> None:
    User.objects.create(email="second@example.org", role="admin")
    User.objects.filter(pk=ADMIN).update(is_active=False)
    with acting_as(ADMIN):
        assert seen() == {ADMIN}
        assert User.objects.count() == 0


def test_connections_beside_django_s_name_nobody() -> None:
    with acting_as(ANALYST), own_connection() as own:
        row = own.execute(
            "SELECT current_user::text, current_setting('app.user_id', true)"
        ).fetchone()

    assert row is not None
    assert (row[0], row[1] or "") == (roles.SYSTEM, "")


@pytest.mark.usefixtures("web")
def test_connections_beside_django_s_see_nothing_in_the_web_server() -> None:
    with acting_as(ADMIN), own_connection() as own:
        assert own.execute("SELECT count(*) FROM api_keys").fetchone() == (0,)


def test_the_owner_keeps_its_own_sight(owner: psycopg.Connection[tuple[Any, ...]]) -> None:
    count = owner.execute("SELECT count(DISTINCT user_id) FROM api_keys").fetchone()

    assert count == (EVERYBODY,)
