"""The site's addresses."""

from django.contrib import admin
from django.urls import include, path

from jobs.admin.any_job import register_missing
from jobs.metrics import metrics

# Every app has registered its queues and its pages by now.
register_missing(admin.site)

urlpatterns = [
    path("metrics", metrics, name="metrics"),
    # The packages' endpoints stand before this line: path("api/v1/", include("imaging.api.urls")).
    path("api/v1/", include("accounts.api.urls")),
    path("api/v1/", include("providers.api.urls")),
    path("api/v1/", include("ingestion.api.urls")),
    path("api/v1/", include("imaging.api.urls")),
    path("api/v1/", include("annotations.api.urls")),
    path("api/v1/", include("monitoring.api.urls")),
    path("api/", include("config.api.urls")),
    path("", admin.site.urls),
]
