"""Machines that are watched: maps of the healthy ones, and what leaves them."""

from django.apps import AppConfig
from django.utils.module_loading import import_string


class MonitoringConfig(AppConfig):
    """Datasets, their maps, the samples placed on them, and anomalies."""

    name = "monitoring"
    verbose_name = "Monitoring"

    def ready(self) -> None:
        """Tell the audit log, the settings and the job engine what there is."""
        import_string("monitoring.audited.declare")()
        import_string("monitoring.api.declared.declare")()
        import_string("monitoring.system_settings.define")
        import_string("monitoring.kinds.MONITORING")
        import_string("monitoring.schedule.ARCHIVE_MONITOR_DATA")
        import_string("monitoring.alert_events.declare")()
        import_string("monitoring.alert_work.LETTERS")
        import_string("monitoring.unowned.declare")()
