"""The addresses of annotations and their review, below ``/api/v1/``."""

from annotations.api import (
    ai_jobs,
    annotations,
    batches,
    collections,
    known_answers,
    reports,
    reviews,
)
from config.api.routers import Router

router = Router()
router.register("annotations", annotations.AnnotationViewSet, basename="annotation")
router.register(
    "annotations/<uuid:annotation_id>/versions",
    annotations.VersionViewSet,
    basename="annotation-version",
)
router.register("reviews", reviews.ReviewViewSet, basename="review")
router.register("known-answers", known_answers.KnownAnswerViewSet, basename="known-answer")
router.register("collections", collections.CollectionViewSet, basename="collection")
router.register(
    "collections/<uuid:collection_id>/images",
    collections.MemberViewSet,
    basename="collection-image",
)
router.register("ai-jobs", ai_jobs.AiJobViewSet, basename="ai-job")
router.register("batches", batches.BatchViewSet, basename="batch")
router.register("batches/<uuid:batch_id>/errors", batches.BatchErrorViewSet, basename="batch-error")
for name, report in {
    "pending-ai-annotations": reports.PendingAiAnnotationReport,
    "ai-job-stats": reports.AiJobStatsReport,
    "reviewer-stats": reports.ReviewerStatsReport,
    "cache-stats": reports.CacheStatsReport,
}.items():
    router.register(f"reports/{name}", report, basename=f"report-{name}")

urlpatterns = router.urls
