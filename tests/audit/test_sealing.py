"""The sealer: order, links, signatures, and what it refuses to sign."""

from __future__ import annotations

import threading

import pytest
from django.db import transaction

from audit import keyring
from audit.proofs import checkpoints
from audit.recording import record
from audit.sealing.sealer import AnotherSealer, Sealer, connect
from tests.audit.logs import seal, seal_all

pytestmark = pytest.mark.django_db(transaction=True)


def write(number: int = 1) -> None:
    with transaction.atomic():
        for _ in range(number):
            record("setting.updated", subject=("setting", "x"))


def test_entries_are_sealed_in_batches_with_a_signed_root(
    sealer: Sealer, ring: keyring.Keyring
) -> None:
    write(3)
    first = seal(sealer)
    write(2)
    second = seal(sealer)

    assert (first.entries, first.size) == (3, 4)
    assert (second.entries, second.size) == (2, 7)
    opened = checkpoints.open_checkpoint(second.note, ring.pins()).checkpoint
    assert (opened.origin, opened.size) == ("tests.example/audit", 7)
    assert sealer.step() is None


def test_a_new_sealer_goes_on_where_the_last_one_stopped(ring: keyring.Keyring) -> None:
    with connect() as own:
        write(300)
        first = Sealer(own, ring, most=100)
        assert [sealed.entries for sealed in seal_all(first)] == [300]
    with connect() as own:
        write(5)
        second = Sealer(own, ring)
        assert second.size == 301
        sealed = seal(second)
        assert (sealed.entries, sealed.size) == (5, 307)


def test_a_session_that_is_about_to_end_keeps_nobody_from_sealing(ring: keyring.Keyring) -> None:
    """The server notices the end of a session a little later, on a busy machine above all."""
    with connect() as first, connect() as own:
        Sealer(first, ring)
        ends = threading.Timer(0.5, first.close)
        ends.start()
        try:
            assert Sealer(own, ring).size == 0
        finally:
            ends.join()


def test_only_one_seals(sealer: Sealer, ring: keyring.Keyring) -> None:
    with connect() as other, pytest.raises(AnotherSealer):
        Sealer(other, ring)
