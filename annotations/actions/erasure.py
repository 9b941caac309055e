"""Removing what AI providers were asked and answered: when it is old, or when somebody wants it.

What was paid for and what people decided stays: the annotations, the figures of each job, and the
ledger. Each batch is a transaction of its own with its entry (``answer.erased``), so that a run
which is stopped may simply be repeated. See AV-12 and docs/annotation-maintenance.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import User
from annotations.models import AiAnnotationJob, VisionCacheEntry
from audit.recording import Subject, record
from database import system_settings
from imaging.models import Image

_FIRST_KEY: Final = UUID(int=0)
_EMPTY_JOBS: Final = """
    UPDATE ai_annotation_jobs
    SET request_payload = '{}', response_payload = NULL, sealed_payloads = NULL
    WHERE id = ANY (%s)
"""


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose payloads: exactly one of the three is given.

    ``image``   all that providers were asked and answered about this image
    ``user``    what this person had asked, and all about images that they had asked about or that
                they handed in
    ``before``  all that is older
    """

    image: UUID | None = None
    user: User | None = None
    before: datetime | None = None

    def __post_init__(self) -> None:
        given = [one for one in (self.image, self.user, self.before) if one is not None]
        if len(given) != 1:
            raise ValueError("Say what is to be erased: of one image, of one person, or by age.")

    @property
    def jobs(self) -> QuerySet[AiAnnotationJob]:
        """The jobs that still carry payloads."""
        rows = AiAnnotationJob.objects.exclude(
            request_payload={}, response_payload__isnull=True, sealed_payloads__isnull=True
        )
        if self.image is not None:
            return rows.filter(image_id=self.image)
        if self.user is not None:
            return rows.filter(Q(user=self.user) | self._about_theirs())
        return rows.filter(
            Q(completed_at__isnull=True) | Q(completed_at__lt=self.before),
            created_at__lt=self.before,
        )

    @property
    def answers(self) -> QuerySet[VisionCacheEntry]:
        """The cached answers."""
        rows = VisionCacheEntry.objects.all()
        if self.image is not None:
            return rows.filter(image_id=self.image)
        if self.user is not None:
            return rows.filter(self._about_theirs())
        return rows.filter(created_at__lt=self.before)

    def _about_theirs(self) -> Q:
        """About an image that the person had asked about or handed in."""
        asked = AiAnnotationJob.objects.filter(user=self.user).values("image_id")
        own = Image.objects.filter(user=self.user).values("pk")
        return Q(image_id__in=asked) | Q(image_id__in=own)

    def in_the_log(self) -> tuple[Subject, dict[str, Any]]:
        """What an entry is about, and what it says of the scope."""
        if self.image is not None:
            return ("image", str(self.image)), {"scope": "image"}
        # An entry on a queue covers every job of it that the transaction touches.
        queue = ("queue", AiAnnotationJob._meta.db_table)
        if self.user is not None:
            return queue, {"scope": "user", "user": str(self.user.pk)}
        return queue, {"scope": "age", "before": self.before}


@dataclass(slots=True)
class Erased:
    """How many jobs lost their payloads, and how many cached answers went."""

    jobs: int = 0
    answers: int = 0
    keys: list[UUID] = field(default_factory=list, repr=False)

    def add(self, other: Erased) -> None:
        """Count what another step erased."""
        self.jobs += other.jobs
        self.answers += other.answers

    def as_dict(self) -> dict[str, int]:
        """The figures by name."""
        return {"jobs": self.jobs, "answers": self.answers}


def count(scope: Scope) -> Erased:
    """What ``erase`` would remove."""
    return Erased(scope.jobs.count(), scope.answers.count())


def erase(scope: Scope, *, by: User | None = None, batch_size: int = 500) -> Erased:
    """Remove the payloads and cached answers of the scope; returns how many that were."""
    total = Erased()
    for step in steps(scope, by=by, batch_size=batch_size):
        total.add(step)
    return total


def steps(scope: Scope, *, by: User | None = None, batch_size: int = 500) -> Iterator[Erased]:
    """As ``erase``, one committed batch after the other, begun when the iterator is moved on."""
    # Answers first: what they are about is found by the jobs.
    for wait in (False, True):
        while True:
            step = _forget_answers(scope, by=by, limit=batch_size, wait=wait)
            if not step.answers:
                break
            yield step
    after = _FIRST_KEY
    while True:
        step = _empty_jobs(scope, by=by, after=after, limit=batch_size)
        if not step.keys:
            return
        after = step.keys[-1]
        yield step


def erase_old(*, batch_size: int = 500) -> Erased:
    """Remove what is older than the setting ``ai_payload_days`` allows."""
    return erase(too_old(), batch_size=batch_size)


def too_old() -> Scope:
    """What the setting ``ai_payload_days`` lets go."""
    days: int = system_settings.get("ai_payload_days")
    return Scope(before=timezone.now() - timedelta(days=days))


@transaction.atomic
def _forget_answers(scope: Scope, *, by: User | None, limit: int, wait: bool) -> Erased:
    # Those that workers are counting a use of come last, and are waited for then.
    found = scope.answers.order_by("id").select_for_update(skip_locked=not wait, of=("self",))
    keys = list(found.values_list("pk", flat=True)[:limit])
    if keys:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM vision_api_cache WHERE id = ANY (%s)", [keys])
        _record(scope, by=by, cached_answers=keys)
    return Erased(answers=len(keys), keys=keys)


@transaction.atomic
def _empty_jobs(scope: Scope, *, by: User | None, after: UUID, limit: int) -> Erased:
    found = scope.jobs.filter(pk__gt=after).order_by("id").select_for_update(of=("self",))
    keys = list(found.values_list("pk", flat=True)[:limit])
    if keys:
        with connection.cursor() as cursor:
            cursor.execute(_EMPTY_JOBS, [keys])
        _record(scope, by=by, jobs=keys)
    return Erased(jobs=len(keys), keys=keys)


def _record(scope: Scope, *, by: User | None, **keys: list[UUID]) -> None:
    """One entry for a batch; keys alone, never what was asked or answered."""
    subject, said = scope.in_the_log()
    record(
        "answer.erased",
        by=by,
        subject=subject,
        details=said | {name: [str(key) for key in found] for name, found in keys.items()},
    )
