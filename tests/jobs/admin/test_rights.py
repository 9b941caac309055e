"""Who may do what about jobs: the table of docs/jobs.md, walked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import pytest
from django.conf import settings
from django.utils import timezone

from imaging.models import ProcessingJob
from jobs import schedule, switches
from jobs.models import Job, Queue, Recurrence, RecurringJob
from tests.factories import make_job
from tests.jobs.admin.conftest import ROLES, ClientFor
from tests.jobs.queueapp.models import Errand

pytestmark = pytest.mark.django_db

ENTRY: Final = "prune_jobs"
SEE: Final = "see queues, jobs, schedule, workers"


@dataclass(frozen=True)
class Change:
    """One request: where it goes, what it carries, and whether it has been done."""

    address: str
    done: Callable[[], bool]
    data: dict[str, str]


def table() -> dict[str, dict[str, bool]]:
    """What the guide says: for each thing to do, which roles may."""
    text = (settings.BASE_DIR / "docs" / "jobs.md").read_text(encoding="utf-8")
    chapter = text.partition("## Who may do what")[2].partition("\n## ")[0]
    lines = [line for line in chapter.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert tuple(cells[0][1:]) == ROLES
    assert all(cell in {"yes", ""} for row in cells[2:] for cell in row[1:])
    return {
        row[0]: {role: one == "yes" for role, one in zip(ROLES, row[1:], strict=True)}
        for row in cells[2:]
    }


# --- Each thing to do -----------------------------------------------------------------------------


def _queue(verb: str, done: Callable[[], bool], **data: str) -> Change:
    return Change(f"/jobs/queue/errands/{verb}/", done, data)


def _pause_queue() -> Change:
    return _queue("pause", lambda: switches.is_paused("errands"), reason="lunch")


def _resume_queue() -> Change:
    switches.pause("errands", by="ada")
    return _queue("resume", lambda: not switches.is_paused("errands"))


def _limited() -> int | None:
    row = Queue.objects.filter(table_name="test_errands").first()
    return row.rate_limit if row else None


def _limit_queue() -> Change:
    return _queue("limit", lambda: _limited() == 7, jobs="7", seconds="60")


def _lift_limit() -> Change:
    switches.limit("errands", jobs=7)
    return _queue("unlimit", lambda: _limited() is None)


def _retry_all() -> Change:
    Errand.objects.bulk_create([Errand(status="failed") for _ in range(2)])
    return _queue("retry", lambda: not Errand.objects.filter(status="failed").exists())


def _failed(job: Job) -> Job:
    now = timezone.now()
    rows = type(job).objects.filter(pk=job.pk)
    rows.update(status="processing", started_at=now - timedelta(seconds=2))
    rows.update(status="failed", error_message="no", last_error_at=now, completed_at=now)
    return job


def _one(job: Job, verb: str, done: Callable[[Any], bool], **data: str) -> Change:
    def is_done() -> bool:
        job.refresh_from_db()
        return done(job)

    place = f"{job._meta.app_label}/{job._meta.model_name}"
    return Change(f"/{place}/{job.pk}/{verb}/", is_done, data)


def _retry_one(job: Job) -> Change:
    return _one(_failed(job), "retry", lambda one: one.status == "retrying")


def _cancel_one(job: Job) -> Change:
    return _one(job, "cancel", lambda one: one.status == "cancelled")


def _errand() -> Errand:
    return Errand.objects.enqueue([Errand()])[0]


def _run() -> RecurringJob:
    schedule.synchronise()
    return schedule.run_now(ENTRY)


def _entry(verb: str, done: Callable[[], bool]) -> Change:
    schedule.synchronise()
    return Change(f"/jobs/recurrence/{ENTRY}/{verb}/", done, {})


def _entry_is_paused() -> bool:
    return Recurrence.objects.get(name=ENTRY).paused_at is not None


def _resume_entry() -> Change:
    change = _entry("resume", lambda: not _entry_is_paused())
    schedule.pause(ENTRY, by="ada")
    return change


CHANGES: Final[dict[str, Callable[[], Change]]] = {
    "pause a queue": _pause_queue,
    "resume a queue": _resume_queue,
    "limit a queue": _limit_queue,
    "lift a limit": _lift_limit,
    "retry all that failed in a queue": _retry_all,
    "retry one analysis": lambda: _retry_one(make_job()),
    "cancel one analysis": lambda: _cancel_one(make_job()),
    "move one analysis in line": lambda: _one(
        make_job(), "priority", lambda one: one.priority == 9, priority="9"
    ),
    "retry one job of another queue": lambda: _retry_one(_errand()),
    "cancel one job of another queue": lambda: _cancel_one(_errand()),
    "retry a run of the schedule": lambda: _retry_one(_run()),
    "cancel a run of the schedule": lambda: _cancel_one(_run()),
    "run an entry of the schedule now": lambda: _entry("run", RecurringJob.objects.exists),
    "pause an entry of the schedule": lambda: _entry("pause", _entry_is_paused),
    "resume an entry of the schedule": _resume_entry,
}
PAGES: Final = (
    "/jobs/queue/",
    "/jobs/queue/errands/change/",
    "/queueapp/errand/",
    "/imaging/processingjob/",
    "/jobs/recurrence/",
    "/jobs/recurringjob/",
    "/jobs/worker/",
    "/jobs/attempt/",
)


# --- The walk -------------------------------------------------------------------------------------


def test_the_guide_tells_of_everything_that_can_be_done() -> None:
    assert set(table()) == {SEE, *CHANGES}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("what", CHANGES)
def test_a_role_may_do_what_the_guide_says_and_nothing_else(
    client_for: ClientFor, what: str, role: str
) -> None:
    client, change = client_for(role), CHANGES[what]()
    assert not change.done()

    answer = client.post(change.address, change.data)

    may = table()[what][role]
    assert answer.status_code == (302 if may else 403)
    assert change.done() == may


@pytest.mark.parametrize("what", CHANGES)
def test_an_api_user_does_nothing_on_the_pages(client_for: ClientFor, what: str) -> None:
    client, change = client_for("api_user"), CHANGES[what]()

    assert "/login/" in client.post(change.address, change.data)["Location"]
    assert not change.done()


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("page", PAGES)
def test_every_role_sees_every_page(client_for: ClientFor, page: str, role: str) -> None:
    assert table()[SEE][role]
    assert client_for(role).get(page).status_code == 200


def _buttons(page: str) -> Iterator[str]:
    """Where the forms and buttons of a page lead."""
    yield from re.findall(r'(?:form)?action="(/[^"]+)"', page)
    yield from re.findall(r'href="(/jobs/queue/[^"]+/(?:pause|limit|retry)/)"', page)


@pytest.mark.parametrize("role", ROLES)
def test_a_page_offers_what_the_role_may_do_and_nothing_else(
    client_for: ClientFor, role: str
) -> None:
    client, may = client_for(role), table()
    schedule.synchronise()
    errand, analysis = _errand(), make_job()
    offers = {
        "pause a queue": ("/jobs/queue/", "/jobs/queue/errands/pause/"),
        "limit a queue": ("/jobs/queue/", "/jobs/queue/errands/limit/"),
        "cancel one analysis": (
            f"/imaging/processingjob/{analysis.pk}/change/",
            f"/imaging/processingjob/{analysis.pk}/cancel/",
        ),
        "move one analysis in line": (
            f"/imaging/processingjob/{analysis.pk}/change/",
            f"/imaging/processingjob/{analysis.pk}/priority/",
        ),
        "cancel one job of another queue": (
            f"/queueapp/errand/{errand.pk}/change/",
            f"/queueapp/errand/{errand.pk}/cancel/",
        ),
        "run an entry of the schedule now": ("/jobs/recurrence/", f"/jobs/recurrence/{ENTRY}/run/"),
    }

    for what, (page, button) in offers.items():
        shown = set(_buttons(client.get(page).content.decode()))
        assert (button in shown) == may[what][role], what

    live = client.get(f"/imaging/image/{analysis.image_id}/change/").content.decode()
    cancel = offers["cancel one analysis"][1]
    assert (cancel in set(_buttons(live))) == may["cancel one analysis"][role]
    assert ProcessingJob.objects.get(pk=analysis.pk).status == "queued"
