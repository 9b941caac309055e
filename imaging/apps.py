"""Images and what their negative space says."""

from django.apps import AppConfig


class ImagingConfig(AppConfig):
    """Images, analyses, the processing queue and the cache."""

    name = "imaging"
    verbose_name = "Images"

    def ready(self) -> None:
        # The models exist only now; the settings and the job kind need them.
        from imaging import kinds, system_settings  # noqa: F401, PLC0415
