"""Queues, schedule, workers and attempts in a real browser."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from jobs import schedule, switches
from jobs.models import Attempt, Worker
from tests.browser.harness import StaffPage
from tests.jobs.queueapp.models import Errand
from tests.jobs.statistics import make_day, make_statistic

pytestmark = pytest.mark.browser

PAGES = [
    "/jobs/queue/",
    "/jobs/queue/errands/change/",
    "/jobs/queue/errands/change/?span=day",
    "/jobs/queue/errands/pause/",
    "/jobs/queue/errands/limit/",
    "/jobs/queue/errands/retry/",
    "/jobs/recurrence/",
    "/jobs/recurringjob/",
    "/jobs/worker/",
    "/jobs/attempt/",
    "/queueapp/errand/",
    "/",
]
NAME = "analysis-node-with-a-very-long-name.cluster.example.org"


def failed_job(**fields: Any) -> Errand:
    """An errand that failed for good, and its attempts."""
    now = timezone.now()
    values: dict[str, Any] = {
        "status": "failed",
        "attempt": 3,
        "error_message": "ValueError: no route to the depot\n" + "x" * 900,
        "last_error_at": now,
        "started_at": now - timedelta(seconds=40),
        "completed_at": now,
        "worker_id": f"{NAME}:411:9f3a",
    }
    job = Errand.objects.bulk_create([Errand(**(values | fields))])[0]
    for number, outcome in enumerate(("lost", "failed", "gave_up"), start=1):
        Attempt.objects.create(
            table_name="test_errands",
            job_id=job.pk,
            attempt=number,
            outcome=outcome,
            worker_id=f"{NAME}:411:9f3a",
            started_at=now - timedelta(minutes=5 - number),
            ended_at=now - timedelta(minutes=4 - number),
            error_message=None if outcome == "lost" else values["error_message"],
        )
    return job


def busy() -> Errand:
    """A day of work, workers in every state, a paused and a limited queue, failures."""
    now = timezone.now()
    schedule.synchronise()
    schedule.run_now("prune_jobs")
    make_day("test_errands", per_minute=4)
    for number, (ago, stopped) in enumerate([(1, False), (400, False), (900, True)]):
        Worker.objects.create(
            name=f"{NAME}:{number}:9f3a",
            hostname=NAME,
            pid=400,
            queues=["errands", "imaging", "parcels", "recurring"],
            concurrency=4,
            busy=2,
            last_seen_at=now - timedelta(seconds=ago),
            stopped_at=now if stopped else None,
        )
    Errand.objects.enqueue([Errand() for _ in range(12)])
    switches.limit("errands", jobs=60, seconds=60)
    switches.pause("parcels", by="ada@example.org", reason="The depot moves. " * 30)
    return failed_job()


@pytest.mark.heavy
def test_the_pages_of_an_empty_installation_are_sound(staff_page: StaffPage) -> None:
    staff_page("moderator")

    for address in PAGES:
        staff_page.open(address)


@pytest.mark.heavy
def test_the_pages_of_a_busy_installation_are_sound(staff_page: StaffPage) -> None:
    job = busy()
    staff_page("moderator")

    for address in [
        *PAGES,
        "/jobs/queue/parcels/change/",
        f"/queueapp/errand/{job.pk}/change/",
        "/jobs/recurrence/prune_jobs/change/",
        f"/jobs/worker/{Worker.objects.all()[0].pk}/change/",
        f"/jobs/attempt/{Attempt.objects.all()[0].pk}/change/",
    ]:
        staff_page.open(address)
    assert staff_page.screenshot("queue").stat().st_size > 10_000


def test_a_queue_is_paused_and_resumed_by_keyboard_alone(staff_page: StaffPage) -> None:
    make_statistic("test_errands", minutes_ago=3, runs=[1.0])
    page = staff_page("moderator").open("/jobs/queue/errands/change/")

    page.get_by_role("link", name="Pause", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Pause Errands")
    page.get_by_label("Why?").focus()
    page.keyboard.type("The depot moves.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    expect(page.get_by_role("status")).to_contain_text("Errands is paused.")
    expect(page.get_by_text("The depot moves.")).to_be_visible()
    staff_page.check()
    page.keyboard.press("r")

    expect(page.get_by_role("status")).to_contain_text("Errands runs again.")
    assert not switches.is_paused("errands")


def test_a_limit_out_of_bounds_is_said_beside_its_field(staff_page: StaffPage) -> None:
    page = staff_page("moderator").open("/jobs/queue/errands/limit/")

    page.get_by_label("Jobs at most").fill("0")
    page.get_by_role("button", name="Set the limit").click()

    expect(page.get_by_text("greater than or equal to 1")).to_be_visible()
    staff_page.check()


def test_all_failed_jobs_are_retried_from_the_page_of_queues(staff_page: StaffPage) -> None:
    failed_job()
    page = staff_page("moderator").open("/jobs/queue/")

    page.get_by_role("link", name="Retry all failed of errands").click()
    page.get_by_role("button", name="Retry 1 failed job").click()

    expect(page.get_by_role("status")).to_contain_text("Errands has 1 job in line again.")
    assert Errand.objects.get().status == "retrying"


def test_queues_are_walked_through_by_key(staff_page: StaffPage) -> None:
    page = staff_page("viewer").open("/jobs/queue/")

    names = page.locator("[data-row] h2 a").all_inner_texts()
    page.keyboard.press("j")
    expect(page.get_by_role("link", name=names[0], exact=True)).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text(names[1])


def test_the_pictures_can_be_read_as_a_table(staff_page: StaffPage) -> None:
    make_statistic("test_errands", minutes_ago=3, waits=[0.1] * 4, runs=[2.0] * 4, failed=1)
    page = staff_page("viewer").open("/jobs/queue/errands/change/")

    expect(page.get_by_role("img", name="4 jobs done in the last hour, 1 failed")).to_be_visible()
    page.get_by_text("The pictures as a table").click()

    expect(page.get_by_role("row").filter(has_text="1.9")).to_have_count(1)
    staff_page.check()


def test_an_entry_of_the_schedule_is_run_now(staff_page: StaffPage) -> None:
    schedule.synchronise()
    page = staff_page("moderator").open("/jobs/recurrence/")

    page.get_by_role("button", name="Run now prune_jobs").click()
    expect(page.get_by_role("status")).to_contain_text("A run of prune_jobs is in line.")
    page.get_by_role("link", name="Queued").click()

    expect(page.get_by_role("heading", level=1)).to_contain_text("Prune_jobs of")
    staff_page.check()
