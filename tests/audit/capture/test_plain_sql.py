"""What no action recorded: bulk changes through Django, plain SQL as anybody."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from accounts.models import User
from audit.recording import record
from database.models import SystemSetting
from imaging.actions import images
from imaging.models import AnalysisStatus, Image, ProcessingJob
from jobs.models import Queue, Recurrence
from tests.audit.capture.told import actions, entries, everything, only
from tests.factories import make_image, make_job, make_result, make_user

pytestmark = pytest.mark.django_db(transaction=True)

Connection = psycopg.Connection[tuple[Any, ...]]


def empty_log(administrator: Connection) -> None:
    """Forget what the test's own preparation left in the log."""
    administrator.execute("SET session_replication_role = replica")
    administrator.execute("TRUNCATE audits.audit_log, audits.audit_personal")
    administrator.execute("SET session_replication_role = origin")


def test_an_update_of_1000_rows_in_one_statement_is_1000_entries(
    administrator: Connection,
) -> None:
    user = make_user()
    made = [
        Image(
            user=user,
            file_name=f"{n}.png",
            file_path=f"originals/{n}",
            file_size=1,
            mime_type="image/png",
            file_hash=f"{n:064x}",
        )
        for n in range(1000)
    ]
    Image.objects.bulk_create(made)
    empty_log(administrator)

    Image.objects.update(mime_type="image/webp")

    found = entries("image")
    assert {entry.resource_id for entry in found} == {str(image.pk) for image in made}
    assert len(found) == 1000
    assert {entry.action for entry in found} == {"image.updated"}
    assert all(entry.changes_before == {"mime_type": "image/png"} for entry in found)
    assert all(entry.changes_after == {"mime_type": "image/webp"} for entry in found)


@pytest.mark.parametrize("known_to_be_empty", [False, True])
def test_each_change_costs_the_same_however_many_one_statement_makes(
    administrator: Connection, known_to_be_empty: bool
) -> None:
    """Counted, not timed: rows of the log that the trigger reads for each changed row."""
    user = make_user()
    if known_to_be_empty:  # the plan is made, and kept, while reading all of it would be cheapest
        empty_log(administrator)
        administrator.execute("ANALYZE audits.audit_log")
        connection.close()
    rows = 10_000
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO images (user_id, file_name, file_path, file_size, mime_type, file_hash)"
            " SELECT %s, n || '.png', 'originals/' || n, 1, 'image/png', lpad(n::text, 64, '0')"
            " FROM generate_series(1, %s) n",
            [user.pk, rows],
        )
        read = (
            "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_all_tables"
            " WHERE schemaname = 'audits' AND relname LIKE 'audit\\_log\\_%%'"
        )
        cursor.execute(read)
        before = cursor.fetchone()[0] or 0
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(read)
        after = cursor.fetchone()[0]

    assert len(entries("image")) == rows
    assert after - before <= 4 * rows


def test_the_owner_is_noticed_too(owner: Connection, administrator: Connection) -> None:
    image = make_image(file_name="before.jpg")
    empty_log(administrator)

    owner.execute("UPDATE images SET file_name = 'after.jpg'")

    entry = only()
    assert (entry.action, entry.resource_id) == ("image.updated", str(image.pk))
    assert entry.changes_before == {"file_name": "before.jpg"}
    assert entry.changes_after == {"file_name": "after.jpg"}
    assert entry.actor_id is None
    assert entry.source == "sql"
    assert f'"login":"{owner.info.user}"' in entry.payload
    assert '"role":"lacuna_owner"' in entry.payload


def test_the_application_is_noticed_in_plain_sql(administrator: Connection) -> None:
    make_user(email="ana@example.org")
    empty_log(administrator)

    with connection.cursor() as cursor:
        cursor.execute("UPDATE users SET role = 'admin', full_name = 'Mallory'")

    entry = only("user")
    assert entry.changes_before == {"role": "analyst", "full_name": "(hidden)"}
    assert entry.changes_after == {"role": "admin", "full_name": "(hidden)"}
    assert "Mallory" not in everything()


