"""Bringing many jobs at once, as columns or as objects."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import DataError, IntegrityError, connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from database.fields import uuid7
from imaging.models import ProcessingJob
from jobs.errors import DuplicateJob
from tests.factories.imaging import make_image
from tests.jobs.queueapp.models import Errand, Parcel

pytestmark = pytest.mark.django_db

A, B = UUID(int=1), UUID(int=2)
PEOPLE = [None, A, B]
enqueue_rows = Errand.objects.enqueue_rows
ENQUEUE_ROWS: Callable[..., list[UUID]] = enqueue_rows  # for columns that go by a name in a test
SOME = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
BOUNDLESS_TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))
JSON = st.recursive(
    st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(-1e15, 1e15)  # beyond, the database writes whole numbers as such
    | BOUNDLESS_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(BOUNDLESS_TEXT, inner, max_size=3),
    max_leaves=6,
)


def stored(ids: list[UUID], column: str) -> list[Any]:
    """The column as the jobs have it, in the order of the ids."""
    found = dict(Errand.objects.filter(id__in=ids).values_list("id", column))
    return [found[key] for key in ids]


def _row(key: UUID) -> dict[str, Any]:
    return {**Errand.objects.filter(id=key).values().get()}


# --- Columns -------------------------------------------------------------------------------------


def test_lists_and_single_values_make_rows() -> None:
    later = timezone.now() + timedelta(hours=1)

    ids = enqueue_rows(user_id=A, priority=[9, 2, 5], payload={"do": "write"}, available_at=later)

    assert stored(ids, "priority") == [9, 2, 5]
    assert stored(ids, "user_id") == [A] * 3
    assert stored(ids, "payload") == [{"do": "write"}] * 3
    assert stored(ids, "available_at") == [later] * 3


def test_what_is_not_given_is_as_the_table_says() -> None:
    [key] = enqueue_rows(user_id=[A])
    [plain] = Errand.objects.enqueue([Errand(user_id=A)])

    row, other = _row(key), _row(plain.id)

    assert row.pop("created_at") <= other.pop("created_at")
    assert (row.pop("id"), other.pop("id")) == (key, plain.id)
    assert (row.pop("turn"), other.pop("turn")) == (1, 2)
    assert row == other


def test_a_tuple_is_a_list() -> None:
    assert stored(enqueue_rows(priority=(3, 4)), "priority") == [3, 4]


def test_ids_come_in_the_order_of_the_rows() -> None:
    numbers = [{"number": number} for number in range(500)]

    ids = enqueue_rows(payload=numbers)

    assert stored(ids, "payload") == numbers
    assert len(set(ids)) == 500


def test_ids_may_be_given() -> None:
    ids = [uuid7() for _ in range(3)]

    assert enqueue_rows(id=ids) == ids


def test_of_an_empty_list_nothing_comes() -> None:
    assert enqueue_rows(payload=[], user_id=[]) == []
    assert Errand.objects.enqueue([]) == []
    assert not Errand.objects.exists()


@pytest.mark.parametrize("columns", [{}, {"user_id": A}, {"payload": {"a": 1}}], ids=str)
def test_without_a_list_nobody_knows_how_many(columns: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="At least one column must be a list"):
        enqueue_rows(**columns)


def test_lists_of_different_length_are_refused_with_their_sizes() -> None:
    with pytest.raises(ValueError, match=r"differ in length \(priority: 2, user_id: 3\)"):
        enqueue_rows(priority=[1, 2], user_id=[A, A, A], payload={})


@pytest.mark.parametrize("name", ["colour", "user", "pk"])
def test_a_column_that_is_not_there_is_refused_with_those_that_are(name: str) -> None:
    with pytest.raises(TypeError, match=rf"no '{name}' here. It takes: available_at, .*user_id"):
        ENQUEUE_ROWS(**{name: [1]})


@pytest.mark.parametrize(
    "name",
    ["status", "turn", "attempt", "retry_count", "worker_id", "started_at", "cancel_requested"],
)
def test_what_the_engine_writes_is_refused(name: str) -> None:
    with pytest.raises(TypeError, match=f"Errand takes no '{name}' here"):
        ENQUEUE_ROWS(payload=[{}], **{name: None})


# --- Values --------------------------------------------------------------------------------------


@given(st.lists(JSON, min_size=1, max_size=5))
@SOME
def test_json_comes_back_as_it_went_in(values: list[Any]) -> None:
    ids = enqueue_rows(payload=values)
    found = stored(ids, "payload")
    Errand.objects.filter(id__in=ids).delete()

    assert found == values
    assert [value is True or value is False for value in found] == [
        isinstance(value, bool) for value in values
    ]


@given(st.lists(BOUNDLESS_TEXT.filter(lambda text: len(text) <= 255), max_size=5, unique=True))
@SOME
def test_text_comes_back_as_it_went_in(values: list[str]) -> None:
    ids = enqueue_rows(unique_key=values)
    found = stored(ids, "unique_key")
    Errand.objects.filter(id__in=ids).delete()

    assert found == values


@pytest.mark.parametrize(
    "payloads",
    [
        [{"a": 1}, {"a": True}],
        [{"a": 0}, {"a": False}],
        [[1], [1.0]],
    ],
    ids=str,
)
def test_jobs_of_one_call_keep_each_its_own_payload(payloads: list[Any]) -> None:
    made = Errand.objects.enqueue([Errand(payload=payload) for payload in payloads])

    assert list(map(repr, stored([job.id for job in made], "payload"))) == list(map(repr, payloads))


@pytest.mark.parametrize(
    ("columns", "error"),
    [
        ({"payload": ["a\x00b"]}, DataError),
        ({"payload": ["\ud800"]}, DataError),
        ({"payload": [math.nan]}, DataError),
        ({"payload": [math.inf, 1]}, DataError),
        ({"payload": [None]}, IntegrityError),
        ({"payload": [None, {}]}, IntegrityError),
        ({"payload": [datetime(2026, 1, 1, tzinfo=UTC)]}, TypeError),
        ({"unique_key": ["a\x00b"]}, DataError),
        ({"unique_key": ["\ud800"]}, UnicodeEncodeError),
        ({"unique_key": ["x" * 256]}, DataError),
        ({"priority": [11]}, IntegrityError),
        ({"priority": [0, 5]}, IntegrityError),
        ({"priority": [None]}, IntegrityError),
        ({"priority": [2**40]}, DataError),
        ({"max_retries": [-1]}, IntegrityError),
        ({"user_id": ["somebody"]}, ValueError),
        ({"id": [A, A]}, IntegrityError),
    ],
    ids=str,
)
def test_a_value_that_the_table_cannot_hold_refuses_all(
    columns: dict[str, list[Any]], error: type[Exception]
) -> None:
    longest = {name: [*values, values[-1]] for name, values in columns.items()}

    with pytest.raises(error), transaction.atomic():
        ENQUEUE_ROWS(**longest)

    assert not Errand.objects.exists()


@pytest.mark.parametrize("text", ["' ; DROP TABLE x; --", "%s %(a)s", 'a,b{"c"}', "NULL", "{}", ""])
def test_text_is_never_taken_for_sql(text: str) -> None:
    ids = enqueue_rows(unique_key=[text, f"{text}2"], payload=text)

    assert stored(ids, "unique_key") == [text, f"{text}2"]
    assert stored(ids, "payload") == [text, text]


def test_people_may_be_given_as_text() -> None:
    ids = enqueue_rows(user_id=[str(A), A, None])

    assert stored(ids, "user_id") == [A, A, None]
    assert stored(ids, "turn") == [1, 2, 1]


# --- Unique keys ---------------------------------------------------------------------------------


def test_a_key_that_is_taken_refuses_all() -> None:
    enqueue_rows(unique_key=["a"])

    with pytest.raises(DuplicateJob):
        enqueue_rows(unique_key=["b", "a", "c"])
    assert Errand.objects.count() == 1


def test_a_key_given_twice_refuses_all() -> None:
    with pytest.raises(DuplicateJob):
        enqueue_rows(unique_key=["b", "b"])
    assert not Errand.objects.exists()


def test_duplicates_may_be_left_out() -> None:
    enqueue_rows(unique_key=["a"])

    ids = enqueue_rows(skip_duplicates=True, unique_key=["b", "a", None, "b", "c", None])

    assert stored(ids, "unique_key") == ["b", None, "c", None]
    assert enqueue_rows(skip_duplicates=True, unique_key=["a", "b", "c"]) == []


def test_the_key_of_a_job_that_has_ended_is_free() -> None:
    enqueue_rows(unique_key=["a", "b"])
    Errand.objects.cancel()

    assert len(enqueue_rows(unique_key=["a", "b"])) == 2


def test_after_a_refusal_the_transaction_goes_on() -> None:
    with transaction.atomic():
        kept = enqueue_rows(unique_key=["a"])
        with pytest.raises(DuplicateJob):
            enqueue_rows(unique_key=["z", "a"])
        kept += enqueue_rows(unique_key=["b"])

    assert set(Errand.objects.values_list("id", flat=True)) == set(kept)


# --- All or none ---------------------------------------------------------------------------------


def test_twenty_thousand_rows_are_one_call() -> None:
    people = [UUID(int=1 + number % 7) for number in range(20_000)]

    ids = enqueue_rows(
        user_id=people, payload=[{"number": number} for number in range(20_000)], priority=6
    )

    assert Errand.objects.count() == len(set(ids)) == 20_000
    assert stored(ids[-7:], "turn") == [1 + (number // 7) for number in range(20_000 - 7, 20_000)]


def test_what_is_rolled_back_was_never_there() -> None:
    with transaction.atomic():
        enqueue_rows(payload=[{}] * 10, user_id=A)
        transaction.set_rollback(True)

    assert not Errand.objects.exists()
    assert stored(enqueue_rows(user_id=[A]), "turn") == [1]


def test_a_row_that_refers_to_nothing_refuses_all() -> None:
    image = make_image()

    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    with pytest.raises(IntegrityError, match="image"), transaction.atomic():
        ProcessingJob.objects.enqueue_rows(image_id=[image.id, uuid7()], user_id=image.user_id)
    assert not ProcessingJob.objects.exists()


def test_rows_of_a_real_queue_carry_their_references() -> None:
    images = [make_image() for _ in range(3)]

    ids = ProcessingJob.objects.enqueue_rows(
        image_id=[image.id for image in images], user_id=images[0].user_id, priority=7
    )

    jobs = ProcessingJob.objects.in_bulk(ids)
    assert [jobs[key].image_id for key in ids] == [image.id for image in images]
    assert [jobs[key].turn for key in ids] == [1, 2, 3]


def test_objects_come_back_as_they_were_saved() -> None:
    made = Errand.objects.enqueue([Errand(user_id=A, payload={"n": n}) for n in range(3)])

    assert not any(job._state.adding for job in made)
    for number, job in enumerate(made):
        job.refresh_from_db()
        assert (job.payload, job.status, job.turn) == ({"n": number}, "queued", number + 1)
        job.priority = 9
        job.save()


@pytest.mark.parametrize("count", [1, 3])
def test_an_object_that_had_ended_stands_in_line(count: int) -> None:
    Errand.objects.enqueue([Errand(status="completed") for _ in range(count)])

    assert set(Errand.objects.values_list("status", flat=True)) == {"queued"}
    assert Errand.objects.ready().count() == count


@pytest.mark.parametrize("count", [1, 3])
def test_an_object_that_had_run_begins_anew(count: int) -> None:
    Errand.objects.enqueue([Errand(attempt=4, retry_count=2, worker_id="w") for _ in range(count)])

    rows = Errand.objects.values_list("attempt", "retry_count", "worker_id")
    assert list(rows) == [(0, 0, None)] * count


# --- The line ------------------------------------------------------------------------------------

wanted = st.lists(
    st.tuples(st.sampled_from(PEOPLE), st.sampled_from([2, 5, 9])), min_size=1, max_size=25
)


def insert_by_plain_sql(rows: list[tuple[UUID | None, int]]) -> list[UUID]:
    values = ", ".join(["(%s, %s)"] * len(rows))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO test_errands (user_id, priority) VALUES {values} RETURNING id",
            [value for row in rows for value in row],
        )
        return [row[0] for row in cursor.fetchall()]


def insert_as_columns(rows: list[tuple[UUID | None, int]]) -> list[UUID]:
    return enqueue_rows(user_id=[row[0] for row in rows], priority=[row[1] for row in rows])


def insert_as_objects(rows: list[tuple[UUID | None, int]]) -> list[UUID]:
    made = [Errand(user_id=person, priority=priority) for person, priority in rows]
    return [job.id for job in Errand.objects.enqueue(made)]


def insert_one_by_one(rows: list[tuple[UUID | None, int]]) -> list[UUID]:
    return [insert_as_objects([row])[0] for row in rows]


WAYS = [insert_by_plain_sql, insert_as_columns, insert_as_objects, insert_one_by_one]


@given(before=wanted, rows=wanted, reached=st.integers(0, 8))
@SOME
def test_every_way_in_leads_to_the_same_line(
    before: list[tuple[UUID | None, int]], rows: list[tuple[UUID | None, int]], reached: int
) -> None:
    lines = []
    for way in WAYS:
        with transaction.atomic():
            insert_one_by_one(before)
            Errand.objects.advance({5: reached})
            ids = way(rows)
            line = Errand.objects.order_by("-priority", "turn", "id")
            position = {key: number for number, key in enumerate(ids)}
            turns = dict(Errand.objects.values_list("id", "turn"))
            order = [position.get(key, "before") for key in line.values_list("id", flat=True)]
            lines.append(([turns[key] for key in ids], order))
            transaction.set_rollback(True)

    assert lines == [lines[0]] * len(WAYS)


def test_in_a_table_without_people_rows_stand_in_the_order_they_came() -> None:
    ids = Parcel.objects.enqueue_rows(payload=[{"n": n} for n in range(300)])

    line = Parcel.objects.order_by("-priority", "turn", "id").values_list("id", flat=True)

    assert list(line) == ids
