"""The site's addresses."""

from django.contrib import admin
from django.urls import path

from jobs.admin.any_job import register_missing
from jobs.metrics import metrics

# Every app has registered its queues and its pages by now.
register_missing(admin.site)

urlpatterns = [path("metrics", metrics, name="metrics"), path("", admin.site.urls)]
