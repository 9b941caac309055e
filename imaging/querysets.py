"""Reads: filters that chain."""

from __future__ import annotations

from typing import TypeVar

from django.db import models

ImageT_co = TypeVar("ImageT_co", bound=models.Model, covariant=True)


class ImageQuerySet(models.QuerySet[ImageT_co]):
    """Questions about many images."""

    def newest_first(self) -> ImageQuerySet[ImageT_co]:
        """The order of the image list."""
        return self.order_by("-created_at", "-id")

    def with_status(self, status: str) -> ImageQuerySet[ImageT_co]:
        """Those that stand there on their way through analysis."""
        return self.filter(analysis_status=status)
