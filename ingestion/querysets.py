"""Reads: filters that chain."""

from __future__ import annotations

from typing import TypeVar

from django.db import models

FileT_co = TypeVar("FileT_co", bound=models.Model, covariant=True)


class FileUploadQuerySet(models.QuerySet[FileT_co]):
    """Questions about many files."""

    def newest_first(self) -> FileUploadQuerySet[FileT_co]:
        """The order of the list."""
        return self.order_by("-created_at", "-id")

    def with_status(self, status: str) -> FileUploadQuerySet[FileT_co]:
        """Those that stand there."""
        return self.filter(status=status)