def test_insert_and_delete_tell_the_row(administrator: Connection) -> None:
    user = make_user()
    empty_log(administrator)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO images (user_id, file_name, file_path, file_size, mime_type, file_hash)"
            " VALUES (%s, 'a.png', 'originals/a', 1, 'image/png', %s)",
            [user.pk, "a" * 64],
        )
        cursor.execute("DELETE FROM images")

    inserted, deleted = entries("image")
    assert (inserted.action, deleted.action) == ("image.inserted", "image.deleted")
    assert inserted.changes_before is None
    assert inserted.changes_after["file_hash"] == "a" * 64
    assert deleted.changes_before["file_name"] == "a.png"


def test_truncating_is_noticed(owner: Connection, administrator: Connection) -> None:
    make_result()
    empty_log(administrator)

    owner.execute("TRUNCATE images CASCADE")

    assert {"image.deleted", "result.deleted", "job.deleted"} <= set(actions())
    assert all(entry.details == {"truncated": True} for entry in entries())


def test_an_action_leaves_one_entry_and_no_second() -> None:
    user = make_user("moderator")
    image = make_image(analysis_status=AnalysisStatus.FAILED)
    make_job(image=image)
    before = len(entries())

    images.archive(image.pk, by=user)

    (entry,) = entries()[before:]
    assert (entry.action, entry.actor_id) == ("image.archived", user.pk)
    assert entry.changes_before == {"analysis_status": "failed"}
    assert entry.details == {"jobs_cancelled": 1}


def test_what_fails_leaves_nothing_but_what_is_kept() -> None:
    image = make_image()
    before = len(entries())

    with transaction.atomic():
        Image.objects.filter(pk=image.pk).update(file_name="other.jpg")
        record("result.viewed", subject=image)
        record("access.refused", outcome="failure", error="no")
        transaction.set_rollback(True)

    assert [entry.action for entry in entries()[before:]] == ["access.refused"]


def test_an_entry_of_an_earlier_transaction_covers_nothing() -> None:
    image = make_image()
    with transaction.atomic():
        record("result.viewed", subject=image)

    Image.objects.filter(pk=image.pk).update(file_name="other.jpg")

    assert actions("image")[-2:] == ["result.viewed", "image.updated"]


def test_what_the_engine_writes_all_the_time_is_no_entry(administrator: Connection) -> None:
    job = make_job()
    Queue.objects.create(table_name="processing_queue", rate_limit=5)
    empty_log(administrator)

    with connection.cursor() as cursor:
        cursor.execute("UPDATE processing_queue SET status = 'processing', attempt = 1")
        cursor.execute("UPDATE processing_queue SET progress_done = 1, turn = turn + 1")
        cursor.execute("UPDATE processing_queue SET status = 'retrying', retry_count = 1")
        cursor.execute("UPDATE processing_queue SET status = 'queued'")
        cursor.execute("UPDATE job_queues SET tokens = 3, tokens_at = now()")
        cursor.execute("UPDATE images SET upload_count = 2, processed_at = now()")
        cursor.execute("UPDATE users SET last_login_at = now()")

    assert Image.objects.get(pk=job.image_id).analysis_status == "pending"
    assert actions() == []


@pytest.mark.parametrize(
    "change",
    [
        "priority = 10",
        """parameters = '{"method": "luma"}'""",
        "max_retries = 0",
        "unique_key = 'mine'",
        "created_at = created_at - interval '1 day'",
        "status = 'cancelled'",
        "cancel_requested = true",
    ],
)
def test_a_job_is_not_steered_unseen(change: str, administrator: Connection) -> None:
    job = make_job()
    empty_log(administrator)

    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE processing_queue SET {change}")

    entry = only()
    assert (entry.action, entry.resource_id) == ("job.updated", str(job.pk))
    assert set(entry.changes_after) == {change.partition(" ")[0]}
    assert entry.details == {"queue": "processing_queue"}


