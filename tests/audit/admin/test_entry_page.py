"""The page of one entry: what it tells, and whether its proof is worked out right."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.contrib.messages import get_messages
from django.db import connection, transaction
from django.test import Client

from audit import context, keyring
from audit.models import Entry
from audit.recording import record
from tests.audit.admin.conftest import LIST, ClientFor, Seal, page_of, write
from tests.factories import make_image, make_user

pytestmark = pytest.mark.django_db

Administrator = psycopg.Connection[tuple[Any, ...]]


def seen(client: Client, entry: Entry) -> str:
    answer = client.get(page_of(entry))
    assert answer.status_code == 200, answer
    return answer.content.decode()


def verdict(client: Client, entry: Entry) -> str:
    """The proof's word on the entry's page."""
    answer = client.get(page_of(entry))
    assert answer.status_code == 200, answer
    word: str = answer.context["look"][0]
    assert word in answer.content.decode()
    return word


# --- What it tells ------------------------------------------------------------------------------


def test_the_page_tells_who_what_when_and_from_where(client_for: ClientFor) -> None:
    ada, image = make_user("analyst", full_name="Ada Lovelace"), make_image()
    entry = write(
        by=ada,
        subject=image,
        before={"status": "completed"},
        after={"status": "archived"},
        details={"cancelled_jobs": 3},
        duration_ms=37,
    )

    page = seen(client_for("admin"), entry)

    assert f"{entry.created_at:%S.%f} UTC" in page
    for text in (
        f"Audit entry #{entry.id}",
        "An image was put away",
        "Ada Lovelace",
        "completed",
        "archived",
        "Cancelled jobs",
        "37\u00a0ms",
        "203.0.113.7",
        "Mozilla/5.0 (X11)",
        "req-0123456789",
        f"?resource=image&amp;resource_id={image.pk}",
        f"?who={ada.pk}",
        "?request=req-0123456789",
    ):
        assert text in page, text


def test_a_failure_says_what_went_wrong(client_for: ClientFor) -> None:
    page = seen(client_for("admin"), write(outcome="failure", error="No <room> left."))

    assert "What went wrong" in page
    assert "No &lt;room&gt; left." in page


def test_an_entry_of_plain_sql_is_shown_whatever_it_holds(client_for: ClientFor) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL app.context = ''")  # as it is where Django does not connect
        cursor.execute(
            "SELECT audits.record('image.archived', 'image', 'x', 'partial', '[1, \"two\"]',"
            " '[\"details\"]')"
        )
        key = cursor.fetchone()[0]

    page = seen(client_for("admin"), Entry.objects.get(pk=key))

    assert "Plain SQL" in page
    assert connection.settings_dict["USER"] in page  # who was logged in there
    assert "Partial</span>" in page


def test_an_entry_without_personal_data_says_so(client_for: ClientFor) -> None:
    with transaction.atomic():
        record("jobs.pruned")

    assert "None was recorded with this entry." in seen(
        client_for("admin"), Entry.objects.filter(action="jobs.pruned")[0]
    )


def test_a_job_is_found_from_what_it_did(client_for: ClientFor) -> None:
    key = str(uuid4())
    with context.within(context.Context(source="job", job_id=key)), transaction.atomic():
        record("jobs.pruned")

    page = seen(client_for("admin"), Entry.objects.filter(action="jobs.pruned")[0])

    assert f"/search/?q={key}" in page


def test_an_action_that_is_no_more_is_still_shown(client_for: ClientFor) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audits.audit_log (action) VALUES ('volcano.erupted') RETURNING entry_id"
        )
        key = cursor.fetchone()[0]

    assert "volcano.erupted" in seen(client_for("admin"), Entry.objects.get(pk=key))


@pytest.mark.parametrize("key", ["00000000-0000-4000-8000-000000000009", "no id", "1"])
def test_an_entry_that_is_not_there_is_said(client_for: ClientFor, key: str) -> None:
    answer = client_for("admin").get(f"{LIST}{key}/change/")

    assert answer.status_code == 302
    [said] = get_messages(answer.wsgi_request)
    assert "The audit log has no entry" in str(said)


# --- Its proof ----------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_fresh_entry_waits_to_be_sealed(client_for: ClientFor) -> None:
    assert verdict(client_for("admin"), write()) == "Not sealed yet"


@pytest.mark.django_db(transaction=True)
def test_a_sealed_entry_is_verified_up_to_the_signature(
    client_for: ClientFor, seal: Seal, ring: keyring.Keyring
) -> None:
    client = client_for("admin")
    for _ in range(5):
        entry = write(personal={"email": "typed@example.org"})
        seal()

    assert verdict(client, entry) == "Verified"
    page = seen(client, entry)
    [key] = ring.signers()
    assert key.verifier.key_id.hex() in page
    assert "typed@example.org" in page
    assert bytes(entry.leaf).hex() in page
    with connection.cursor() as cursor:
        cursor.execute("SELECT prev_hash, seq FROM audits.place(%s, %s)", [entry.id, entry.xid])
        before, seq = cursor.fetchone()
    assert bytes(before).hex() in page
    assert f"at sequence {seq} of a tree" in page
    assert "no checkpoint with this entry has been published" in page


@pytest.mark.django_db(transaction=True)
def test_the_page_says_where_an_entry_was_published_first(
    client_for: ClientFor, seal: Seal, owner: Administrator
) -> None:
    entry = write()
    seal()
    owner.execute(
        "INSERT INTO audits.audit_publication (target, size, note) VALUES"
        " ('https://ada:secret@witness.example.org/add?token=x', 900, ''),"
        " ('file:///srv/early', 0, ''), ('file:///srv/late', 901, ''),"
        " ('file:///srv/late', 902, '')"
    )
    owner.commit()

    answer = client_for("admin").get(page_of(entry))

    told = [(one.target, one.size) for one in answer.context["proof"].published]
    assert told == [("file:///srv/late", 901), ("https://witness.example.org/add", 900)]
    assert "secret" not in answer.content.decode()


@pytest.mark.django_db(transaction=True)
def test_without_the_keys_the_signature_is_said_to_be_unchecked(
    client_for: ClientFor, seal: Seal, settings: Any, tmp_path: Path
) -> None:
    entry = write()
    seal()
    settings.AUDIT_KEYRING = tmp_path / "not for the web process"

    assert verdict(client_for("admin"), entry) == "Holds, signature not checked"


@pytest.mark.django_db(transaction=True)
def test_a_checkpoint_of_foreign_keys_does_not_verify(
    client_for: ClientFor, seal: Seal, settings: Any, tmp_path: Path
) -> None:
    entry = write()
    seal()
    settings.AUDIT_KEYRING = tmp_path / "other" / "keyring.json"
    keyring.create("tests.example/audit")

    page = seen(client_for("admin"), entry)

    assert "Does not verify" in page
    assert "Do not rely on this entry." in page
    assert "is not signed by a trusted key" in page


TAMPERINGS = {
    "UPDATE audits.audit_log SET payload = '{{}}' WHERE id = {id}": "changed after it was sealed",
    "UPDATE audits.audit_log SET created_at = created_at - interval '1 us' WHERE id = {id}":
        "changed after it was sealed",
    "UPDATE audits.audit_log SET xid = 3 WHERE id = {id}": "changed after it was sealed",
    "UPDATE audits.audit_log SET xid = 900000000 WHERE id = {id}": "which has never been",
    "UPDATE audits.audit_batch SET ids = '\\x0000000000000001'::bytea || substring(ids FROM 9)":
        "is in no batch",
    "UPDATE audits.audit_batch SET header = replace(header, 'lacuna', 'lacuma')":
        "header of batch 1 is damaged",
    "UPDATE audits.audit_batch SET header = replace(header, '2026-', '2027-')":
        "header of batch 1 was changed",
    "UPDATE audits.audit_batch SET leaves = overlay(leaves PLACING '\\x00'::bytea FROM 1)":
        "changed after it was sealed",
    "UPDATE audits.audit_batch SET leaves = overlay(leaves PLACING '\\x00'::bytea FROM 33)":
        "does not include the entry",
    "UPDATE audits.audit_batch SET note = replace(note, 'audit', 'other')":
        "is not signed by a trusted key",
    "UPDATE audits.audit_personal SET data = '{{\"ip_address\": \"203.0.113.8\"}}'":
        "is not what the entry committed to",
}  # fmt: skip


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("statement", "said"), TAMPERINGS.items())
def test_whatever_is_tampered_with_is_said_in_plain_words(
    client_for: ClientFor, seal: Seal, administrator: Administrator, statement: str, said: str
) -> None:
    entry = write(action="image.archived")
    write()
    seal()
    administrator.execute("SET session_replication_role = replica")
    changed = administrator.execute(statement.format(id=entry.id))
    administrator.commit()
    assert changed.rowcount

    page = seen(client_for("admin"), entry)

    assert "Does not verify" in page
    assert said in page
    assert 'role="alert"' in page


@pytest.mark.django_db(transaction=True)
def test_an_entry_put_in_past_the_sealer_is_found_out(
    client_for: ClientFor, seal: Seal, administrator: Administrator
) -> None:
    write()
    seal()
    [key] = administrator.execute(
        "INSERT INTO audits.audit_log (action, xid) VALUES ('image.archived', 3) RETURNING entry_id"
    ).fetchone() or (None,)
    administrator.commit()

    page = seen(client_for("admin"), Entry.objects.get(pk=key))

    assert "put into the log past the sealer" in page


@pytest.mark.django_db(transaction=True)
def test_every_sealed_entry_verifies_in_trees_of_many_sizes(
    client_for: ClientFor, seal: Seal
) -> None:
    client = client_for("admin")
    for number in (1, 2, 5, 300):
        with transaction.atomic():
            for _ in range(number):
                record("image.archived")
        seal()

    entries = list(Entry.objects.filter(action="image.archived").order_by("id"))
    for entry in (*entries[:9], *entries[250:265], entries[-1]):
        assert verdict(client, entry) == "Verified", entry.id
