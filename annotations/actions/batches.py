"""Work on thousands of images: queueing it, and doing it item by item.

A batch goes through its items in the order of their keys and notes the last one that is done, so
one that was stopped goes on behind it. What fails with one item is an error of that item, not of
the batch (``batch_job_errors``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet

from accounts.models import User
from annotations.actions import ai_jobs, bulk, recalibrating
from annotations.actions.claims import Filters
from annotations.errors import AnnotationError, NotNow
from annotations.knowledge.errors import NotEnoughKnown
from annotations.models import BatchJob, BatchJobError, BatchType, Decision
from audit.recording import record
from database.actor import acting_as_system
from imaging.models import Image
from jobs.lease import holding, raise_if_cancelled, report_progress
from jobs.retry import GiveUp, RetryAfter

_STEP: Final = 200
# Where each image takes seconds, and may cost money: whoever cancels does not wait for 200.
_ASKED_STEP: Final = 10
# A provider may be down for hours, and a budget used up until tomorrow.
_RETRIES: Final = 12
MOST_IMAGES: Final = 1_000_000


@transaction.atomic
def request(
    kind: BatchType,
    *,
    by: User,
    provider: str = "local",
    model: str = "",
    fallbacks: Sequence[str] = (),
    collection: UUID | None = None,
    images: Sequence[UUID] = (),
    unannotated_only: bool = True,
) -> BatchJob:
    """Queue a batch over images: those named, those of a collection, or all there are.

    ``unannotated_only``  leave out images that the provider annotated before

    PermissionDenied, NotNow.
    """
    if not by.has_perm("annotations.annotate_image"):
        raise PermissionDenied("You may not have images annotated.")
    if kind not in {BatchType.ANNOTATE, BatchType.WARM_CACHE}:
        raise NotNow("A batch over images annotates them, or asks ahead.")
    ai_jobs.check_names([provider, *fallbacks])
    said: dict[str, Any] = {
        "provider": provider,
        "model": model,
        "fallbacks": list(fallbacks),
        "collection": str(collection) if collection else None,
        "images": [str(key) for key in images],
        "unannotated_only": unannotated_only,
    }
    count = chosen(said)[: MOST_IMAGES + 1].count()
    if not count:
        raise NotNow("No image fits: they are annotated already, archived, or not there.")
    job = BatchJob(job_type=kind, user=by, parameters=said, item_count=count, max_retries=_RETRIES)
    BatchJob.objects.enqueue([job])
    record("batch.requested", by=by, subject=job, details={"type": str(kind), "items": count})
    return job


def chosen(said: dict[str, Any]) -> QuerySet[Image]:
    """The images that a batch's parameters name, in the order of their keys."""
    rows = Image.objects.exclude(analysis_status="archived").order_by("id")
    if said.get("images"):
        rows = rows.filter(pk__in=said["images"])
    if said.get("collection"):
        rows = rows.filter(collection_member__collection_id=said["collection"])
    if said.get("unannotated_only"):
        rows = rows.exclude(
            annotations__vision_generated=True,
            annotations__vision_provider=said.get("provider", "local"),
        )
    return rows


class NobodyAnswers(GiveUp):
    """No image that follows would fare better: the batch ends here, and goes on when retried."""


Doing = Callable[[BatchJob, Image, User], None]


def run(job: BatchJob, *, ask_ahead: Doing) -> None:
    """Do what the batch asks for."""
    match job.job_type:
        case BatchType.APPROVE | BatchType.REJECT:
            _decide(job)
        case BatchType.ANNOTATE:
            _for_each_image(job, _ask)
        case BatchType.WARM_CACHE:
            _for_each_image(job, ask_ahead, step=_ASKED_STEP)
        case BatchType.RECALIBRATE:
            _recalibrate(job)
        case other:
            raise GiveUp(f"Nobody knows how to do a batch of the kind {other!r}.")


