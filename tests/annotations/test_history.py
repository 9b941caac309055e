"""Every version of an annotation is kept, whoever changes it and however."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connection, transaction
from django.db.utils import ProgrammingError

from annotations.models import AnnotationHistory
from database.actor import acting_as
from tests.annotations.making import BOX, make_annotation
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def run(statement: str, *parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def versions(key: UUID) -> list[tuple[int, str, str]]:
    return list(
        AnnotationHistory.objects.filter(annotation_id=key)
        .order_by("version")
        .values_list("version", "label", "review_status")
    )


def test_each_change_makes_a_version_and_keeps_the_one_before() -> None:
    made = make_annotation(label="robin")
    for label in ("wren", "tit"):
        run("UPDATE annotations SET label = %s WHERE id = %s", label, made.pk)

    made.refresh_from_db()
    assert (made.version, made.label) == (3, "tit")
    assert versions(made.pk) == [(1, "robin", "pending"), (2, "wren", "pending")]


def test_who_changed_it_and_why_stand_with_the_version_that_was_replaced() -> None:
    made, person = make_annotation(), make_user("analyst")
    with acting_as(person.pk), transaction.atomic():
        run("SELECT set_config('app.reason', 'approved', true)")
        run("UPDATE annotations SET label = 'wren' WHERE id = %s", made.pk)

    kept = AnnotationHistory.objects.get(annotation_id=made.pk)
    assert (kept.changed_by_id, kept.reason) == (person.pk, "approved")
    assert kept.bounding_box == BOX.to_json()


@pytest.mark.parametrize(
    "change",
    [
        "label = label",
        "calibrated_confidence = 0.3",
        "quality_score = 0.5",
        "updated_at = now()",
    ],
)
def test_what_is_only_computed_makes_no_version(change: str) -> None:
    made = make_annotation()

    run(f"UPDATE annotations SET {change} WHERE id = %s", made.pk)

    made.refresh_from_db()
    assert made.version == 1
    assert versions(made.pk) == []


def test_a_statement_that_changes_many_keeps_each() -> None:
    made = [make_annotation(label=f"bird {number}") for number in range(5)]

    run("UPDATE annotations SET label = 'bird'")

    assert AnnotationHistory.objects.count() == 5
    assert [versions(one.pk) for one in made] == [
        [(1, f"bird {number}", "pending")] for number in range(5)
    ]


def test_the_version_cannot_be_set_by_hand() -> None:
    made = make_annotation()

    run("UPDATE annotations SET label = 'wren', version = 70 WHERE id = %s", made.pk)

    made.refresh_from_db()
    assert made.version == 2


def test_what_is_deleted_is_kept_as_its_last_version() -> None:
    made = make_annotation()
    run("UPDATE annotations SET label = 'wren' WHERE id = %s", made.pk)
    run("DELETE FROM annotations WHERE id = %s", made.pk)

    last = AnnotationHistory.objects.get(annotation_id=made.pk, is_deleted=True)
    assert (last.version, last.label) == (2, "wren")


@pytest.mark.parametrize(
    "attempt",
    [
        "UPDATE annotation_history SET label = 'eagle'",
        "DELETE FROM annotation_history",
        "TRUNCATE annotation_history",
        "INSERT INTO annotation_history SELECT * FROM annotation_history",
    ],
)
@pytest.mark.parametrize("role", ["lacuna_app", "lacuna_admin", "lacuna_system"])
def test_the_application_cannot_write_history(role: str, attempt: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL ROLE {role}")
        with pytest.raises(ProgrammingError) as caught:
            cursor.execute(attempt)
        transaction.set_rollback(True)
    assert isinstance(caught.value.__cause__, psycopg.errors.InsufficientPrivilege)
