"""Workers and attempts as lists."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs.models import Attempt, Worker
from tests.jobs.admin.conftest import ROLES, ClientFor
from tests.jobs.queueapp.models import Errand

pytestmark = pytest.mark.django_db

WORKERS, ATTEMPTS = "/jobs/worker/", "/jobs/attempt/"


def worker(name: str, **fields: Any) -> Worker:
    """A worker of the errands."""
    values = {"hostname": f"host-{name}", "pid": 1, "queues": ["errands"], "concurrency": 4}
    return Worker.objects.create(name=name, **(values | fields))


def attempt(**fields: Any) -> Attempt:
    """An attempt at an errand that failed."""
    values = {"table_name": "test_errands", "job_id": uuid4(), "attempt": 1, "outcome": "failed"}
    return Attempt.objects.create(**(values | fields))


def seen(client: Client, address: str, **asked: str) -> str:
    answer = client.get(address, asked)
    assert answer.status_code == 200
    return answer.content.decode()


# --- Workers ------------------------------------------------------------------------------------


@pytest.fixture
def three_workers() -> None:
    """One that lives, one that fell silent, one that was stopped."""
    moment = timezone.now()
    worker("lives:1:a", busy=3)
    worker("silent:1:a", last_seen_at=moment - timedelta(minutes=5), listens=False)
    worker("stopped:1:a", stopped_at=moment)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("address", [WORKERS, ATTEMPTS])
def test_every_staff_role_sees_the_lists_and_changes_nothing(
    client_for: ClientFor, role: str, address: str
) -> None:
    one = worker("lives:1:a") if address == WORKERS else attempt()
    client = client_for(role)

    assert "1 worker" in seen(client, address) or "1 attempt" in seen(client, address)
    assert 'name="_save"' not in seen(client, f"{address}{one.pk}/change/")
    assert client.get(f"{address}add/").status_code == 403
    assert client.post(f"{address}{one.pk}/change/", {}).status_code == 403
    assert client.post(f"{address}{one.pk}/delete/", {"post": "yes"}).status_code == 403


def test_empty_lists_say_what_will_come(client_for: ClientFor) -> None:
    client = client_for("viewer")

    assert "python manage.py run_worker" in seen(client, WORKERS)
    assert "No attempt has gone wrong." in seen(client, ATTEMPTS)


@pytest.mark.usefixtures("three_workers")
def test_workers_tell_whether_they_live_and_what_they_have_in_hand(client_for: ClientFor) -> None:
    page = seen(client_for("viewer"), WORKERS)

    for word in ("Alive</span>", "Silent</span>", "Stopped</span>", "3 of 4", "by polling"):
        assert word in page
    assert page.index("stopped:1:a") < page.index("silent:1:a") < page.index("lives:1:a")


@pytest.mark.usefixtures("three_workers")
@pytest.mark.parametrize("state", ["alive", "silent", "stopped"])
def test_workers_are_filtered_by_state(client_for: ClientFor, state: str) -> None:
    page = seen(client_for("viewer"), WORKERS, state=state)

    names = {"alive": "lives:1:a", "silent": "silent:1:a", "stopped": "stopped:1:a"}
    assert {key: name in page for key, name in names.items()} == {
        key: key == state for key in names
    }


@pytest.mark.usefixtures("three_workers")
def test_workers_are_found_by_how_their_name_begins(client_for: ClientFor) -> None:
    page = seen(client_for("viewer"), WORKERS, q="sile")

    assert "silent:1:a" in page
    assert "lives:1:a" not in page


def test_a_row_of_plain_sql_breaks_no_page(client_for: ClientFor) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO job_workers (name, hostname, pid, queues)"
            " VALUES ('<b>odd</b>', '', 0, '[\"<i>odd</i>\"]')"
        )

    page = seen(client_for("viewer"), WORKERS)
    assert "&lt;b&gt;odd&lt;/b&gt;" in page
    assert "<i>odd</i>" not in page


# --- Attempts -----------------------------------------------------------------------------------


def test_attempts_lead_to_their_job(client_for: ClientFor) -> None:
    job = Errand.objects.bulk_create([Errand()])[0]
    attempt(job_id=job.pk, error_message="<b>no</b> route", worker_id="lives:1:a")
    attempt(table_name="gone_queue", job_id=job.pk)

    page = seen(client_for("viewer"), ATTEMPTS)

    assert page.count(f'href="/queueapp/errand/{job.pk}/change/"') == 1
    assert "gone_queue" in page
    assert "&lt;b&gt;no&lt;/b&gt; route" in page
    assert "lives:1:a" in page


def test_attempts_are_filtered_by_queue_and_outcome(client_for: ClientFor) -> None:
    attempt(error_message="at an errand")
    attempt(table_name="test_parcels", outcome="lost", error_message="at a parcel")
    client = client_for("viewer")

    def shown(**asked: str) -> tuple[bool, bool]:
        page = seen(client, ATTEMPTS, **asked)
        return "at an errand" in page, "at a parcel" in page

    assert shown() == (True, True)
    assert shown(queue="test_parcels") == (False, True)
    assert shown(outcome__exact="failed") == (True, False)
    assert shown(queue="test_parcels", outcome__exact="failed") == (False, False)


def test_the_attempts_of_one_job_are_found_by_its_id(client_for: ClientFor) -> None:
    one = attempt(error_message="the one")
    attempt(error_message="another")

    page = seen(client_for("viewer"), ATTEMPTS, q=str(one.job_id))

    assert "the one" in page
    assert "another" not in page
    assert "the one" not in seen(client_for("viewer"), ATTEMPTS, q="nonsense")


def test_an_attempt_tells_its_error_in_full(client_for: ClientFor) -> None:
    text = "<script>alert(1)</script> " + "and so on " * 300
    one = attempt(error_message=text, outcome="gave_up")

    page = seen(client_for("viewer"), f"{ATTEMPTS}{one.pk}/change/")

    assert "and so on " * 300 in page
    assert "An error ended it that trying again would not mend." in page
    assert "<script>alert" not in page


@pytest.mark.parametrize("address", [WORKERS, ATTEMPTS])
def test_the_number_of_queries_does_not_grow_with_the_rows(
    client_for: ClientFor, address: str
) -> None:
    client = client_for("viewer")
    seen(client, address)

    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            seen(client, address)
        return len(asked)

    def one(number: int) -> None:
        if address == WORKERS:
            worker(f"w{number}")
        else:
            attempt()

    one(0)
    few = queries()
    for number in range(1, 30):
        one(number)
    assert queries() == few
