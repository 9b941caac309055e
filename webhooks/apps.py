"""Events that other systems are told of."""

from django.apps import AppConfig
from django.utils.module_loading import import_string


class WebhooksConfig(AppConfig):
    """Who is told of what, and what became of it."""

    name = "webhooks"
    verbose_name = "Webhooks"

    def ready(self) -> None:
        """Tell the audit log and the job engine what there is."""
        import_string("webhooks.audited.declare")()
        import_string("webhooks.kinds.WEBHOOKS")
