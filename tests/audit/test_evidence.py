"""Bundles of entries: what is chosen, what is proven, what is left out."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from audit import context, evidence, keyring, lacuna_verify
from audit.errors import EvidenceRefused
from audit.models import Entry
from audit.proofs import bundles
from audit.proofs.bundles import EntryLeaf
from audit.recording import record
from audit.sealing.sealer import Sealer
from tests.audit.logs import seal

pytestmark = pytest.mark.django_db(transaction=True)

HERE = context.Context(source="admin", ip_address="203.0.113.7", user_agent="Browser")
ANNA, BERT = uuid4(), uuid4()


def write(number: int, *, by: UUID = ANNA, resource: str = "image", at: str = "1") -> list[int]:
    with context.within(HERE), transaction.atomic():
        before = Entry.objects.count()
        for _ in range(number):
            record("setting.updated", by=by, subject=(resource, at))
    ids = Entry.objects.order_by("id").values_list("id", flat=True)
    return list(ids)[before:]


def bundle_of(entries: list[int], **options: Any) -> bytes:
    stream = io.BytesIO()
    evidence.write(stream, entries=entries, **options)
    return stream.getvalue()


def read(data: bytes, ring: keyring.Keyring) -> list[EntryLeaf]:
    bundle = bundles.read(io.BytesIO(data), ring.pins())
    return [leaf for leaf in bundle.leaves if isinstance(leaf, EntryLeaf)]


def test_scattered_entries_are_proven_together(sealer: Sealer, ring: keyring.Keyring) -> None:
    numbers: list[int] = []
    for _ in range(6):
        numbers += write(7)
        seal(sealer)
    chosen = [numbers[0], numbers[13], numbers[14], numbers[41]]

    entries = read(bundle_of(chosen), ring)

    assert [entry.fields.id for entry in entries] == chosen
    assert [entry.seq for entry in entries] == [0, 14, 16, 46]
    disclosed = entries[0].disclosed
    assert disclosed is not None
    assert json.loads(disclosed.data) == {"ip_address": "203.0.113.7", "user_agent": "Browser"}


def test_the_stand_alone_verifier_agrees(
    sealer: Sealer, ring: keyring.Keyring, tmp_path: Path
) -> None:
    numbers = write(5)
    seal(sealer)
    file = tmp_path / "evidence.jsonl"

    summary = evidence.write_file(file, entries=numbers)

    key = str(ring.keys[0].public)
    assert lacuna_verify.main([str(file), "--key", key]) == 0
    damaged = file.read_bytes().replace(b"image", b"imagE", 1)
    file.write_bytes(damaged)
    assert lacuna_verify.main([str(file), "--key", key]) == 1
    assert summary.entries == 5


def test_personal_data_can_be_withheld_and_the_proof_holds(
    sealer: Sealer, ring: keyring.Keyring
) -> None:
    numbers = write(2)
    seal(sealer)

    data = bundle_of(numbers, personal=False)

    assert b"203.0.113.7" not in data
    assert [entry.disclosed for entry in read(data, ring)] == [None, None]


def test_entries_that_are_not_sealed_are_left_out_and_counted(
    sealer: Sealer, ring: keyring.Keyring
) -> None:
    numbers = write(2)
    seal(sealer)
    numbers += write(3)

    summary = evidence.write(io.BytesIO(), entries=numbers)

    assert (summary.entries, summary.waiting) == (2, 3)


def test_nothing_sealed_is_no_evidence(sealer: Sealer) -> None:
    numbers = write(1)
    with pytest.raises(EvidenceRefused, match="Nothing is sealed yet"):
        bundle_of(numbers)
    with pytest.raises(EvidenceRefused, match="no such entry"):
        bundle_of([])


@pytest.mark.parametrize("few", [1, 1000])
def test_many_and_few_are_found_alike(
    sealer: Sealer, ring: keyring.Keyring, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(evidence, "_FEW", few)
    monkeypatch.setattr(evidence, "_CHUNK", 4)
    numbers: list[int] = []
    for _ in range(3):
        numbers += write(10)
        seal(sealer)

    assert [entry.fields.id for entry in read(bundle_of(numbers), ring)] == numbers


def test_entries_are_chosen_by_time_person_and_resource(sealer: Sealer) -> None:
    mine = write(2, by=ANNA, at="7")
    theirs = write(1, by=BERT, at="7")
    other = write(1, by=ANNA, at="8")
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    chosen = evidence.Selection

    assert evidence.select(chosen(actor=ANNA)) == mine + other
    assert evidence.select(chosen(resource=("image", "7"))) == mine + theirs
    assert evidence.select(chosen(actor=BERT, resource=("image", "7"))) == theirs
    assert evidence.select(chosen(since=tomorrow)) == []
    assert evidence.select(chosen(until=tomorrow)) == mine + theirs + other
    with pytest.raises(EvidenceRefused, match="Say which entries"):
        evidence.select(chosen())


def test_the_command_writes_a_file_and_an_entry_about_it(
    sealer: Sealer, ring: keyring.Keyring, tmp_path: Path
) -> None:
    write(3)
    seal(sealer)
    file = tmp_path / "out.jsonl"
    out = io.StringIO()

    call_command(
        "export_evidence", "--actor", str(ANNA), "--output", str(file), "--with-verifier",
        "--json", stdout=out,
    )  # fmt: skip

    told = json.loads(out.getvalue())
    assert (told["entries"], told["waiting"]) == (3, 0)
    assert (tmp_path / "lacuna_verify.py").exists()
    [entry] = Entry.objects.filter(action="evidence.exported")
    assert entry.details["sha256"] == told["sha256"]
    with pytest.raises(CommandError, match="exists already"):
        call_command("export_evidence", "--actor", str(ANNA), "--output", str(file))
    with pytest.raises(CommandError, match="Say which entries"):
        call_command("export_evidence", "--output", str(tmp_path / "other"))
