"""The addresses of images and their analyses, below ``/api/v1/``."""

from config.api.routers import Router
from imaging.api import cached_results, images, jobs, reports, results

router = Router()
router.register("images", images.ImageViewSet, basename="image")
router.register("results", results.ResultViewSet, basename="result")
router.register("earlier-results", results.EarlierResultViewSet, basename="earlier-result")
router.register("analysis-jobs", jobs.AnalysisJobViewSet, basename="analysis-job")
router.register("cached-results", cached_results.CachedResultViewSet, basename="cached-result")
for name, report in {
    "image-analysis-status": reports.ImageAnalysisStatusReport,
    "queue-status-summary": reports.QueueStatusReport,
    "analysis-performance-summary": reports.AnalysisPerformanceReport,
    "duplicate-images-report": reports.DuplicateImages,
    "user-activity-summary": reports.UserActivityReport,
}.items():
    router.register(f"reports/{name}", report, basename=f"report-{name}")

urlpatterns = router.urls