def _decide(job: BatchJob) -> None:
    try:
        filters = Filters.from_json(job.parameters.get("filters", {}))
    except ValueError as error:
        raise GiveUp(str(error)) from None
    approves = job.job_type == BatchType.APPROVE
    decision = Decision.APPROVED if approves else Decision.REJECTED
    done = job.done_count
    for count, last in bulk.decide_all(
        filters,
        decision,
        by=_person(job, "annotations.review_annotation"),
        reason=job.parameters.get("reason", ""),
        batch_id=job.pk,
        after=job.resume_after,
    ):
        done += count
        _note(job, done=done, last=last)
        raise_if_cancelled(job)
    _finish(job)


def _for_each_image(job: BatchJob, do: Doing, *, step: int | None = None) -> None:
    person = _person(job, "annotations.annotate_image")
    done, failed = job.done_count, job.error_count
    after = job.resume_after
    while True:
        rows = chosen(job.parameters)
        if after is not None:
            rows = rows.filter(pk__gt=after)
        images = list(rows[: step or _STEP])
        if not images:
            break
        for image in images:
            try:
                do(job, image, person)
            except (NobodyAnswers, RetryAfter):
                _note_stop(job, done=done, failed=failed, last=after)
                raise
            except (AnnotationError, GiveUp) as error:
                failed += 1
                _note_error(job, error, image)
            done += 1
            after = image.pk
        _note(job, done=done, failed=failed, last=images[-1].pk)
        raise_if_cancelled(job)
    _finish(job)


def _ask(job: BatchJob, image: Image, person: User) -> None:
    said = job.parameters
    ai_jobs.ask(
        image,
        by=person,
        provider=said.get("provider", "local"),
        model=said.get("model", ""),
        fallbacks=said.get("fallbacks", ()),
        priority=max(1, job.priority - 1),
        batch=job,
    )


def _recalibrate(job: BatchJob) -> None:
    """Each model for itself; begun anew where it stopped, since repeating does no harm."""
    person = _person(job, "annotations.change_imagecollection")
    failed = 0
    for done, of in enumerate(recalibrating.known()):
        try:
            with acting_as_system():
                for ranked in recalibrating.learn(of, by=person):
                    report_progress(
                        job, done=done, total=job.item_count, message=f"{of}: {ranked:,} ranked"
                    )
                    raise_if_cancelled(job)
        except NotEnoughKnown as error:
            failed += 1
            _note_error(job, error)
        with holding(job):
            BatchJob.objects.filter(pk=job.pk).update(done_count=done + 1, error_count=failed)
    _finish(job)


def _person(job: BatchJob, needs: str) -> User:
    """Who asked for it; GiveUp for who may not work here, or not do this, any more."""
    person = User.objects.filter(pk=job.user_id, is_active=True).first()
    if person is None:
        raise GiveUp("Whoever asked for this batch may not work here any more.")
    if not person.has_perm(needs):
        raise GiveUp(
            f"{person} asked for this batch, but has no right to it any more. Somebody who has can"
            " ask for it anew; what was done stays."
        )
    return person


def _note(job: BatchJob, *, done: int, last: UUID, failed: int = 0) -> None:
    with holding(job):
        BatchJob.objects.filter(pk=job.pk).update(
            done_count=done, error_count=failed, resume_after=last
        )
    report_progress(job, done=done, total=job.item_count, message=f"{done:,} done")


def _note_stop(job: BatchJob, *, done: int, failed: int, last: UUID | None) -> None:
    """How far it came until it has to wait; one that came further has all its attempts again."""
    came_further = done > job.done_count
    with holding(job):
        BatchJob.objects.filter(pk=job.pk).update(
            done_count=done,
            error_count=failed,
            resume_after=last,
            **({"retry_count": 0} if came_further else {}),
        )


def _note_error(job: BatchJob, error: Exception, image: Image | None = None) -> None:
    with holding(job):
        BatchJobError.objects.create(
            job=job,
            image_id=image.pk if image else None,
            error_code=type(error).__name__[:40],
            error_message=str(error)[:2000],
        )


def _finish(job: BatchJob) -> None:
    with holding(job, finish=True):
        counted = BatchJob.objects.values("done_count", "error_count").get(pk=job.pk)
        record(
            "batch.completed",
            by=job.user_id,
            subject=job,
            outcome="partial" if counted["error_count"] else "success",
            details={"type": job.job_type} | counted,
        )
