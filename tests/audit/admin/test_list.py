"""The list of entries: who may see it, what it shows, how it is narrowed."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit import context
from audit.models import Entry
from audit.recording import record
from tests.audit.admin.conftest import CHAIN, EVIDENCE, LIST, ClientFor, page_of, write
from tests.factories import make_image, make_user

pytestmark = pytest.mark.django_db

VERIFIER = "/audit/entry/verifier/"


def seen(client: Client, address: str = LIST, **asked: str) -> str:
    answer = client.get(address, asked)
    assert answer.status_code == 200, answer
    return answer.content.decode()


def shown_by(client: Client, **asked: str) -> list[int]:
    """The numbers of the entries that the list shows under these filters."""
    answer = client.get(LIST, asked)
    assert answer.status_code == 200, answer
    return [row.id for row in answer.context["cl"].result_list]


@pytest.mark.parametrize("address", [LIST, CHAIN, EVIDENCE, VERIFIER, "entry"])
@pytest.mark.parametrize(
    ("role", "allowed"),
    [("admin", True), ("moderator", True), ("analyst", False), ("viewer", False)],
)
def test_only_admins_and_moderators_see_the_log(
    client_for: ClientFor, address: str, role: str, allowed: bool
) -> None:
    address = page_of(write()) if address == "entry" else address

    assert client_for(role).get(address).status_code == (200 if allowed else 403)


def test_whoever_may_not_see_it_finds_no_way_to_it(client_for: ClientFor) -> None:
    entry = write()

    assert LIST not in seen(client_for("viewer"), "/")
    assert LIST in seen(client_for("moderator"), "/")
    assert str(entry.pk) not in seen(client_for("viewer"), "/search/", q=f"#{entry.id}")


def test_nobody_adds_changes_or_deletes_entries(client_for: ClientFor) -> None:
    client, entry = client_for("admin"), write()

    assert client.get(f"{LIST}add/").status_code == 403
    assert client.post(page_of(entry), {"action": "x.y"}).status_code == 403
    assert client.post(f"{LIST}{entry.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Entry.objects.get(pk=entry.pk).action == entry.action


def test_a_row_tells_who_what_about_what_and_how_it_ended(client_for: ClientFor) -> None:
    ada, image = make_user("analyst", full_name="Ada <Lovelace>"), make_image()
    write("image.archived", by=ada, subject=image, outcome="failure", error="No room.\nNone.")

    page = seen(client_for("admin"), action="image.archived")

    assert "Ada &lt;Lovelace&gt;" in page
    assert f'href="/accounts/user/{ada.pk}/change/"' in page
    assert f'href="/imaging/image/{image.pk}/change/"' in page
    assert "An image was put away" in page  # what the action means, on hover
    assert "Failure</span>" in page
    assert "No room. None." in page
    assert "staff pages" in page


def test_links_lead_only_where_the_person_may_go(client_for: ClientFor) -> None:
    ada = make_user("analyst")
    write("image.archived", by=ada, subject=make_image())

    page = seen(client_for("moderator"), action="image.archived")

    assert str(ada) in page
    assert "/accounts/user/" not in page
    assert "/imaging/image/" in page


def test_queues_settings_and_jobs_lead_to_their_pages(client_for: ClientFor) -> None:
    key = str(uuid4())
    write("queue.paused", subject=("queue", "processing_queue"))
    write("setting.updated", subject=("setting", "max_file_size"))
    write("job.retried", subject=("job", key))
    write("schedule_entry.paused", subject=("schedule_entry", "prune_jobs"))

    page = seen(client_for("admin"))

    assert 'href="/jobs/queue/imaging/change/"' in page
    assert 'href="/database/systemsetting/max_file_size/change/"' in page
    assert f'href="/search/?q={key}"' in page
    assert 'href="/jobs/recurrence/prune_jobs/change/"' in page


def test_a_resource_of_a_type_that_no_page_knows_is_shown_without_a_link(
    client_for: ClientFor,
) -> None:
    write("image.archived", subject=("image", "no id at all"))
    write("image.archived", subject=("volcano", "Etna"))

    page = seen(client_for("admin"), action="image.archived")

    assert "no id at all" in page
    assert "Volcano" in page
    assert "Etna" in page
    assert "/imaging/image/no" not in page


def test_whoever_nobody_knows_is_shown_by_id(client_for: ClientFor) -> None:
    stranger = uuid4()
    write(by=stranger)

    assert stranger.hex[-8:] in seen(client_for("admin"))


@pytest.mark.parametrize(("source", "said"), [("system", "system"), ("command", "an operator")])
def test_where_nobody_acted_the_source_says_so(
    client_for: ClientFor, source: str, said: str
) -> None:
    client = client_for("admin")
    here = context.Context(source="system" if source == "system" else "command")
    with context.within(here), transaction.atomic():
        record("jobs.pruned")

    assert f'<span class="nobody">{said}</span>' in seen(client, action="jobs.pruned")


@pytest.mark.parametrize("rows", [3, 49])
def test_the_list_takes_few_queries_whatever_it_shows(client_for: ClientFor, rows: int) -> None:
    client = client_for("admin")
    for _ in range(rows):
        write(by=make_user("viewer"), subject=make_image())

    with CaptureQueriesContext(connection) as captured:
        seen(client)

    asked = [one["sql"] for one in captured if "SAVEPOINT" not in one["sql"]]
    # Three of them count what waits, beside the words of the navigation.
    assert len(asked) <= 12, asked


def test_the_list_works_nothing_out_row_by_row(client_for: ClientFor) -> None:
    client = client_for("admin")
    write()

    with CaptureQueriesContext(connection) as captured:
        seen(client)

    [rows] = [one["sql"] for one in captured if 'ORDER BY "audit_log"."id" DESC' in one["sql"]]
    for column in ("prev_hash", "leaf", "payload", "changes_before", "ip_address"):
        assert f'"{column}"' not in rows


# --- Filters ------------------------------------------------------------------------------------


def test_entries_are_found_by_person_name_address_or_id(client_for: ClientFor) -> None:
    client = client_for("admin")
    ada = make_user("analyst", full_name="Ada Lovelace", email="ada@example.org")
    entry = write(by=ada)
    write(by=make_user("analyst", full_name="Bob Kahn"))
    unknown = write(by=uuid4())

    for who in ("Ada", "lovelace", "ada@example", str(ada.pk)):
        assert shown_by(client, who=who) == [entry.id], who
    assert shown_by(client, who=str(unknown.actor_id)) == [unknown.id]
    assert shown_by(client, who="Zoe") == []
    assert "nobody called Zoe" in seen(client, who="Zoe")
    assert "Ada Lovelace" in seen(client, who="ada@example")


def test_entries_without_a_person_are_found(client_for: ClientFor) -> None:
    client = client_for("admin")
    entry = write("image.archived")
    write("image.archived", by=make_user("analyst"))

    assert shown_by(client, who="nobody", action="image.archived") == [entry.id]


def test_entries_are_found_by_what_they_are_about(client_for: ClientFor) -> None:
    client = client_for("admin")
    one, other = (write(subject=("image", f"key {number}")) for number in (1, 2))
    job = write("job.retried", subject=("job", "key 1"))

    assert shown_by(client, resource="image") == [other.id, one.id]
    assert shown_by(client, resource="image", resource_id="key 1") == [one.id]
    assert shown_by(client, resource_id="key 1") == [job.id, one.id]
    assert shown_by(client, resource="volcano") == []


def test_entries_are_found_by_action_outcome_and_source(client_for: ClientFor) -> None:
    client = client_for("admin")
    good = write("image.archived")
    bad = write("image.archived", outcome="failure")

    assert shown_by(client, action="image.archived") == [bad.id, good.id]
    assert shown_by(client, action="image.archived", outcome="failure") == [bad.id]
    assert shown_by(client, action="image.archived", source="job") == []
    assert shown_by(client, action="image.archived", source="admin") == [bad.id, good.id]
    assert shown_by(client, action="volcano.erupted") == []
    assert "volcano.erupted" in seen(client, action="volcano.erupted")


def test_entries_are_found_by_time(client_for: ClientFor) -> None:
    client, entry = client_for("admin"), write("image.archived")
    day = entry.created_at.date().isoformat()
    moment = entry.created_at.isoformat()

    assert shown_by(client, action="image.archived", **{"from": day, "to": day}) == [entry.id]
    assert shown_by(client, action="image.archived", **{"from": moment}) == [entry.id]
    assert shown_by(client, action="image.archived", to=moment) == []
    assert shown_by(client, **{"from": "2999-01-01"}) == []


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "9999-12-31", "2026-02-30T10:00"])
def test_what_is_no_date_is_said_and_left_out(client_for: ClientFor, text: str) -> None:
    client, entry = client_for("admin"), write("image.archived")

    answer = client.get(LIST, {"to": text, "action": "image.archived"})

    assert [row.id for row in answer.context["cl"].result_list] == [entry.id]
    assert ("is no date" in answer.content.decode()) is (text != "9999-12-31")


def test_fields_left_empty_leave_the_address(client_for: ClientFor) -> None:
    answer = client_for("admin").get(f"{LIST}?who=&action=image.archived&from=&q=+")

    assert answer.status_code == 302
    assert answer["Location"] == f"{LIST}?action=image.archived"


def test_an_entry_is_found_by_number_id_or_request(client_for: ClientFor) -> None:
    client, entry = client_for("admin"), write("image.archived")

    for text in (str(entry.id), f"#{entry.id}", str(entry.pk), entry.pk.hex, "req-0123456789"):
        assert shown_by(client, q=text) == [entry.id], text
    assert shown_by(client, request="req-0123456789") == [entry.id]
    assert shown_by(client, q="nothing like it") == []
    assert shown_by(client, q="9" * 30) == []


def test_a_search_without_hits_keeps_the_way_back(client_for: ClientFor) -> None:
    page = seen(client_for("admin"), action="image.archived", outcome="partial")

    assert "Nothing matches." in page
    assert "Outcome:" in page


def test_pages_go_on_by_number(client_for: ClientFor) -> None:
    client = client_for("admin")
    written = [write("image.archived").id for _ in range(60)]

    first = client.get(LIST, {"action": "image.archived"}).context["cl"]
    second = client.get(LIST + first.next_url).context["cl"]

    numbers = [row.id for row in [*first.result_list, *second.result_list]]
    assert numbers == written[::-1]
    assert second.next_url is None


# --- The search at the top ----------------------------------------------------------------------


def test_the_search_of_the_site_opens_an_entry(client_for: ClientFor) -> None:
    client, entry = client_for("admin"), write()

    for text in (f"#{entry.id}", str(entry.pk)):
        answer = client.get("/search/", {"q": text})
        assert answer.status_code == 302, text
        assert answer["Location"] == page_of(entry)


def test_the_search_of_the_site_leads_to_what_a_request_did(client_for: ClientFor) -> None:
    client, request_id = client_for("admin"), uuid4().hex
    with context.within(context.Context(request_id=request_id)), transaction.atomic():
        record("image.archived")

    answer = client.get("/search/", {"q": request_id})

    assert answer["Location"] == f"{LIST}?request={request_id}"
