"""What workers do with the jobs of annotations."""

from __future__ import annotations

import time
from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from uuid import UUID

import structlog

from accounts.models import User
from annotations import sending
from annotations.actions import ai_jobs, batches, vision_cache
from annotations.models import AiAnnotationJob, BatchJob
from audit.recording import record
from imaging.analysis import ImageRefused
from imaging.errors import SourceLost
from imaging.models import AnalysisStatus, Image
from imaging.originals import read_original
from jobs.lease import holding, raise_if_cancelled, report_progress
from jobs.retry import GiveUp, RetryAfter
from providers import prompts, registry
from providers.actions import asking
from providers.errors import NotAnswered
from providers.interface import Answer, Picture, Prompt, Provider, Schema
from providers.models import Provider as ProviderRow

log = structlog.get_logger(__name__)

_STEPS = 3
# Why nobody answered that lies with no single image: by the codes of ``providers.errors.Reason``.
_NOT_THE_IMAGE_S = frozenset(
    {
        "budget",
        "busy",
        "key_refused",
        "late",
        "no_key",
        "not_installed",
        "off",
        "paused",
        "price_unknown",
        "unknown",
    }
)
# However soon a provider says it may be asked again, a queue is not a loop.
_SHORTEST_WAIT = 5.0


def annotate(job: AiAnnotationJob) -> None:
    """Ask a provider about the job's image, or take the answer from the cache, and store the boxes.

    What was paid for is in the cache before it is anywhere else: a worker that dies in between
    finds it there when the job is run again.
    """
    image = Image.objects.filter(pk=job.image_id).first()
    if image is None:
        raise GiveUp("The image was removed while its job waited.")
    _refuse_archived(image)
    question = _Question(image, *_question(image.pk))
    report_progress(job, done=0, total=_STEPS, message="preparing the picture")
    try:
        if not _from_cache(job, question):
            _ask(job, question)
    except ImageRefused as error:
        raise GiveUp(f"{image.file_name}: {error.reason}") from error


class _Question:
    """An image with what is asked about it; the picture for each provider is made once."""

    def __init__(self, image: Image, prompt: Prompt, schema: Schema) -> None:
        self.image, self.prompt, self.schema = image, prompt, schema
        self.data = read_original(image)
        self.picture = cache(self._picture)

    def _picture(self, name: str) -> Picture:
        return sending.picture_for(registry.adapter(name), self.data, self.image.mime_type)

    def key(self, name: str, model: str) -> str:
        return vision_cache.key_of(self.picture(name), model, self.prompt, self.schema)

    def keep(self, told: asking.Told) -> None:
        """In the transaction that settles the bill: who has paid has the answer."""
        vision_cache.keep(
            self.key(told.provider.name, told.model),
            told.provider.name,
            told.answer,
            prompt=self.prompt,
            schema=self.schema,
            image_id=self.image.pk,
            milliseconds=told.duration_ms,
        )


def ask_ahead(batch: BatchJob, image: Image, person: User) -> None:
    """Put a provider's answer into the cache and propose nothing; GiveUp if there is none.

    RetryAfter and NobodyAnswers where there would be none for the images that follow either.
    """
    said = batch.parameters
    name = said.get("provider", "local")
    row = ProviderRow.objects.filter(name=name).first()
    if row is None:
        raise GiveUp(f"There is no provider {name!r:.60}.")
    model = said.get("model") or row.default_model
    try:
        question = _Question(image, *_question(image.pk))
        if vision_cache.look_up(question.key(row.name, model), row.name) is not None:
            return
        asking.ask(
            person.pk,
            lambda adapter: question.picture(adapter.name),
            question.prompt,
            question.schema,
            purpose=f"batch {batch.pk}",
            choices=[asking.Choice(row.name, model)],
            keep=question.keep,
        )
    except NotAnswered as error:
        _stop_where_no_image_is_answered(image, error)
        raise GiveUp(f"{image.file_name}: {error}") from error
    except (ImageRefused, SourceLost, registry.NotInstalled) as error:
        raise GiveUp(f"{image.file_name}: {error}") from error


def _stop_where_no_image_is_answered(image: Image, error: NotAnswered) -> None:
    """With a budget that is spent, or a provider that is paused, the next image fares no better."""
    if not {reason.code for reason in error.reasons} <= _NOT_THE_IMAGE_S:
        return
    if error.wait is None:
        raise batches.NobodyAnswers(str(error)) from error
    raise RetryAfter(max(error.wait, _SHORTEST_WAIT), f"{image.file_name}: {error}") from error


