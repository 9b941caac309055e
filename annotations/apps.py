"""Annotations and their review."""

from django.apps import AppConfig
from django.utils.module_loading import import_string


class AnnotationsConfig(AppConfig):
    """What is in the pictures, who says so, and how good they are at it."""

    name = "annotations"
    verbose_name = "Annotations"

    def ready(self) -> None:
        """Tell the audit log, the settings and the job engine what there is."""
        import_string("annotations.audited.declare")()
        import_string("annotations.events.declare")()
        import_string("annotations.api.declared.declare")()
        import_string("annotations.system_settings.define")
        import_string("annotations.kinds.AI")
        import_string("annotations.schedule.CLEANUP_ANNOTATIONS")
