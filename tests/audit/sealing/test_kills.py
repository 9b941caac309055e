"""The sealer is killed at every step, and the next one goes on."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest
from django.db import connection, transaction

from audit import keyring
from audit.recording import record
from audit.sealing import running
from tests.audit.sealing.processes import SealerProcess
from tests.audit.sealing.wholeness import assert_whole, settle

pytestmark = pytest.mark.django_db(transaction=True)

Start = Callable[..., SealerProcess]


def write(transactions: int) -> None:
    for _ in range(transactions):
        with transaction.atomic():
            for _ in range(3):
                record("setting.updated", subject=("setting", "x"))
    settle()


@pytest.mark.parametrize(
    "step",
    [
        "after the read",
        "before the insert",
        "before the commit",
        "after the commit",
        "before the publication",
        "before the file has its name",
        "before latest is replaced",
        "before the publication is noted",
    ],
)
@pytest.mark.heavy
def test_a_killed_sealer_leaves_a_whole_log(step: str, start: Start, ring: keyring.Keyring) -> None:
    write(12)
    victim = start(step, "2", program="victim")
    assert victim.wait() == -signal.SIGKILL, victim.said
    write(3)

    totals = running.seal_once()

    assert_whole(ring)
    assert (totals.problem, totals.published) == ("", 1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), max(size) FROM audits.audit_publication")
        assert cursor.fetchone()[1] == totals.size
