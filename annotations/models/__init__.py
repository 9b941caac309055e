"""The tables of annotations and their review."""

from annotations.models.ai_job import AiAnnotationJob, AiJobStatus
from annotations.models.annotation import (
    Annotation,
    AnnotationHistory,
    RejectionReason,
    ReviewStage,
    ReviewStatus,
)
from annotations.models.batch import BatchJob, BatchJobError, BatchStatus, BatchType
from annotations.models.calibration import ConfidenceCalibration
from annotations.models.collection import CollectionImage, ImageCollection
from annotations.models.exercise import Difficulty, Exercise, ExerciseAnswer, ExerciseType
from annotations.models.review import (
    AnnotationReview,
    Decision,
    ReviewClaim,
    ReviewExtra,
    ReviewKind,
    SavedView,
)
from annotations.models.vision_cache import VisionCacheEntry

__all__ = [
    "AiAnnotationJob",
    "AiJobStatus",
    "Annotation",
    "AnnotationHistory",
    "AnnotationReview",
    "BatchJob",
    "BatchJobError",
    "BatchStatus",
    "BatchType",
    "CollectionImage",
    "ConfidenceCalibration",
    "Decision",
    "Difficulty",
    "Exercise",
    "ExerciseAnswer",
    "ExerciseType",
    "ImageCollection",
    "RejectionReason",
    "ReviewClaim",
    "ReviewExtra",
    "ReviewKind",
    "ReviewStage",
    "ReviewStatus",
    "SavedView",
    "VisionCacheEntry",
]
