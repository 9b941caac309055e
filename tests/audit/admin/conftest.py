"""People who are logged in, and a log with a sealer beside it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.test import Client

from audit import context, keyring
from audit.models import Entry
from audit.recording import record
from audit.sealing.sealer import Sealer, connect
from tests.factories import make_user

ClientFor = Callable[[str], Client]
Seal = Callable[[], None]

LIST, CHAIN = "/audit/entry/", "/audit/entry/chain/"
EVIDENCE, ERASE = "/audit/entry/evidence/", "/audit/entry/erase/"
_ENDED = """
    SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint > max(xid) FROM audits.audit_log
"""
HERE = context.Context(
    source="admin",
    request_id="req-0123456789",
    ip_address="203.0.113.7",
    user_agent="Mozilla/5.0 (X11)",
)


def write(action: str = "image.archived", **given: Any) -> Entry:
    """An entry as a request writes it, by default about an image."""
    given.setdefault("subject", ("image", "00000000-0000-7000-8000-000000000001"))
    with context.within(HERE), transaction.atomic():
        record(action, **given)
    return Entry.objects.order_by("-id")[0]


def page_of(entry: Entry | UUID) -> str:
    """The address of an entry's page."""
    return f"{LIST}{entry.pk if isinstance(entry, Entry) else entry}/change/"


@pytest.fixture
def client_for() -> ClientFor:
    """Makes a person of the role and a client logged in as them."""

    def make(role: str) -> Client:
        client = Client()
        client.force_login(make_user(role))
        return client

    return make


@pytest.fixture
def ring(tmp_path: Path, settings: Any) -> keyring.Keyring:
    """Signing keys that the web process may read too."""
    settings.AUDIT_KEYRING = tmp_path / "keys" / "keyring.json"
    return keyring.create("tests.example/audit")


@pytest.fixture
def seal(transactional_db: None, ring: keyring.Keyring) -> Iterator[Seal]:
    """Seals everything that was written so far."""
    with connect() as own:
        sealer = Sealer(own, ring)
        sealer.beat()

        def everything() -> None:
            seal_all(sealer)
            sealer.beat()

        yield everything


def seal_all(sealer: Sealer) -> None:
    """Seal what was written, in one batch.

    Transactions of other databases on the same server hold the sealer up; they are waited for.
    """
    until = time.monotonic() + 60
    with connection.cursor() as cursor:
        while True:
            cursor.execute(_ENDED)
            (ended,) = cursor.fetchone()
            if ended:
                break
            assert time.monotonic() < until, "a transaction on this server does not end"
            time.sleep(0.02)
    list(sealer.drain())
