"""Keys and moments made by Python and by the database."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from accounts.models import User
from database.fields import uuid7
from tests.factories import make_user


def moment_of(key: uuid.UUID) -> datetime:
    return datetime.fromtimestamp((key.int >> 80) / 1000, tz=UTC)


def test_a_key_is_a_uuid_of_version_7_that_tells_its_time() -> None:
    key = uuid7()

    assert key.version == 7
    assert key.variant == uuid.RFC_4122
    assert abs(moment_of(key) - datetime.now(tz=UTC)) < timedelta(seconds=5)


def test_keys_made_one_after_the_other_are_in_order_to_the_microsecond() -> None:
    # Two keys of the same quarter of a microsecond are ordered by chance; the rest must ascend.
    heads = [uuid7().int >> 64 for _ in range(10_000)]

    assert heads == sorted(heads)


@pytest.mark.django_db
def test_the_databases_key_has_the_same_form() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT new_key() FROM generate_series(1, 1000)")
        keys = [row[0] for row in cursor.fetchall()]

    assert {key.version for key in keys} == {7}
    assert {key.variant for key in keys} == {uuid.RFC_4122}
    assert len(set(keys)) == 1000
    assert abs(moment_of(keys[0]) - datetime.now(tz=UTC)) < timedelta(seconds=5)


@pytest.mark.django_db
def test_python_knows_the_key_before_and_after_saving() -> None:
    user = User(email="early@example.org")
    key = user.pk
    user.save()

    assert key is not None
    assert user.pk == key


@pytest.mark.django_db
def test_a_row_inserted_by_plain_sql_is_as_complete_as_a_saved_one() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO users (email, password_hash, role)"
            " VALUES ('sql@example.org', '$2b$12$abc', 'analyst') RETURNING id"
        )
        user = User.objects.get(pk=cursor.fetchone()[0])

    assert user.is_active
    assert user.metadata == {}
    assert user.full_name == ""
    assert user.pk.version == 7
    assert user.created_at is not None


@pytest.mark.django_db
def test_updated_at_follows_every_change_also_in_plain_sql() -> None:
    user = make_user()
    User.objects.filter(pk=user.pk).update(updated_at=datetime(2020, 1, 1, tzinfo=UTC))
    user.refresh_from_db()

    assert user.updated_at > datetime(2026, 1, 1, tzinfo=UTC)
