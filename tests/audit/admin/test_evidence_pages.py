"""Handing out evidence: what it holds, that it is recorded, and who may."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from audit import keyring
from audit.admin import handing_out
from audit.models import Entry
from audit.proofs import bundles
from audit.proofs.bundles import Bundle, EntryLeaf
from audit.proofs.notes import SigningKey, VerifierKey
from tests.audit.admin.conftest import EVIDENCE, LIST, ClientFor, Seal, page_of, write

pytestmark = pytest.mark.django_db(transaction=True)

UNKNOWN = "00000000-0000-4000-8000-000000000009"


def downloaded(client: Client, query: str, **given: str) -> bytes:
    answer = client.post(f"{EVIDENCE}?{query}", given)
    assert answer.status_code == 200, answer
    assert "attachment" in answer["Content-Disposition"], answer.content[:2000]
    content = b"".join(getattr(answer, "streaming_content"))  # noqa: B009 - not in the stubs
    answer.close()
    return content


def opened(content: bytes, ring: keyring.Keyring) -> Bundle:
    return bundles.read(io.BytesIO(content), ring.pins())


def numbers(bundle: Bundle) -> list[int]:
    return [leaf.fields.id for leaf in bundle.leaves if isinstance(leaf, EntryLeaf)]


def last(action: str) -> Entry:
    return Entry.objects.filter(action=action).order_by("-id")[0]


@pytest.mark.parametrize("role", ["admin", "moderator"])
def test_the_evidence_of_an_entry_can_be_checked_by_anybody(
    client_for: ClientFor, seal: Seal, ring: keyring.Keyring, tmp_path: Path, role: str
) -> None:
    client, entry = client_for(role), write()
    seal()
    assert f"{EVIDENCE}?entry={entry.pk}" in client.get(page_of(entry)).content.decode()

    content = downloaded(client, f"entry={entry.pk}", personal="on")

    assert numbers(opened(content, ring)) == [entry.id]
    assert b"203.0.113.7" in content
    program = tmp_path / "lacuna_verify.py"
    program.write_bytes(client.get("/audit/entry/verifier/").content)
    bundle = tmp_path / "evidence.jsonl"
    bundle.write_bytes(content)
    foreign = SigningKey.generate(ring.origin).verifier

    def check(key: VerifierKey) -> int:
        command = [sys.executable, str(program), str(bundle), "--key", str(key)]
        return subprocess.run(command, capture_output=True, check=False).returncode

    assert check(ring.signers()[0].verifier) == 0
    assert check(foreign) == 1


def test_personal_data_can_be_left_out(
    client_for: ClientFor, seal: Seal, ring: keyring.Keyring
) -> None:
    entry = write()
    seal()

    content = downloaded(client_for("admin"), f"entry={entry.pk}")

    assert numbers(opened(content, ring)) == [entry.id]
    assert b"203.0.113.7" not in content
    assert last("evidence.exported").details["personal"] is False


def test_that_evidence_was_handed_out_is_an_entry_itself(client_for: ClientFor, seal: Seal) -> None:
    client = client_for("moderator")
    entries = [write() for _ in range(3)]
    seal()

    downloaded(client, "&".join(f"entry={one.pk}" for one in entries), personal="on")
    exported = last("evidence.exported")

    assert exported.actor_id == client.get(LIST).context["user"].pk
    assert exported.details == {
        "entries": 3,
        "numbers": [one.id for one in entries],
        "personal": True,
    }
    downloaded(client, f"entry={entries[0].pk}")
    one = last("evidence.exported")
    assert (one.resource_type, one.resource_id) == ("audit_entry", str(entries[0].pk))


def test_looking_at_the_page_hands_nothing_out(client_for: ClientFor, seal: Seal) -> None:
    entry = write()
    seal()

    page = client_for("admin").get(f"{EVIDENCE}?entry={entry.pk}").content.decode()

    assert "Evidence of 1 entry" in page
    assert "tests.example/audit+" in page  # the key to pin
    assert not Entry.objects.filter(action="evidence.exported").exists()


def test_the_evidence_of_a_filter_is_that_of_every_entry_under_it(
    client_for: ClientFor, seal: Seal, ring: keyring.Keyring
) -> None:
    client = client_for("admin")
    wanted = [write(subject=("image", "a")) for _ in range(60)]  # more than a page
    write(subject=("image", "b"))
    seal()
    query = "resource=image&resource_id=a"
    assert (
        f"{EVIDENCE}?{query.replace('&', '&amp;')}"
        in client.get(f"{LIST}?{query}").content.decode()
    )

    content = downloaded(client, query)

    assert numbers(opened(content, ring)) == [one.id for one in wanted]
    exported = last("evidence.exported")
    assert exported.details["asked"] == {"resource": "image", "resource_id": "a"}
    assert (exported.resource_type, exported.resource_id) == ("image", "a")


def test_chosen_rows_of_the_list_become_a_bundle(
    client_for: ClientFor, seal: Seal, ring: keyring.Keyring
) -> None:
    client = client_for("moderator")
    entries = [write() for _ in range(4)]
    seal()
    chosen = [str(entries[0].pk), str(entries[2].pk)]

    answer = client.post(LIST, {"action": "evidence", "_selected_action": chosen, "index": "0"})
    content = downloaded(client, answer["Location"].partition("?")[2])

    assert numbers(opened(content, ring)) == [entries[0].id, entries[2].id]


def test_all_rows_of_the_list_are_chosen_by_its_filters(client_for: ClientFor) -> None:
    entry = write()
    answer = client_for("admin").post(
        f"{LIST}?action=image.archived",
        {
            "action": "evidence",
            "_selected_action": [str(entry.pk)],
            "select_across": "1",
            "index": "0",
        },
    )

    assert answer["Location"] == f"{EVIDENCE}?action=image.archived"


def test_more_than_a_web_page_should_hand_out_is_said(
    client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handing_out, "MOST", 2)
    client = client_for("admin")
    for _ in range(3):
        write(subject=("image", "a"))

    answer = client.get(f"{EVIDENCE}?resource=image")

    assert "More than 2 entries match." in answer.content.decode()
    assert "Download" not in answer.content.decode()
    assert client.post(f"{EVIDENCE}?resource=image").status_code == 200
    assert not Entry.objects.filter(action="evidence.exported").exists()


def test_what_is_not_sealed_yet_is_refused_or_told(
    client_for: ClientFor, seal: Seal, ring: keyring.Keyring
) -> None:
    client, sealed = client_for("admin"), write()
    seal()
    fresh = write()

    refused = client.post(f"{EVIDENCE}?entry={fresh.pk}")
    assert refused.status_code == 302
    [said] = get_messages(refused.wsgi_request)
    assert "sealed" in str(said)
    assert not Entry.objects.filter(action="evidence.exported").exists()

    content = downloaded(client, f"entry={sealed.pk}&entry={fresh.pk}")
    assert numbers(opened(content, ring)) == [sealed.id]
    assert last("evidence.exported").details["not_sealed_yet"] == 1
    assert "lacks 1 of the entries" in client.get(LIST).content.decode()


@pytest.mark.parametrize("query", [f"entry={UNKNOWN}", "entry=nonsense", "resource=volcano"])
def test_where_nothing_matches_nothing_is_handed_out(client_for: ClientFor, query: str) -> None:
    client = client_for("admin")

    answer = client.post(f"{EVIDENCE}?{query}", {"personal": "on"})

    assert "No entry matches" in answer.content.decode()


@pytest.mark.parametrize("role", ["analyst", "viewer"])
def test_other_roles_get_no_evidence(client_for: ClientFor, seal: Seal, role: str) -> None:
    entry = write()
    seal()

    answer: Any = client_for(role).post(f"{EVIDENCE}?entry={entry.pk}")

    assert answer.status_code == 403
