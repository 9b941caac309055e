"""What people do from the page of an image, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client

from imaging.actions import images as image_actions
from imaging.errors import NotNow
from imaging.models import AnalysisResult, Image, ProcessingJob
from tests.factories import make_image, make_job, make_result, make_user
from tests.imaging.admin.conftest import ROLES, ClientFor

pytestmark = pytest.mark.django_db


def post(client: Client, image: Image, change: str, **data: Any) -> Any:
    """Ask for a change and follow to the page that answers."""
    return client.post(f"/imaging/image/{image.pk}/{change}/", data, follow=True)


ALLOWED = {
    "analyse": {"admin", "analyst"},
    "archive": {"admin", "moderator"},
    "not-a-duplicate": {"admin", "moderator"},
    "note": {"admin", "moderator", "analyst"},
}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("change", ALLOWED)
def test_a_crafted_request_is_refused(client_for: ClientFor, change: str, role: str) -> None:
    result = make_result()

    answer = post(client_for(role), result.image, change)

    assert answer.status_code == (200 if role in ALLOWED[change] else 403)


@pytest.mark.parametrize("change", ALLOWED)
def test_changes_are_made_by_post_alone(client_for: ClientFor, change: str) -> None:
    image = make_image()

    assert client_for("admin").get(f"/imaging/image/{image.pk}/{change}/").status_code == 405


def test_an_analysis_is_queued_with_the_chosen_options(client_for: ClientFor) -> None:
    image = make_image()

    answer = post(client_for("analyst"), image, "analyse", method="luma", exact="yes")

    job = ProcessingJob.objects.get()
    assert job.parameters == {"method": "luma", "working_edge": None}
    assert "The analysis is queued" in answer.content.decode()


def test_the_usual_options_are_no_parameters(client_for: ClientFor) -> None:
    post(client_for("analyst"), make_image(), "analyse", method="mbd")

    assert ProcessingJob.objects.get().parameters == {}


@pytest.mark.parametrize(
    ("fields", "data", "sentence"),
    [
        ({"analysis_status": "archived"}, {}, "is archived"),
        ({}, {"method": "magic"}, "must be one of mbd, alpha, luma"),
    ],
)
def test_a_refused_analysis_is_a_message(
    client_for: ClientFor, fields: dict[str, Any], data: dict[str, str], sentence: str
) -> None:
    answer = post(client_for("analyst"), make_image(**fields), "analyse", **data)

    assert sentence in answer.content.decode()
    assert not ProcessingJob.objects.exists()


def test_archiving_cancels_what_waits(client_for: ClientFor) -> None:
    image = make_image()
    job = make_job(image=image)

    answer = post(client_for("moderator"), image, "archive")

    image.refresh_from_db()
    job.refresh_from_db()
    assert (image.analysis_status, job.status) == ("archived", "cancelled")
    assert "is archived." in answer.content.decode()


@pytest.mark.parametrize("status", ["processing", "archived"])
def test_archiving_is_refused_with_a_message(client_for: ClientFor, status: str) -> None:
    image = make_image(analysis_status=status)

    answer = post(client_for("moderator"), image, "archive")

    assert "is being analysed" in answer.content.decode() or "already" in answer.content.decode()
    image.refresh_from_db()
    assert image.analysis_status == status


def test_archiving_waits_for_a_running_job() -> None:
    image = make_image(analysis_status="completed")
    make_job(image=image, status="processing")

    with pytest.raises(NotNow, match="is being analysed"):
        image_actions.archive(image.pk, by=make_user("moderator"))


def test_what_the_database_refuses_is_a_message(
    client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = make_image(analysis_status="archived")

    def intruder(image_id: Any, *, by: Any) -> Image:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE images SET analysis_status = 'completed' WHERE id = %s", [image_id]
            )
        raise AssertionError("the trigger let it pass")

    monkeypatch.setattr(image_actions, "archive", intruder)

    answer = post(client_for("moderator"), image, "archive")

    assert "An image cannot go from archived to completed." in answer.content.decode()


def test_a_fault_is_not_dressed_up_as_a_refusal(
    client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(image_id: Any, *, by: Any) -> Image:
        raise ZeroDivisionError

    monkeypatch.setattr(image_actions, "archive", broken)

    with pytest.raises(ZeroDivisionError):
        post(client_for("moderator"), make_image(), "archive")


def test_a_near_duplicate_is_settled_for_good(client_for: ClientFor) -> None:
    oldest = make_image()
    image = make_image(is_duplicate=True, duplicate_of=oldest, duplicate_distance=2)

    post(client_for("moderator"), image, "not-a-duplicate")

    image.refresh_from_db()
    assert (image.is_duplicate, image.duplicate_of, image.duplicate_distance) == (False, None, None)
    assert image.duplicate_dismissed_at is not None
    again = post(client_for("moderator"), image, "not-a-duplicate")
    assert "is not marked as a near duplicate" in again.content.decode()


def test_a_note_is_written_and_removed(client_for: ClientFor) -> None:
    result = make_result()
    client = client_for("analyst")

    post(client, result.image, "note", notes="Look <b>here</b>", seen=result.updated_at.isoformat())
    result.refresh_from_db()
    assert result.notes == "Look <b>here</b>"
    page = client.get(f"/imaging/image/{result.image_id}/change/").content.decode()
    assert "Look &lt;b&gt;here&lt;/b&gt;" in page
    post(client, result.image, "note", notes="  ", seen=result.updated_at.isoformat())

    result.refresh_from_db()
    assert result.notes is None


def test_a_note_does_not_overwrite_what_its_writer_has_not_read(client_for: ClientFor) -> None:
    result = make_result()
    seen = result.updated_at.isoformat()
    AnalysisResult.objects.filter(pk=result.pk).update(
        notes="theirs", updated_at="2040-01-01T00:00Z"
    )

    answer = post(client_for("analyst"), result.image, "note", notes="mine, typed", seen=seen)

    result.refresh_from_db()
    assert result.notes == "theirs"
    assert "changed while you wrote" in answer.content.decode()
    assert "mine, typed" in answer.content.decode()


@pytest.mark.parametrize(
    ("notes", "seen", "sentence"),
    [("x" * 10_001, None, "at most 10,000"), ("x", "yesterday", "was not complete")],
)
def test_a_wrong_note_is_refused_with_a_message(
    client_for: ClientFor, notes: str, seen: str | None, sentence: str
) -> None:
    result = make_result()
    moment = result.updated_at.isoformat() if seen is None else seen

    answer = post(client_for("analyst"), result.image, "note", notes=notes, seen=moment)

    assert sentence in answer.content.decode()


def test_a_note_needs_a_result() -> None:
    image = make_image()

    with pytest.raises(NotNow, match="no result"):
        image_actions.write_note(image.pk, "x", seen=image.updated_at, by=image.user)


@pytest.mark.parametrize("change", ["analyse", "archive", "not-a-duplicate"])
def test_an_image_that_is_gone_is_a_message(client_for: ClientFor, change: str) -> None:
    gone = Image(pk=make_user().pk)

    answer = post(client_for("admin"), gone, change)

    assert answer.status_code == 200
    assert "There is no image" in answer.content.decode()
