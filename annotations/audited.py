"""What the audit log records of annotations and their review."""

from __future__ import annotations

from audit.registry import Action, register, register_guarded


def declare() -> None:
    """Add the actions to the registry."""
    register_guarded("annotation")
    register_guarded("review")
    register_guarded("review_extra")
    register_guarded("collection", word="config_change")
    register_guarded("collection_image")
    register_guarded("calibration", word="config_change")
    register_guarded("cached_answer")
    register(
        Action("annotation.made", "A person marked something in an image."),
        Action("annotation.proposed", "An AI provider's boxes were stored."),
        Action("annotation.edited", "The box or the label of an annotation was changed."),
        Action("annotation.approved", "A reviewer approved an annotation."),
        Action("annotation.rejected", "A reviewer rejected an annotation."),
        Action("annotation.reopened", "A decision on an annotation was taken back."),
        Action("annotation.removed", "An annotation was removed."),
        Action("annotation.made_known", "An annotation became a check with a known answer."),
        Action("annotation.made_unknown", "An annotation is no check of reviewers any more."),
        Action("annotation.checked", "A reviewer was checked with a known or decided annotation."),
        Action("ai_job.requested", "An AI provider was asked about an image."),
        Action("ai_job.failed", "An AI provider gave no usable answer."),
        Action("batch.requested", "Work on many images was queued."),
        Action("batch.completed", "Work on many images ended."),
        Action("annotations.exported", "Annotations were handed out in a file."),
        Action("annotations.imported", "Annotations were taken in from a file."),
        Action("collection.created", "A collection of images was made."),
        Action("collection.changed", "A collection of images, or its review, was changed."),
        Action("calibration.fitted", "What a provider's confidence means was learned anew."),
        Action("calibration.withdrawn", "A provider's confidence was taken at its word again."),
        Action("answer.erased", "What a provider was asked and answered was erased."),
        Action("cache.swept", "A function of the database removed entries of caches."),
        Action("cache.measured", "The figures of the cache by day were brought up to date."),
    )
