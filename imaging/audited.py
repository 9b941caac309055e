"""What the audit log records of images and their analyses."""

from __future__ import annotations

from audit.registry import Action, register, register_guarded


def declare() -> None:
    """Add the actions to the registry."""
    register_guarded("image", word="create_image", deleted="delete_image")
    register_guarded("result")
    register_guarded("earlier_result")
    register_guarded("cached_result")
    register(
        Action("image.uploaded", "An image was handed in and stored.", "create_image"),
        Action("image.uploaded_again", "The bytes of a stored image were handed in again."),
        Action("image.archived", "An image was put away; its waiting jobs were cancelled."),
        Action("image.duplicate_dismissed", "An image only looks like another, somebody said."),
        Action("image.metadata_changed", "What is noted of an image beside its file was changed."),
        Action("image.duplicate_marked", "An image is another one again, somebody said."),
        Action("analysis.requested", "An analysis was queued.", "run_analysis"),
        Action("analysis.completed", "A result was put in force.", "run_analysis"),
        Action("analysis.failed", "An analysis failed for good.", "run_analysis"),
        Action("result.noted", "The note on a result was written or removed."),
        Action("result.viewed", "A person opened the page of a result.", "view_results"),
        Action("job.prioritised", "A waiting job was moved in line."),
        Action("cache.cleaned", "Cached analyses were removed."),
    )
