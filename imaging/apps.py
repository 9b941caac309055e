"""Images and what their negative space says."""

from django.apps import AppConfig


class ImagingConfig(AppConfig):
    """Images, analyses, the processing queue and the cache."""

    name = "imaging"
    verbose_name = "Images"
