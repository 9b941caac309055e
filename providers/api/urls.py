"""The addresses of AI providers, below ``/api/v1/``."""

from django.urls import path

from config.api.routers import Router
from providers.api import keys, providers, quotas, usage

router = Router()
router.register("providers", providers.ProviderViewSet, basename="provider")
router.register("provider-keys", keys.ProviderKeyViewSet, basename="provider-key")
router.register("usage", usage.UsageViewSet, basename="usage")
router.register("usage-by-day", usage.UsageByDayViewSet, basename="usage-by-day")
router.register("quotas", quotas.QuotaViewSet, basename="quota")

urlpatterns = [*router.urls, path("spending/", usage.Spending.as_view(), name="spending")]
