"""AI providers, their keys, health, quotas, prices and usage."""

from django.apps import AppConfig
from django.utils.module_loading import import_string


class ProvidersConfig(AppConfig):
    """Who may be asked for annotations, and what it costs."""

    name = "providers"
    verbose_name = "Providers"

    def ready(self) -> None:
        """Tell the audit log and the schedule what there is."""
        import_string("providers.audited.declare")()
        import_string("providers.system_settings.define")
        import_string("providers.schedule.CHECK_PROVIDERS")
        import_string("providers.api.declared.declare")()
