"""Verification of an untouched log, in all its ways."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from django.db import transaction

from audit import keyring
from audit.recording import record
from audit.sealing.sealer import Sealer
from audit.verification import Effort, Finding, Report, verify
from audit.verification.report import MOST
from tests.audit.logs import seal

pytestmark = pytest.mark.django_db(transaction=True)


def write(number: int = 1, transactions: int = 1) -> None:
    for _ in range(transactions):
        with transaction.atomic():
            for n in range(number):
                record("setting.updated", subject=("setting", str(n)))


def test_an_untouched_log_verifies(sealer: Sealer, ring: keyring.Keyring) -> None:
    for _ in range(5):
        write(3, 4)
        seal(sealer)
    write(2)

    report = verify(ring.pins(), full=True)

    assert report.findings == []
    assert (report.batches, report.entries, report.size) == (5, 60, 65)
    assert report.waiting == 2


def test_the_next_verification_begins_where_the_last_one_ended(
    sealer: Sealer, ring: keyring.Keyring
) -> None:
    write(3)
    seal(sealer)
    assert verify(ring.pins()).entries == 3
    write(2)
    seal(sealer)

    report = verify(ring.pins())

    assert report.ok
    assert (report.from_batch, report.entries, report.size) == (2, 2, 7)


@pytest.mark.heavy
def test_several_processes_verify_together(
    sealer: Sealer, ring: keyring.Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audit.verification.run._SPAN", 10)
    for _ in range(4):
        write(10)
        seal(sealer)

    report = verify(ring.pins(), full=True, effort=Effort(processes=2))

    assert report.findings == []
    assert report.entries == 40


def test_a_change_is_named_by_several_processes_too(
    sealer: Sealer,
    ring: keyring.Keyring,
    administrator: psycopg.Connection[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("audit.verification.run._SPAN", 10)
    for _ in range(4):
        write(10)
        seal(sealer)
    administrator.execute("SET session_replication_role = replica")
    rows = administrator.execute(
        "UPDATE audits.audit_log SET payload = '{}'"
        " WHERE id IN (SELECT id FROM audits.audit_log ORDER BY id OFFSET 25) RETURNING id"
    ).fetchall()
    seen: list[tuple[int, int]] = []

    report = verify(
        ring.pins(), full=True, effort=Effort(2, lambda done, total: seen.append((done, total)))
    )

    assert report.found == 15
    assert report.first_bad_entry == min(row[0] for row in rows)
    assert seen == [(10, 40), (20, 40), (30, 40), (40, 40)]


def test_an_empty_log_verifies(ring: keyring.Keyring, transactional_db: None) -> None:
    write(3)

    report = verify(ring.pins(), full=True)

    assert report.findings == []
    assert (report.size, report.waiting) == (0, 3)


def test_many_findings_about_batches_leave_room_for_entries() -> None:
    report = Report()

    report.add(*(Finding(f"Batch {number}: bad.", batch=number) for number in range(2 * MOST)))
    report.add_entries(range(1000, 900, -1), "Entry {} is bad.")

    assert report.found == 2 * MOST + 100
    assert len(report.findings) == 2 * MOST
    assert report.first_bad_entry == 901, "even where it is not among those that are told"
