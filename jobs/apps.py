"""The one job engine: queues as tables, claims with leases, retries, and the worker."""

from django.apps import AppConfig
from django.utils.module_loading import import_string

from config.health import ADVISORY


class JobsConfig(AppConfig):
    """Registers the check that somebody works on what waits."""

    name = "jobs"
    verbose_name = "Jobs"

    def ready(self) -> None:
        # The check reads tables, so its module can only be loaded now.
        ADVISORY["workers"] = import_string("jobs.health.workers")
