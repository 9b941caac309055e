"""The one job engine: queues as tables, claims with leases, retries, the schedule, the worker."""

from django.apps import AppConfig
from django.utils.module_loading import import_string

from config.health import ADVISORY
from config.logs import CONTEXT
from jobs import audited
from jobs.context import for_logs


class JobsConfig(AppConfig):
    """Registers the engine's own work, and the checks of how the queues stand."""

    name = "jobs"
    verbose_name = "Jobs"

    def ready(self) -> None:
        audited.declare()
        if for_logs not in CONTEXT:
            CONTEXT.append(for_logs)
        # What follows reads tables, so its modules can only be loaded now.
        for check in ("workers", "oldest_job", "horizon", "dead_rows"):
            ADVISORY[check] = import_string(f"jobs.health.{check}")
        import_string("jobs.system_settings.define")
        import_string("jobs.kinds.RECURRING")
        import_string("jobs.schedule.own.ENTRIES")
