"""Where the API keeps what repeated requests are answered: one row for each person and key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.models import IdempotencyKey
from config.api.idempotency import Answer, running

KEPT: Final = timedelta(hours=24)
_BATCH: Final = 5000
# A row can be cleared away between its making and its locking.
_TRIES: Final = 3


class Store:
    """The table ``idempotency_keys``; see ``config.api.idempotency`` for the protocol.

    The row's lock is the sign that a request runs: it goes with the transaction, so a process that
    dies blocks nobody.
    """

    @contextmanager
    def attempt(
        self, *, user_id: UUID, key: str, method: str, path: str, request_hash: str
    ) -> Iterator[Attempt]:
        """The run of a request, in a transaction that holds the key's row.

        Raises ``StillRunning`` when another request holds it.
        """
        asked = {"method": method, "path": path, "request_hash": request_hash}
        for _ in range(_TRIES):
            IdempotencyKey.objects.bulk_create(
                [IdempotencyKey(user_id=user_id, key=key, **asked)], ignore_conflicts=True
            )
            with transaction.atomic():
                held = IdempotencyKey.objects.select_for_update(skip_locked=True)
                row = held.filter(user_id=user_id, key=key).first()
                if row is not None:
                    yield _begin(row, asked)
                    return
            if IdempotencyKey.objects.filter(user_id=user_id, key=key).exists():
                raise running()
        raise running()


@dataclass
class Attempt:
    """One run; ``earlier`` is the answer of the first request, when it succeeded."""

    row: IdempotencyKey
    earlier: Answer | None
    same_request: bool

    def keep(self, answer: Answer) -> None:
        """Keep the answer with the transaction; a secret answer's body is not kept.

        This is the first write to the row: one that came earlier would make the insertion of a
        second request wait for the whole run, instead of telling it to come again.
        """
        self.row.status = answer.status
        self.row.response = (
            None if answer.secret else {"body": answer.body, "headers": answer.headers}
        )
        self.row.created_at = self.row.completed_at = timezone.now()
        self.row.save()


def clear(*, older_than: timedelta = KEPT) -> int:
    """Delete the keys whose day is over, those of running requests excepted; how many they were."""
    limit = timezone.now() - older_than
    deleted = 0
    while True:
        with transaction.atomic():
            old = IdempotencyKey.objects.filter(created_at__lt=limit).order_by("created_at")
            keys = list(
                old.select_for_update(skip_locked=True).values_list("pk", flat=True)[:_BATCH]
            )
            IdempotencyKey.objects.filter(pk__in=keys).delete()
        deleted += len(keys)
        if len(keys) < _BATCH:
            return deleted


def _begin(row: IdempotencyKey, asked: dict[str, str]) -> Attempt:
    done = row.completed_at is not None and row.created_at > timezone.now() - KEPT
    if done:
        same = all(getattr(row, name) == value for name, value in asked.items())
        return Attempt(row, _answer(row), same)
    # New, given up by a request that failed or died, or a day old: ours now.
    for name, value in asked.items():
        setattr(row, name, value)
    return Attempt(row, None, same_request=True)


def _answer(row: IdempotencyKey) -> Answer:
    kept = row.response
    if kept is None:
        return Answer(row.status or 200, secret=True)
    return Answer(row.status or 200, kept["body"], kept["headers"])
