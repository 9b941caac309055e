"""The schedule: its entries, their runs, and their switches."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from jobs import schedule
from jobs.admin.cron_words import in_words
from jobs.models import Attempt, Recurrence, RecurringJob
from tests.jobs.admin.conftest import ROLES, STEERERS, ClientFor

URL, RUNS = "/jobs/recurrence/", "/jobs/recurringjob/"
NAME = "prune_jobs"


@pytest.fixture
def entries(db: None) -> None:
    """The schedule as a worker writes it when it starts."""
    schedule.synchronise()


def seen(client: Client, address: str = URL, **asked: str) -> str:
    answer = client.get(address, asked)
    assert answer.status_code == 200
    return answer.content.decode()


def post(client: Client, change: str, name: str = NAME) -> str:
    answer = client.post(f"{URL}{name}/{change}/", follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.django_db
def test_an_empty_schedule_says_what_will_come(client_for: ClientFor) -> None:
    assert "The first worker that starts writes the entries" in seen(client_for("viewer"))


@pytest.mark.usefixtures("entries")
@pytest.mark.parametrize("role", ROLES)
def test_every_staff_role_sees_what_recurs(client_for: ClientFor, role: str) -> None:
    client = client_for(role)
    page = seen(client)

    assert "Every day at 03:17" in page
    assert "<code>17 3 * * *</code>" in page
    assert "Never ran" in page
    assert (f'action="{URL}{NAME}/run/"' in page) == (role in STEERERS)
    assert NAME in seen(client, f"{URL}{NAME}/change/")


@pytest.mark.usefixtures("entries")
def test_an_entry_is_run_now_and_its_run_is_told(client_for: ClientFor) -> None:
    client = client_for("moderator")

    assert f"A run of {NAME} is in line." in post(client, "run")
    run = RecurringJob.objects.get()
    page = seen(client)
    assert f'href="{RUNS}{run.pk}/change/"' in page
    assert "Queued</span>" in page
    assert f"The entry {NAME} already waits or runs." in post(client, "run")
    assert RecurringJob.objects.count() == 1


@pytest.mark.usefixtures("entries")
def test_a_run_that_failed_says_why(client_for: ClientFor) -> None:
    client = client_for("moderator")
    post(client, "run")
    RecurringJob.objects.update(status="processing", started_at=timezone.now())
    RecurringJob.objects.update(status="failed", error_message="<b>disk</b> full")

    page = seen(client)

    assert "Failed</span>" in page
    assert "&lt;b&gt;disk&lt;/b&gt; full" in page
    assert "&lt;b&gt;disk&lt;/b&gt; full" in seen(client, RUNS)


@pytest.mark.usefixtures("entries")
def test_no_page_shows_what_an_eye_would_not_see(client_for: ClientFor) -> None:
    client = client_for("moderator")
    odd = "\N{REPLACEMENT CHARACTER}"
    told = "no \u202eecaps\x1b[2J left"
    schedule.pause(NAME, by="anna", reason=told)
    Recurrence.objects.filter(name="prune_statistics").update(pause_reason=told)
    schedule.run_now(NAME)
    RecurringJob.objects.update(status="processing", attempt=1, started_at=timezone.now())
    RecurringJob.objects.update(status="failed", error_message=told, completed_at=timezone.now())
    job = RecurringJob.objects.get()
    Attempt.objects.create(
        table_name="recurring_jobs", job_id=job.pk, attempt=1, outcome="failed", error_message=told
    )

    pages = [
        seen(client),
        seen(client, f"{URL}{NAME}/change/"),
        seen(client, f"{URL}prune_statistics/change/"),
        seen(client, RUNS),
        seen(client, f"{RUNS}{job.pk}/change/"),
        seen(client, "/jobs/attempt/"),
        seen(client, f"/jobs/attempt/{Attempt.objects.get().pk}/change/"),
    ]

    assert all(f"no {odd}ecaps{odd}[2J left" in page for page in pages)
    assert not any("\u202e" in page or "\x1b" in page for page in pages)


@pytest.mark.usefixtures("entries")
def test_an_entry_is_paused_and_resumed(client_for: ClientFor) -> None:
    client = client_for("moderator")

    assert f"The entry {NAME} is paused." in post(client, "pause")
    entry = Recurrence.objects.get(name=NAME)
    assert entry.paused_by.startswith("moderator")
    assert "Paused</span>" in seen(client)
    assert f"The entry {NAME} runs again from its next moment on" in post(client, "resume")
    entry.refresh_from_db()
    assert entry.paused_at is None


@pytest.mark.usefixtures("entries")
def test_an_entry_that_left_the_code_says_so_and_cannot_be_run(client_for: ClientFor) -> None:
    Recurrence.objects.filter(name=NAME).update(declared=False)
    client = client_for("moderator")

    page = seen(client)

    assert "Not in the code any more" in page
    assert f'action="{URL}{NAME}/run/"' not in page
    assert f"The entry {NAME} has left the schedule" in post(client, "run")


@pytest.mark.usefixtures("entries")
@pytest.mark.parametrize("change", ["run", "pause", "resume"])
def test_an_unknown_entry_is_a_message(client_for: ClientFor, change: str) -> None:
    assert "nothing_of_the_kind" in post(client_for("admin"), change, "nothing_of_the_kind")


@pytest.mark.usefixtures("entries")
@pytest.mark.parametrize("role", ["analyst", "viewer"])
@pytest.mark.parametrize("change", ["run", "pause", "resume"])
def test_a_crafted_request_is_refused(client_for: ClientFor, role: str, change: str) -> None:
    assert client_for(role).post(f"{URL}{NAME}/{change}/").status_code == 403
    assert not RecurringJob.objects.exists()
    assert Recurrence.objects.get(name=NAME).paused_at is None


@pytest.mark.usefixtures("entries")
@pytest.mark.parametrize("change", ["run", "pause", "resume"])
def test_entries_are_switched_by_post_alone(client_for: ClientFor, change: str) -> None:
    assert client_for("admin").get(f"{URL}{NAME}/{change}/").status_code == 405


@pytest.mark.usefixtures("entries")
def test_the_runs_of_one_entry_are_found_by_its_name(client_for: ClientFor) -> None:
    schedule.run_now(NAME)
    schedule.run_now("prune_statistics")
    client = client_for("viewer")

    page = seen(client, RUNS, q=NAME)

    assert page.count("field-due") == 1
    assert seen(client, RUNS).count("field-due") == 2
    assert seen(client, RUNS, q="nothing").count("field-due") == 0


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("17 3 * * *", "every day at 03:17"),
        ("0 0 * * *", "every day at 00:00"),
        ("* * * * *", "every minute"),
        ("*/5 * * * *", "every 5 minutes"),
        ("0 * * * *", "every hour"),
        ("41 * * * *", "every hour, 41 min past"),
        ("0 */6 * * *", "every 6 hours"),
        ("30 */6 * * *", "every 6 hours, 30 min past"),
        ("5 4 * * 1", "every Monday at 04:05"),
        ("5 4 * * 0,6", "every Sunday and Saturday at 04:05"),
        ("5 4 * * 7", "every Sunday at 04:05"),
        ("0 9 * * 1-5", "Monday to Friday at 09:00"),
        ("0 2 1 * *", "on day 1 of every month at 02:00"),
        ("0 2 24 12 *", "every year on 24 December at 02:00"),
    ],
)
def test_common_expressions_are_put_in_words(cron: str, words: str) -> None:
    assert in_words(cron) == words


@pytest.mark.parametrize(
    "cron",
    [
        "*/7 * * * *",  # not every seven minutes: it starts anew each hour
        "0 */5 * * *",  # nor every five hours
        "*/0 * * * *",
        "1,2 3 * * *",
        "0 2 1 * 1",
        "0 2 31-5 * *",
        "* * 1 * *",
        "0 2 L * *",
        "0 2 * 13 *",
        "@daily",
        "",
        "a b c d e",
        "0 0 * * ²",
    ],
)
def test_an_expression_without_plain_words_is_shown_as_written(cron: str) -> None:
    assert in_words(cron) == cron
