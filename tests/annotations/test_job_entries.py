"""What workers note on their jobs is no change of them; what plain SQL changes is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from annotations import handlers
from annotations.actions import ai_jobs, batches
from annotations.models import AiAnnotationJob, BatchJob, BatchType
from audit.models import Entry
from imaging.models import Image
from tests.annotations.scripted import Scripted
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)


def claimed(jobs: Any) -> Any:
    [job] = jobs.claim("worker-1", 1, time_limit=timedelta(minutes=5))
    return job


def captured() -> list[str]:
    return [
        one.action
        for one in Entry.objects.filter(payload__contains='"captured":true', resource_type="job")
    ]


def test_jobs_that_ran_to_their_end_have_the_entries_of_actions_alone(
    scripted: Scripted, stored_image: Image
) -> None:
    before = captured()
    batches.request(BatchType.ANNOTATE, by=make_user("analyst"))

    handlers.run_batch(claimed(BatchJob.objects))
    handlers.annotate(claimed(AiAnnotationJob.objects))

    assert AiAnnotationJob.objects.get().status == "completed"
    assert captured() == before


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE ai_annotation_jobs SET provider = 'openai'",
        "UPDATE ai_annotation_jobs SET cost = 0",
        "UPDATE ai_annotation_jobs SET response_payload = '{}'",
        "UPDATE ai_annotation_jobs SET status = 'cancelled'",
        "DELETE FROM ai_annotation_jobs",
    ],
)
def test_plain_sql_on_ai_jobs_has_its_entry(change: str, stored_image: Image) -> None:
    job = ai_jobs.ask(stored_image, by=make_user("analyst")).job

    with connection.cursor() as cursor:
        cursor.execute(change)

    found = Entry.objects.get(payload__contains='"captured":true', resource_type="job")
    assert found.resource_id == str(job.pk)


@pytest.mark.parametrize(
    "change",
    [
        """UPDATE batch_jobs SET parameters = '{"provider": "openai"}'""",
        "UPDATE batch_jobs SET job_type = 'warm_cache'",
        "UPDATE batch_jobs SET user_id = NULL",
        "UPDATE batch_jobs SET cancel_requested = true",
        "DELETE FROM batch_jobs",
    ],
)
def test_plain_sql_on_batches_has_its_entry(change: str, stored_image: Image) -> None:
    job = batches.request(BatchType.ANNOTATE, by=make_user("analyst"))

    with connection.cursor() as cursor:
        cursor.execute(change)

    found = Entry.objects.get(payload__contains='"captured":true', resource_type="job")
    assert found.resource_id == str(job.pk)
