"""Queues: the page of all, the page of one, and their switches."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs import health, status, switches
from jobs.models import Queue, Worker
from tests.factories import make_user
from tests.jobs.admin.conftest import ROLES, STEERERS, ClientFor
from tests.jobs.queueapp.models import Errand, Parcel
from tests.jobs.statistics import make_statistic

pytestmark = pytest.mark.django_db

URL = "/jobs/queue/"
ERRANDS = f"{URL}errands/change/"


def seen(client: Client, address: str = URL, **asked: str) -> str:
    """The page, which must be there."""
    answer = client.get(address, asked)
    assert answer.status_code == 200
    return answer.content.decode()


def card(page: str, queue: str) -> str:
    """The part of the page of queues that is about this one."""
    found = [part for part in page.split("<section")[1:] if f"{URL}{queue}/change/" in part]
    assert len(found) == 1
    return found[0]


def serve(*queues: str) -> Worker:
    """A worker that answers."""
    return Worker.objects.create(name="w", hostname="h", pid=1, queues=list(queues), busy=1)


# --- The page of all ----------------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES)
def test_every_staff_role_sees_the_queues(client_for: ClientFor, role: str) -> None:
    client = client_for(role)
    page = seen(client)

    for queue in ("errands", "imaging", "parcels", "recurring"):
        assert ">Open</span>" in card(page, queue)
        assert seen(client, f"{URL}{queue}/change/")
    steers = role in STEERERS
    assert (f"{URL}errands/pause/" in page) == steers
    assert ("paused, limited and retried as a whole by moderators and admins" in page) != steers


def test_an_api_user_and_a_stranger_see_nothing(client_for: ClientFor, client: Client) -> None:
    for somebody in (client_for("api_user"), client):
        assert somebody.get(URL).status_code == 302
        assert somebody.get(ERRANDS).status_code == 302


def test_the_navigation_leads_to_the_queues_and_marks_their_pages(client_for: ClientFor) -> None:
    client = client_for("viewer")
    for address in (URL, ERRANDS, "/jobs/worker/", "/queueapp/errand/"):
        assert re.search(rf'href="{URL}" aria-current="page">Jobs', seen(client, address))
    assert f'href="{URL}">Jobs' in seen(client, "/")


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("/ingestion/filecheck/", "Jobs"),
        ("/ingestion/fileupload/", "Files"),
        ("/monitoring/alertletter/", "Jobs"),
        ("/monitoring/analysis/", "Monitoring"),
    ],
)
def test_a_page_belongs_to_one_place_of_the_navigation(
    client_for: ClientFor, address: str, place: str
) -> None:
    navigation = seen(client_for("admin"), address).split('aria-label="Main"')[1].split("</nav>")[0]

    assert re.findall(r'aria-current="page">(\w+)', navigation) == [place]


def test_a_queue_is_named_in_words(client_for: ClientFor) -> None:
    page = seen(client_for("viewer"))

    assert ">AI annotations</a>" in page
    assert ">File checks</a>" in page


def test_the_counts_are_shown_and_lead_to_the_jobs(client_for: ClientFor) -> None:
    later = timezone.now() + timedelta(hours=1)
    serve("errands")
    Errand.objects.enqueue([Errand(), Errand(), Errand(available_at=later)])
    Errand.objects.bulk_create([Errand(status="processing"), Errand(status="failed")])

    part = card(seen(client_for("viewer")), "errands")

    assert '<a href="/queueapp/errand/?status=queued">3</a>' in part
    assert "1 of them later" in part
    assert '<a href="/queueapp/errand/?status=processing">1</a>' in part
    assert "by 1 worker" in part
    assert '<a href="/queueapp/errand/?status=failed">1</a>' in part
    assert "need a look" in part


def test_the_last_hour_is_drawn_and_said(client_for: ClientFor) -> None:
    make_statistic("test_errands", minutes_ago=0, waits=[0.1] * 4, runs=[2.0] * 4, failed=1)

    part = card(seen(client_for("viewer")), "errands")

    assert "4 jobs done in the last hour, 1 failed; 5.0 a minute now" in part
    assert 'class="jobs-done"' in part
    assert 'class="jobs-failed"' in part
    assert "99\u00a0ms" in part


def test_a_paused_queue_says_by_whom_and_why(client_for: ClientFor) -> None:
    switches.pause("errands", by="ada@example.org", reason="<b>the depot</b> moves")

    client = client_for("moderator")
    for page in (card(seen(client), "errands"), seen(client, ERRANDS)):
        assert ">Paused</span>" in page
        assert "by ada@example.org: &lt;b&gt;the depot&lt;/b&gt; moves" in page
        assert f'action="{URL}errands/resume/"' in page
        assert f"{URL}errands/pause/" not in page


def test_a_reason_that_plain_sql_wrote_shows_what_an_eye_would_not_see(
    client_for: ClientFor,
) -> None:
    switches.pause("errands", by="ada")
    Queue.objects.update(pause_reason="the \u202etoped")

    for page in (seen(client_for("viewer")), seen(client_for("viewer"), ERRANDS)):
        assert "by ada: the \N{REPLACEMENT CHARACTER}toped" in page


def test_a_queue_without_a_worker_says_what_to_do(client_for: ClientFor) -> None:
    Errand.objects.enqueue([Errand()])

    page = seen(client_for("viewer"))

    assert ">No worker</span>" in card(page, "errands")
    assert "python manage.py run_worker" in card(page, "errands")
    assert "Jobs wait in errands, but no worker" in page


def test_a_late_queue_says_so(client_for: ClientFor) -> None:
    serve("errands")
    Errand.objects.enqueue([Errand(created_at=timezone.now() - timedelta(hours=2))])

    part = card(seen(client_for("viewer")), "errands")

    assert ">Late</span>" in part
    assert "has waited 2\u00a0h 0\u00a0min" in part


def test_a_limited_queue_says_how(client_for: ClientFor) -> None:
    switches.limit("errands", jobs=60, seconds=60)

    part = card(seen(client_for("viewer")), "errands")

    assert ">Open, limited</span>" in part
    assert "at most 60 jobs in 1\u00a0min." in part


def test_warnings_of_the_engine_stand_above(
    client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "warnings", lambda: ["Vacuum <is> held back."])

    assert "Vacuum &lt;is&gt; held back." in seen(client_for("viewer"))


def test_the_page_asks_no_more_for_more_jobs(client_for: ClientFor) -> None:
    client = client_for("moderator")
    seen(client)

    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            seen(client)
        return len(asked)

    Errand.objects.enqueue([Errand()])
    few = queries()
    Errand.objects.enqueue([Errand() for _ in range(50)])
    for ago in range(30):
        make_statistic("test_errands", minutes_ago=ago, runs=[1.0])
    assert queries() == few


def test_failures_that_take_long_to_count_are_not_guessed(
    client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "_SMALL", -1)
    monkeypatch.setattr(status, "_count_if_cheap", lambda _: None)
    client = client_for("moderator")

    part = card(seen(client), "errands")
    answer = client.post(f"{URL}errands/retry/", follow=True)

    assert "counting them takes long" in part
    assert "retry_jobs errands --all" in answer.content.decode()


# --- The page of one ----------------------------------------------------------------------------


def test_the_pictures_have_their_message_and_a_table(client_for: ClientFor) -> None:
    make_statistic("test_errands", minutes_ago=0, waits=[0.1] * 4, runs=[2.0] * 4, failed=1)

    page = seen(client_for("viewer"), ERRANDS)

    assert page.count('role="img"') == 3
    assert "Nearly all jobs waited about 99\u00a0ms" in page
    assert "Nearly all jobs ran about 1.9\u00a0s" in page
    assert "The pictures as a table" in page
    assert page.count('<th scope="row">') == 1


def test_an_empty_queue_has_words_instead_of_pictures(client_for: ClientFor) -> None:
    page = seen(client_for("viewer"), ERRANDS)

    assert "No job ended in the last hour" in page
    assert 'role="img"' not in page
    assert "The pictures as a table" not in page


@pytest.mark.parametrize("span", ["hour", "day", "century", "", "<b>"])
def test_the_time_shown_is_chosen_by_link(client_for: ClientFor, span: str) -> None:
    make_statistic("test_errands", minutes_ago=300, runs=[1.0])

    page = seen(client_for("viewer"), ERRANDS, span=span)

    assert ("1 job done in the last day" in page) == (span == "day")
    assert 'href="?span=hour"' in page
    assert 'href="?span=day"' in page


def test_the_facts_are_those_of_the_kind(client_for: ClientFor) -> None:
    page = seen(client_for("viewer"), ERRANDS)

    for fact in ("<code>test_errands</code>", "in processes of their own", "3.0\u00a0s"):
        assert fact in page
    assert "in threads" in seen(client_for("viewer"), f"{URL}parcels/change/")


def test_the_row_of_switches_leads_to_the_queue(client_for: ClientFor) -> None:
    switches.limit("errands", jobs=5, seconds=60)
    row = Queue.objects.get(table_name="test_errands")

    assert "at most 5 jobs" in seen(client_for("viewer"), f"{URL}{row.pk}/change/")


@pytest.mark.parametrize("name", ["nothing", "0197f5d4-0000-7000-8000-000000000000", "a" * 300])
def test_an_unknown_queue_is_a_message(client_for: ClientFor, name: str) -> None:
    client = client_for("admin")

    answer = client.get(f"{URL}{name}/change/", follow=True)

    assert f"There is no queue {name[:64]}." in answer.content.decode()
    assert client.get(f"{URL}{name}/pause/").status_code == 404
    assert client.post(f"{URL}{name}/resume/").status_code == 404


# --- Switches -----------------------------------------------------------------------------------


def test_a_queue_is_paused_with_a_reason_and_resumed(client_for: ClientFor) -> None:
    person = make_user("moderator", email="grace@example.org")
    client = Client()
    client.force_login(person)

    asked = seen(client, f"{URL}errands/pause/")
    paused = client.post(f"{URL}errands/pause/", {"reason": "The depot moves."}, follow=True)

    row = Queue.objects.get(table_name="test_errands")
    assert "Pause the queue" in asked
    assert (row.paused_by, row.pause_reason) == ("grace@example.org", "The depot moves.")
    assert "Errands is paused." in paused.content.decode()
    entry = LogEntry.objects.get()
    assert entry.user_id == person.pk
    assert "The depot moves." in entry.get_change_message()
    history = seen(client, f"{URL}{row.pk}/history/")
    assert "Errands is paused." in history
    assert f"{URL}{row.pk}/history/" in seen(client, ERRANDS)

    resumed = client.post(f"{URL}errands/resume/", follow=True)

    row.refresh_from_db()
    assert row.paused_at is None
    assert "Errands runs again." in resumed.content.decode()


@pytest.mark.parametrize("reason", ["", "   ", "x" * 1001, "a\x00b"])
def test_a_pause_without_a_fit_reason_is_asked_for_again(
    client_for: ClientFor, reason: str
) -> None:
    answer = client_for("moderator").post(f"{URL}errands/pause/", {"reason": reason})

    assert answer.status_code == 200
    assert 'class="ask-error"' in answer.content.decode()
    assert not switches.is_paused("errands")


def test_a_rate_is_limited_and_freed(client_for: ClientFor) -> None:
    client = client_for("moderator")

    answer = client.post(f"{URL}errands/limit/", {"jobs": "30", "seconds": "3600"}, follow=True)
    asked_again = seen(client, f"{URL}errands/limit/")

    row = Queue.objects.get(table_name="test_errands")
    assert (row.rate_limit, row.rate_seconds) == (30, 3600)
    assert "at most 30 jobs in 3,600 s" in answer.content.decode()
    assert 'value="30"' in asked_again

    freed = client.post(f"{URL}errands/unlimit/", follow=True)

    row.refresh_from_db()
    assert row.rate_limit is None
    assert "no rate limit any more" in freed.content.decode()


@pytest.mark.parametrize(
    ("jobs", "seconds"),
    [("0", "60"), ("-5", "60"), ("", "60"), ("ten", "60"), ("9" * 30, "60"), ("5", "86401")],
)
def test_a_wrong_limit_is_refused_beside_its_field(
    client_for: ClientFor, jobs: str, seconds: str
) -> None:
    answer = client_for("moderator").post(
        f"{URL}errands/limit/", {"jobs": jobs, "seconds": seconds}
    )

    assert 'class="ask-error"' in answer.content.decode()
    assert not Queue.objects.exists()


def test_all_failed_jobs_are_retried_after_a_look_at_their_number(client_for: ClientFor) -> None:
    Errand.objects.bulk_create([Errand(status="failed") for _ in range(3)])
    Parcel.objects.bulk_create([Parcel(status="failed")])
    client = client_for("moderator")

    asked = seen(client, f"{URL}errands/retry/")
    assert "Retry 3 failed jobs of errands?" in asked
    assert Errand.objects.filter(status="failed").count() == 3

    answer = client.post(f"{URL}errands/retry/", follow=True)

    assert "Errands has 3 jobs in line again." in answer.content.decode()
    assert not Errand.objects.filter(status="failed").exists()
    assert Parcel.objects.filter(status="failed").count() == 1


def test_with_nothing_failed_there_is_nothing_to_retry(client_for: ClientFor) -> None:
    client = client_for("moderator")

    assert "there is nothing to retry" in seen(client, f"{URL}errands/retry/")
    answer = client.post(f"{URL}errands/retry/", follow=True).content.decode()
    assert "has 0 jobs in line again" in answer


@pytest.mark.parametrize("role", ["analyst", "viewer"])
@pytest.mark.parametrize("change", ["pause", "resume", "limit", "unlimit", "retry"])
def test_a_crafted_request_is_refused(client_for: ClientFor, role: str, change: str) -> None:
    switches.pause("parcels", by="ada", reason="lunch")
    Errand.objects.bulk_create([Errand(status="failed")])
    data: dict[str, Any] = {"reason": "mischief", "jobs": "1", "seconds": "60"}
    client = client_for(role)

    for queue in ("errands", "parcels"):
        assert client.post(f"{URL}{queue}/{change}/", data).status_code == 403
    assert switches.is_paused("parcels")
    assert not switches.is_paused("errands")
    assert Errand.objects.filter(status="failed").exists()


@pytest.mark.parametrize("change", ["resume", "unlimit"])
def test_what_asks_nothing_is_changed_by_post_alone(client_for: ClientFor, change: str) -> None:
    assert client_for("admin").get(f"{URL}errands/{change}/").status_code == 405


@pytest.mark.parametrize("change", ["pause", "resume", "limit", "unlimit", "retry"])
def test_a_form_of_another_site_changes_nothing(change: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_user("admin"))

    assert client.post(f"{URL}errands/{change}/", {"reason": "x"}).status_code == 403


# --- The overview -------------------------------------------------------------------------------


def test_the_overview_names_the_queues_that_need_somebody(client_for: ClientFor) -> None:
    switches.pause("parcels", by="ada", reason="lunch")
    client = client_for("viewer")

    page = seen(client, "/")

    assert "Queues that need somebody" in page
    assert f'<a href="{URL}parcels/change/">Parcels</a>' in page
    assert f"{URL}errands/change/" not in page


def test_the_overview_is_quiet_while_all_is_well(client_for: ClientFor) -> None:
    assert "Queues that need somebody" not in seen(client_for("viewer"), "/")


def test_no_page_needs_more_than_the_strict_policy(client_for: ClientFor) -> None:
    make_statistic("test_errands", minutes_ago=3, waits=[0.1], runs=[2.0], failed=1)
    client = client_for("moderator")

    for address in (URL, ERRANDS, f"{URL}errands/pause/", "/jobs/worker/", "/jobs/recurrence/"):
        page = seen(client, address)
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", page)
