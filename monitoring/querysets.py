"""Reads: filters that chain."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from django.db import models

from jobs.querysets import JobQuerySet

if TYPE_CHECKING:
    from monitoring.models import Analysis

DatasetT_co = TypeVar("DatasetT_co", bound=models.Model, covariant=True)
AnalysisT_co = TypeVar("AnalysisT_co", bound="Analysis", covariant=True)
AnomalyT_co = TypeVar("AnomalyT_co", bound=models.Model, covariant=True)


class DatasetQuerySet(models.QuerySet[DatasetT_co]):
    """Questions about many datasets."""

    def active(self) -> DatasetQuerySet[DatasetT_co]:
        """Those that take analyses."""
        return self.filter(is_active=True)

    def newest_first(self) -> DatasetQuerySet[DatasetT_co]:
        """The order of the list."""
        return self.order_by("-created_at", "-id")


class AnalysisQuerySet(JobQuerySet[AnalysisT_co]):
    """Questions about many analyses."""

    def fits(self) -> AnalysisQuerySet[AnalysisT_co]:
        """Those that made a map."""
        return self.filter(analysis_type="fit", status="completed")

    def newest_first(self) -> AnalysisQuerySet[AnalysisT_co]:
        """The order of the list."""
        return self.order_by("-created_at", "-id")


class AnomalyQuerySet(models.QuerySet[AnomalyT_co]):
    """Questions about many anomalies."""

    def open(self) -> AnomalyQuerySet[AnomalyT_co]:
        """Those that nobody has seen yet."""
        return self.filter(acknowledged=False)

    def newest_first(self) -> AnomalyQuerySet[AnomalyT_co]:
        """The order of the list."""
        return self.order_by("-timestamp", "-id")
