"""Images and what their negative space says."""

from django.apps import AppConfig
from django.conf import settings
from django.utils.module_loading import import_string

from imaging import audited
from imaging.vision import LocalProvider
from providers import registry


class ImagingConfig(AppConfig):
    """Images, analyses, the processing queue and the cache."""

    name = "imaging"
    verbose_name = "Images"

    def ready(self) -> None:
        audited.declare()
        import_string("imaging.api.declared.declare")()
        import_string("imaging.unowned.declare")()
        registry.register(LocalProvider(settings.LACUNA_HOME / "models"))
        # The models exist only now; the settings, the job kind and the schedule need them.
        from imaging import kinds, schedule, system_settings  # noqa: F401, PLC0415 - see above
