"""Erasing personal data: admins alone, with a reason, and every proof stays."""

from __future__ import annotations

import pytest
from django.db import connection

from audit.admin import erasing
from audit.models import Entry
from tests.audit.admin.conftest import ERASE, LIST, ClientFor, Seal, page_of, write
from tests.factories import make_user

pytestmark = pytest.mark.django_db

WHY = "Request 12 of 3 May"


def held(*entries: Entry) -> int:
    return erasing.with_personal_data([entry.pk for entry in entries])


@pytest.mark.django_db(transaction=True)
def test_an_admin_erases_and_the_proof_stays(client_for: ClientFor, seal: Seal) -> None:
    client, entry = client_for("admin"), write(personal={"email": "typed@example.org"})
    other = write()
    seal()
    address = f"{ERASE}?entry={entry.pk}"
    assert address in client.get(page_of(entry)).content.decode()

    answer = client.post(address, {"reason": WHY}, follow=True)

    page = answer.content.decode()
    assert answer.redirect_chain[-1][0] == page_of(entry)
    assert "The personal data of 1 entry is erased." in page
    assert "Erased. Its commitment stands" in page
    assert "typed@example.org" not in page
    assert answer.context["look"][0] == "Verified"
    assert address not in page  # nothing is left to erase
    assert held(other) == 1
    erased = Entry.objects.get(action="audit_entry.erased")
    assert erased.details == {"entries": [str(entry.pk)], "reason": WHY}
    assert erased.actor_id == answer.context["user"].pk


def test_a_reason_is_demanded(client_for: ClientFor) -> None:
    client, entry = client_for("admin"), write()

    answer = client.post(f"{ERASE}?entry={entry.pk}", {"reason": "  "})

    assert "Say why" in answer.content.decode()
    assert held(entry) == 1


@pytest.mark.parametrize("role", ["moderator", "analyst", "viewer"])
def test_nobody_else_erases(client_for: ClientFor, role: str) -> None:
    client, entry = client_for(role), write()
    chosen = {"action": "erase", "_selected_action": [str(entry.pk)], "index": "0"}

    assert client.get(f"{ERASE}?entry={entry.pk}").status_code == 403
    assert client.post(f"{ERASE}?entry={entry.pk}", {"reason": WHY}).status_code == 403
    assert client.post(LIST, chosen).status_code in {302, 403}
    assert held(entry) == 1
    if role == "moderator":
        assert ERASE not in client.get(page_of(entry)).content.decode()
        assert "Erase" not in client.get(LIST).content.decode()


def test_chosen_rows_are_erased_together(client_for: ClientFor) -> None:
    client = client_for("admin")
    one, other, third = (write() for _ in range(3))
    chosen = {
        "action": "erase",
        "_selected_action": [str(one.pk), str(third.pk)],
        "index": "0",
    }

    asked = client.post(LIST, chosen)
    page = client.get(asked["Location"]).content.decode()
    client.post(asked["Location"], {"reason": WHY})

    assert "Of 2 entries, 2 have personal data" in page
    assert (held(one, third), held(other)) == (0, 1)


def test_everything_of_a_person_is_erased_by_filter(client_for: ClientFor) -> None:
    client, ada = client_for("admin"), make_user("analyst", full_name="Ada Lovelace")
    hers = [write(by=ada) for _ in range(55)]  # more than a page
    other = write(by=make_user("analyst"))

    page = client.get(f"{ERASE}?who={ada.pk}").content.decode()
    answer = client.post(f"{ERASE}?who={ada.pk}", {"reason": WHY})

    assert "Ada Lovelace" in page
    assert answer["Location"] == f"{LIST}?who={ada.pk}"
    assert (held(*hers), held(other)) == (0, 1)


def test_more_than_one_request_should_erase_is_said(
    client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "MOST", 2)
    client = client_for("admin")
    entries = [write() for _ in range(3)]

    answer = client.post(f"{ERASE}?resource=image", {"reason": WHY})

    assert "More than 2 entries match." in answer.content.decode()
    assert held(*entries) == 3


def test_where_nothing_is_left_to_erase_the_page_says_so(client_for: ClientFor) -> None:
    client, entry = client_for("admin"), write()
    erasing.erase([entry.pk], WHY)

    page = client.get(f"{ERASE}?entry={entry.pk}").content.decode()

    assert "or it is erased already" in page
    assert "Erase for good" not in page


def test_without_any_filter_or_entry_the_whole_log_is_meant_only_when_it_is_small(
    client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "MOST", 1)
    client = client_for("admin")
    entries = [write() for _ in range(2)]

    assert "More than 1 entries match." in client.get(ERASE).content.decode()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM audits.audit_personal")
        assert cursor.fetchone()[0] >= len(entries)
