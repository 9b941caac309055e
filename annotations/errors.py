"""The refusals this package can answer with: sentences fit for whoever asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from annotations.models import Annotation


class AnnotationError(Exception):
    """Something was refused; the text says what, and what to do."""


class BoxRefused(AnnotationError):
    """A box that is no box: not inside the picture, without size, or not numbers."""


class LabelRefused(AnnotationError):
    """A label that is not text, too long, or not one of the collection's."""


class CommentRefused(AnnotationError):
    """A comment that is not plain text, or too long."""


class NotNow(AnnotationError):
    """The state of the annotation or job does not allow it at the moment."""


class ChangedMeanwhile(AnnotationError):
    """Somebody else changed or decided it; ``current`` is how it stands now.

    What the caller wanted to write is still theirs: nothing of it was stored or lost.
    """

    def __init__(self, current: Annotation, sentence: str) -> None:
        super().__init__(sentence)
        self.current = current


class LookedAtByOther(AnnotationError):
    """Another reviewer has it open."""


class ReviewedBefore(AnnotationError):
    """The stages of one annotation are decided by different people."""


class NothingToUndo(AnnotationError):
    """The reviewer decided nothing yet, or what they decided was changed since."""
