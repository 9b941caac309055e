"""What the API of annotations says to programs: scopes of keys, and refusals as problems."""

from __future__ import annotations

from typing import Final

from annotations import errors
from config.api.problems import CONFLICT, INVALID, ProblemType, register_problem
from config.api.scopes import declare_scope

READ: Final = "read:annotations"
WRITE: Final = "write:annotations"
REVIEW: Final = "review:annotations"
ANNOTATE: Final = "annotate:images"

CHANGED: Final = ProblemType(
    "changed-meanwhile",
    409,
    "The annotation was changed or decided meanwhile",
    "The version in the request is not the present one. Read the annotation again, look at what"
    " changed, and decide anew. Nothing of the request was stored.",
)
HELD: Final = ProblemType(
    "held-by-other",
    409,
    "Another reviewer has the annotation open",
    "Go on with the next; the detail says until when it is held at the latest.",
)
REVIEWED_BEFORE: Final = ProblemType(
    "reviewed-before",
    409,
    "The same person decided at an earlier stage",
    "Each stage is another reviewer's. Go on with the next.",
)


def declare() -> None:
    """Make them known; ``AppConfig.ready`` calls it."""
    declare_scope(READ, "See annotations, their versions, reviews, AI jobs and batches.")
    declare_scope(WRITE, "Mark things in images; change annotations and collections.")
    declare_scope(REVIEW, "Approve and reject annotations, one by one and in bulk.")
    declare_scope(ANNOTATE, "Have images annotated by AI providers.")
    register_problem(errors.ChangedMeanwhile, CHANGED)
    register_problem(errors.LookedAtByOther, HELD)
    register_problem(errors.ReviewedBefore, REVIEWED_BEFORE)
    register_problem(errors.NothingToUndo, CONFLICT)
    register_problem(errors.NotNow, CONFLICT)
    register_problem(errors.BoxRefused, INVALID)
    register_problem(errors.LabelRefused, INVALID)
    register_problem(errors.CommentRefused, INVALID)
