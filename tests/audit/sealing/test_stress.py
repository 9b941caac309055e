"""Eight writers who commit, roll back and dawdle, while the sealer is killed again and again."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from audit import keyring
from audit.sealing import running
from database.connections import own_connection
from tests.audit.sealing.processes import SealerProcess, eventually
from tests.audit.sealing.wholeness import assert_whole, sealed_in_order, settle, waiting

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.heavy, pytest.mark.timeout(180)]

WRITERS, ROWS, KILLS = 8, 10_000, 8
_INSERT = (
    "INSERT INTO audits.audit_log (action, payload)"
    " SELECT 'setting.updated', format('{\"n\":%%s}', n) FROM generate_series(1, %s) n"
    " RETURNING id"
)


class _Regret(Exception):
    """What a transaction is rolled back with."""


@dataclass(frozen=True, slots=True)
class Written:
    """A committed transaction; ``began`` and ``ended`` are moments of one clock, in seconds."""

    began: float
    ended: float
    ids: tuple[int, ...]


class Writer(threading.Thread):
    """Writes until told to stop: up to 12 rows at a time, some of them taken back."""

    def __init__(self, seed: int, stop: threading.Event) -> None:
        super().__init__()
        self._chance = random.Random(seed)
        self._stop_writing = stop
        self.written: list[Written] = []
        self.rows = 0
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            with own_connection() as own:
                while not self._stop_writing.is_set():
                    self._transaction(own)
        except Exception as error:
            self.error = error

    def _transaction(self, own: psycopg.Connection[Any]) -> None:
        chance = self._chance
        began, ids = time.monotonic(), []
        with suppress(_Regret):
            with own.transaction():
                for _ in range(chance.randint(1, 3)):
                    with suppress(_Regret), own.transaction():
                        found = own.execute(_INSERT, [chance.randint(1, 4)]).fetchall()
                        if chance.random() < 0.1:
                            raise _Regret
                        ids += [row[0] for row in found]
                time.sleep(chance.choice([0, 0, 0.002, 0.02, 1.0 if chance.random() < 0.02 else 0]))
                if chance.random() < 0.1:
                    raise _Regret
            if ids:
                self.written.append(Written(began, time.monotonic(), tuple(ids)))
                self.rows += len(ids)
        time.sleep(0.01)


def test_nothing_is_missed_doubled_or_inverted(
    start: Callable[..., SealerProcess], ring: keyring.Keyring
) -> None:
    stop = threading.Event()
    writers = [Writer(seed, stop) for seed in range(WRITERS)]
    for writer in writers:
        writer.start()
    try:
        chance = random.Random(WRITERS)
        kills = 0
        while kills < KILLS or sum(writer.rows for writer in writers) < ROWS:
            before = len(sealed_in_order())
            sealer = start("--interval", "0.01")
            eventually(lambda before=before: len(sealed_in_order()) > before)  # type: ignore[misc]
            time.sleep(chance.uniform(0, 0.3))
            sealer.send(signal.SIGKILL)
            assert sealer.wait() == -signal.SIGKILL, sealer.said
            kills += 1
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert [writer.error for writer in writers] == [None] * WRITERS
    settle()
    running.seal_once()

    assert waiting() == 0
    assert_whole(ring)
    _assert_order_kept([one for writer in writers for one in writer.written])


def _assert_order_kept(written: list[Written]) -> None:
    """What ended before something else began stands before it in the log."""
    place = {number: at for at, number in enumerate(sealed_in_order())}
    assert set(place) == {number for one in written for number in one.ids}
    spans = [(one, [place[number] for number in one.ids]) for one in written]
    for _, places in spans:
        assert places == sorted(places)
    ended = sorted(spans, key=lambda span: span[0].ended)
    highest, at = -1, 0
    for one, places in sorted(spans, key=lambda span: span[0].began):
        while ended[at][0].ended < one.began:
            highest = max(highest, ended[at][1][-1])
            at += 1
        assert highest < places[0], "an entry stands before one that was there already"
