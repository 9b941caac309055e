"""Files of numbers that people hand in."""

from django.apps import AppConfig
from django.utils.module_loading import import_string

from ingestion import audited


class IngestionConfig(AppConfig):
    """Uploaded files, how they are read, and what is in them."""

    name = "ingestion"
    verbose_name = "Files"

    def ready(self) -> None:
        """Tell the audit log, the API and the job engine what there is."""
        audited.declare()
        import_string("ingestion.api.declared.declare")()
        import_string("ingestion.kinds.FILE_CHECKS")
        import_string("ingestion.unowned.declare")()