def run_batch(job: BatchJob) -> None:
    """A batch, item by item."""
    batches.run(job, ask_ahead=ask_ahead)


def _question(image_id: UUID) -> tuple[Prompt, Schema]:
    allowed = ai_jobs.allowed_labels(image_id)
    return prompts.birds(tuple(allowed)) if allowed else prompts.birds(), prompts.boxes()


def _choices(job: AiAnnotationJob) -> list[asking.Choice]:
    return [asking.Choice(job.provider, job.model), *map(asking.Choice, job.fallbacks)]


def _from_cache(job: AiAnnotationJob, question: _Question) -> bool:
    """Whether an answer that was paid for before could be stored; the providers in their order."""
    rows = {row.name: row for row in ProviderRow.objects.all()}
    for choice in _choices(job):
        row = rows.get(choice.provider)
        if row is None or not row.is_enabled:
            continue
        model = choice.model or row.default_model
        try:
            key = question.key(choice.provider, model)
        except registry.NotInstalled:
            continue
        entry = vision_cache.look_up(key, choice.provider)
        if entry is None:
            continue
        started = time.monotonic()
        with holding(job, finish=True):
            vision_cache.note_use([entry.pk])
            _store(
                job,
                question,
                vision_cache.answer_of(entry),
                provider=choice.provider,
                cost=Decimal(0),
                milliseconds=_since(started),
                from_cache=True,
            )
        return True
    return False


def _ask(job: AiAnnotationJob, question: _Question) -> None:
    raise_if_cancelled(job)
    report_progress(job, done=1, total=_STEPS, message=f"asking {job.provider}")

    def picture(adapter: Provider) -> Picture:
        return question.picture(adapter.name)

    def note_hold(hold: UUID) -> None:
        AiAnnotationJob.objects.filter(pk=job.pk, attempt=job.attempt).update(hold_id=hold)

    if job.user_id is None:
        raise GiveUp("The job names nobody for whom a provider is asked: set user_id.")
    try:
        told = asking.ask(
            job.user_id,
            picture,
            question.prompt,
            question.schema,
            purpose=f"AI job {job.pk}",
            choices=_choices(job),
            on_hold=note_hold,
            keep=question.keep,
        )
    except NotAnswered as error:
        _give_up_or_wait(job, error)
        raise
    report_progress(job, done=2, total=_STEPS, message="storing what was found")
    with holding(job, finish=True):
        _store(
            job,
            question,
            told.answer,
            provider=told.provider.name,
            cost=told.cost,
            milliseconds=told.duration_ms,
            from_cache=False,
            remarks=[reason.sentence for reason in told.passed_over],
        )
    log.info("image annotated", image_id=str(question.image.pk), provider=told.provider.name)


def _store(
    job: AiAnnotationJob,
    question: _Question,
    answer: Answer,
    *,
    provider: str,
    cost: Decimal,
    milliseconds: int,
    from_cache: bool,
    remarks: Sequence[str] = (),
) -> None:
    image = Image.objects.filter(pk=job.image_id).first()
    if image is None:
        raise GiveUp("The image was removed while its job ran.")
    _refuse_archived(image)
    ai_jobs.store(
        job,
        answer,
        provider=provider,
        prompt=question.prompt,
        schema=question.schema,
        cost=cost,
        milliseconds=milliseconds,
        from_cache=from_cache,
        remarks=remarks,
    )


def _refuse_archived(image: Image) -> None:
    if image.analysis_status == AnalysisStatus.ARCHIVED:
        raise GiveUp(f"{image.file_name} is archived; an archived image is not annotated.")


def _give_up_or_wait(job: AiAnnotationJob, error: NotAnswered) -> None:
    """Say why on the job; try again where waiting helps, as long as the job may."""
    code = error.reasons[-1].code if error.reasons else "off"
    with holding(job):
        AiAnnotationJob.objects.filter(pk=job.pk).update(error_code=code[:40])
        record(
            "ai_job.failed",
            by=job.user_id,
            subject=("image", str(job.image_id)),
            outcome="failure",
            details={"job": str(job.pk), "reasons": [one.code for one in error.reasons]},
        )
    if error.wait is None:
        raise GiveUp(str(error)) from error
    raise RetryAfter(max(error.wait, _SHORTEST_WAIT), str(error)) from error


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
