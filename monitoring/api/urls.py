"""The addresses of monitoring, below ``/api/v1/``."""

from config.api.routers import Router
from monitoring.api import (
    alerts,
    analyses,
    anomalies,
    configurations,
    datasets,
    maps,
    metrics,
    rules,
    samples,
    silences,
)

router = Router()
router.register("datasets", datasets.DatasetViewSet, basename="dataset")
router.register("analyses", analyses.AnalysisViewSet, basename="analysis")
router.register("configurations", configurations.ConfigurationViewSet, basename="configuration")
router.register("maps", maps.MapViewSet, basename="map")
router.register("monitor-samples", samples.SampleViewSet, basename="monitor-sample")
router.register("anomalies", anomalies.AnomalyViewSet, basename="anomaly")
router.register("alert-rules", rules.AlertRuleViewSet, basename="alert-rule")
router.register("alerts", alerts.AlertViewSet, basename="alert")
router.register("silences", silences.SilenceViewSet, basename="silence")
router.register(
    "performance-metrics", metrics.PerformanceMetricViewSet, basename="performance-metric"
)

urlpatterns = router.urls
