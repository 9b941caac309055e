"""Reads: filters that chain."""

from __future__ import annotations

from typing import TypeVar

from django.db import models

I = TypeVar("I", bound=models.Model, covariant=True)  # noqa: E741 - an image


class ImageQuerySet(models.QuerySet[I]):
    """Questions about many images."""

    def newest_first(self) -> ImageQuerySet[I]:
        """The order of the image list."""
        return self.order_by("-created_at", "-id")

    def with_status(self, status: str) -> ImageQuerySet[I]:
        """Those that stand there on their way through analysis."""
        return self.filter(analysis_status=status)