def test_a_failed_job_is_not_retried_unseen(administrator: Connection) -> None:
    make_job(status="failed")
    empty_log(administrator)

    with connection.cursor() as cursor:
        cursor.execute("UPDATE processing_queue SET status = 'retrying'")

    assert only().changes_after == {"status": "retrying"}


def test_jobs_are_neither_put_in_nor_taken_out_unseen(administrator: Connection) -> None:
    image = make_image()
    empty_log(administrator)

    ProcessingJob.objects.create(image=image, user=image.user)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM processing_queue")

    assert actions() == ["job.inserted", "job.deleted"]


def test_a_job_not_begun_in_time_is_the_engines_to_cancel(administrator: Connection) -> None:
    make_job(expires_at="2020-01-01T00:00:00Z")
    empty_log(administrator)

    assert ProcessingJob.objects.expire() == 1
    assert actions() == []


def test_switches_and_schedule_are_not_changed_unseen(administrator: Connection) -> None:
    Queue.objects.create(table_name="processing_queue")
    Recurrence.objects.create(name="nightly", cron="0 3 * * *", timezone="UTC")
    empty_log(administrator)

    Queue.objects.update(rate_limit=1)
    Recurrence.objects.update(cron="0 4 * * *", next_at="2030-01-01T00:00:00Z")

    queue, entry = entries()
    assert (queue.action, queue.resource_id) == ("queue.updated", "processing_queue")
    assert (entry.action, entry.resource_id) == ("schedule_entry.updated", "nightly")
    assert entry.changes_after == {"cron": "0 4 * * *"}


def test_a_result_is_neither_changed_nor_planted_unseen(
    owner: Connection, administrator: Connection
) -> None:
    result = make_result()
    empty_log(administrator)

    with connection.cursor() as cursor:
        cursor.execute("UPDATE analysis_results SET confidence_score = 0.1")
        cursor.execute(
            "INSERT INTO analysis_cache (cache_key, image_id, algorithm_fingerprint, cached_result)"
            " VALUES ('k', %s, 'f', '{}')",
            [result.image_id],
        )
        cursor.execute("UPDATE analysis_cache SET hit_count = 5, last_accessed_at = now()")
        cursor.execute("""UPDATE analysis_cache SET cached_result = '{"void_ratio": 1}'""")
    owner.execute("UPDATE analysis_results_history SET notes = 'never said'")

    assert actions() == [
        "result.updated",
        "cached_result.inserted",
        "cached_result.updated",
        "earlier_result.updated",
    ]


def test_settings_are_not_changed_unseen() -> None:
    setting = SystemSetting.objects.create(setting_key="max_file_size", setting_value=1)
    SystemSetting.objects.update(setting_value=2)
    setting.delete()

    inserted, updated, deleted = entries("setting")
    assert {entry.resource_id for entry in entries("setting")} == {"max_file_size"}
    assert inserted.changes_after["setting_key"] == "max_file_size"
    assert (updated.changes_before, updated.changes_after) == (
        {"setting_value": 1},
        {"setting_value": 2},
    )
    assert deleted.changes_before["setting_value"] == 2


def test_what_is_long_is_kept_by_size_and_hash(administrator: Connection) -> None:
    image = make_image(metadata={"note": "x" * 5000})
    empty_log(administrator)

    image.metadata = {"note": "y" * 5000}
    image.save()

    after = only().changes_after["metadata"]
    assert set(after) == {"bytes", "sha256"}
    assert len(after["sha256"]) == 64


def test_a_person_who_is_added_by_a_program_is_noticed() -> None:
    User.objects.bulk_create([User(email="bulk@example.org", role="admin")])

    entry = only("user")
    assert entry.action == "user.inserted"
    assert entry.changes_after["role"] == "admin"
    assert entry.changes_after["email"] == "(hidden)"
