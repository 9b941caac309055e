"""The list of images: what it shows, finds, filters and lets people do."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from imaging.models import Image, ProcessingJob
from tests.factories import make_image, make_result, make_user
from tests.imaging.admin.conftest import ROLES, ClientFor

pytestmark = pytest.mark.django_db

URL = "/imaging/image/"


def names(response: Any) -> list[str]:
    """The names of the rows, from the top."""
    assert response.status_code == 200
    return re.findall(r'class="file-name" title="([^"]*)"', response.content.decode())


@pytest.mark.parametrize("role", ROLES)
def test_every_staff_role_sees_the_list(client_for: ClientFor, role: str) -> None:
    make_image(file_name="one.jpg")

    assert names(client_for(role).get(URL)) == ["one.jpg"]


def test_an_api_user_is_sent_to_the_door(client_for: ClientFor) -> None:
    assert client_for("api_user").get(URL).status_code == 302


@pytest.mark.parametrize(
    ("role", "analyse", "archive", "upload"),
    [
        ("admin", True, True, True),
        ("moderator", False, True, False),
        ("analyst", True, False, True),
        ("viewer", False, False, False),
    ],
)
def test_nobody_sees_a_button_that_is_not_theirs(
    client_for: ClientFor, role: str, analyse: bool, archive: bool, upload: bool
) -> None:
    make_image()

    page = client_for(role).get(URL).content.decode()

    assert ('value="analyse_again"' in page) == analyse
    assert ('value="archive"' in page) == archive
    assert ("Upload images" in page) == upload


@pytest.mark.parametrize("action", ["archive", "analyse_again", "delete_selected", "nonsense"])
def test_a_crafted_action_is_refused(client_for: ClientFor, action: str) -> None:
    image = make_image()

    answer = client_for("viewer").post(URL, {"action": action, "_selected_action": [str(image.pk)]})

    assert answer.status_code == 403
    image.refresh_from_db()
    assert image.analysis_status == "pending"


def test_a_row_tells_status_confidence_size_and_who(client_for: ClientFor) -> None:
    ana = make_user("analyst", full_name="Ana Analyst")
    image = make_image(user=ana, file_size=3_400_000, is_duplicate=True)
    make_result(image=image, confidence_score="0.8700")

    page = client_for("viewer").get(URL).content.decode()

    assert "Ana Analyst" in page
    assert "3.4\u00a0MB" in page
    assert "640\u00a0\u00d7\u00a0480" in page
    assert ">87</td>" in page
    assert "Near" in page
    assert f'src="/imaging/image/{image.pk}/files/thumbnail/" width="56" height="56"' in page
    assert 'loading="lazy"' in page


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>.jpg", "\u202egpj.live", "a" * 512, '"onload="x']
)
def test_a_hostile_name_is_shown_as_text(client_for: ClientFor, name: str) -> None:
    make_image(file_name=name)

    page = client_for("viewer").get(URL).content.decode()

    assert "<script>alert" not in page
    assert '"onload="x' not in page
    assert page.count("<bdi") >= 1


def test_the_number_of_queries_does_not_grow_with_the_rows(client_for: ClientFor) -> None:
    client = client_for("analyst")
    client.get(URL)

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert client.get(URL).status_code == 200
        return len(seen)

    for _ in range(2):
        make_result(image=make_image())
    few = queries()
    for _ in range(30):
        make_result(image=make_image())
    assert queries() == few


@pytest.mark.parametrize("text", ["hOlI", "holiday", "holiday in"])
def test_the_start_of_a_name_finds_it(client_for: ClientFor, text: str) -> None:
    make_image(file_name="Holiday in.jpg")
    make_image(file_name="my holiday.jpg")

    assert names(client_for("viewer").get(URL, {"q": text})) == ["Holiday in.jpg"]


def test_signs_of_patterns_are_taken_as_they_are(client_for: ClientFor) -> None:
    make_image(file_name="100%.jpg")
    make_image(file_name="100 and more.jpg")

    assert names(client_for("viewer").get(URL, {"q": "100%"})) == ["100%.jpg"]


def test_an_id_and_the_start_of_a_hash_find_the_image(client_for: ClientFor) -> None:
    wanted, _ = make_image(), make_image()
    client = client_for("viewer")

    assert names(client.get(URL, {"q": str(wanted.pk)})) == [wanted.file_name]
    assert names(client.get(URL, {"q": wanted.file_hash[:12].upper()})) == [wanted.file_name]


def test_filters_narrow_the_list(client_for: ClientFor) -> None:
    failed = make_image(file_name="failed.jpg", analysis_status="failed")
    near = make_image(file_name="near.jpg", is_duplicate=True)
    odd = make_image(file_name="odd.jpg")
    make_result(image=odd, anomalies=[{"code": "clipped", "severity": "warning"}])
    old = make_image(file_name="old.jpg", created_at=timezone.now() - timedelta(days=400))
    client = client_for("viewer")

    def shown(**asked: str) -> list[str]:
        return names(client.get(URL, asked))

    assert shown(status="failed") == [failed.file_name]
    assert shown(duplicates="yes") == [near.file_name]
    assert shown(anomalies="any") == [odd.file_name]
    assert shown(anomalies="warning") == [odd.file_name]
    assert shown(anomalies="critical") == []
    assert old.file_name not in shown(since="year")
    assert len(shown(since="today")) == 3
    assert shown(by=str(near.user_id)) == [near.file_name]
    assert shown(by=near.user.email) == [near.file_name]
    assert shown(by="nobody at all") == []
    assert client.get(URL, {"by": "\x00"})["Location"] == f"{URL}?e=1"
    assert len(shown(status="no such status")) == 4


def test_me_means_whoever_looks(client_for: ClientFor) -> None:
    make_image()
    client = client_for("analyst")

    assert names(client.get(URL, {"by": "me"})) == []


def test_people_are_suggested_by_the_start_of_their_name(client_for: ClientFor) -> None:
    make_image(user=make_user("analyst", full_name="Zora Neale"))
    make_user("analyst", full_name="Zora Without")

    answer = client_for("viewer").get(f"{URL}uploaders/", {"q": "zor"})

    assert [person["name"] for person in answer.json()["people"]] == ["Zora Neale"]


def test_pages_follow_each_other_without_loss(client_for: ClientFor) -> None:
    moment = timezone.now()
    for number in range(75):
        make_image(file_name=f"{number}.jpg", created_at=moment)
    client = client_for("viewer")

    first = client.get(URL)
    following = first.context["cl"].next_url
    seen = names(first) + names(client.get(URL + following))

    assert len(seen) == len(set(seen)) == 75


def test_analyses_are_queued_for_many(client_for: ClientFor) -> None:
    one, other = make_image(), make_image(analysis_status="archived")

    answer = client_for("analyst").post(
        URL,
        {"action": "analyse_again", "_selected_action": [str(one.pk), str(other.pk)]},
        follow=True,
    )

    assert "1 analysis is queued." in answer.content.decode()
    assert "1 left as they are" in answer.content.decode()
    assert ProcessingJob.objects.get().image_id == one.pk


def test_archiving_many_asks_first(client_for: ClientFor) -> None:
    one, busy = make_image(), make_image(analysis_status="processing")
    client = client_for("moderator")
    chosen = {"action": "archive", "_selected_action": [str(one.pk), str(busy.pk)]}

    asked = client.post(URL, chosen)
    assert "Archive 2 images?" in asked.content.decode()
    assert not Image.objects.filter(analysis_status="archived").exists()
    answer = client.post(URL, {**chosen, "confirmed": "yes"}, follow=True)

    assert "1 image is archived." in answer.content.decode()
    assert "is being analysed" in answer.content.decode()
    assert Image.objects.get(analysis_status="archived").pk == one.pk


def test_more_than_one_request_should_change_is_refused(
    client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accounts.admin.posting.MOST_AT_ONCE", 2)
    chosen = [str(make_image().pk) for _ in range(3)]
    client = client_for("admin")

    for action in ("analyse_again", "archive"):
        answer = client.post(
            URL,
            {"action": action, "_selected_action": chosen, "select_across": "1"},
            follow=True,
        )
        assert "At most 2 rows are changed at once." in answer.content.decode()
    assert not ProcessingJob.objects.exists()


def test_an_empty_list_offers_the_upload(client_for: ClientFor) -> None:
    page = client_for("analyst").get(URL).content.decode()

    assert "No images yet." in page
    assert page.count('href="/imaging/image/add/"') == 2
    assert 'href="/imaging/image/add/"' not in client_for("viewer").get(URL).content.decode()


def test_a_name_prefix_is_answered_by_its_index(client_for: ClientFor) -> None:
    with CaptureQueriesContext(connection) as seen:
        client_for("viewer").get(URL, {"q": "holiday"})
    query = next(one["sql"] for one in seen if "LIKE 'holiday%'" in one["sql"])

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = on")
        cursor.execute(
            f"EXPLAIN SELECT id FROM images WHERE {query.split(' WHERE ')[1].split(' ORDER')[0]}"
        )
        plan = "\n".join(row[0] for row in cursor.fetchall())

    assert "idx_images_file_name" in plan
