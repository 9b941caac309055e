"""Datasets and what belongs to them, without computing anything."""

from __future__ import annotations

import itertools
from typing import Any

from accounts.models import User
from monitoring.models import (
    Analysis,
    AnalysisStatus,
    AnalysisType,
    Anomaly,
    BaselineMap,
    Dataset,
    MapConfig,
)
from tests.factories.accounts import make_user
from tests.factories.ingestion import make_file

_numbers = itertools.count(1)


def make_dataset(user: User | None = None, **fields: Any) -> Dataset:
    """A dataset of somebody."""
    values = {"user": user or make_user(), "name": f"Press {next(_numbers)}"}
    return Dataset.objects.create(**(values | fields))


def make_map(user: User | None = None, **fields: Any) -> BaselineMap:
    """Three places without what it takes to place samples."""
    values: dict[str, Any] = {
        "config": fields.get("config") or MapConfig.objects.create(),
        "x_values": [0.0, 1.0, 0.5],
        "y_values": [0.0, 0.0, 1.0],
        "row_count": 3,
        "features": ["f_0", "f_1"],
    }
    values["file_upload"] = fields.get("file_upload") or make_file(user)
    values["user"] = values["file_upload"].user
    return BaselineMap.objects.create(**(values | fields))


def make_analysis(dataset: Dataset | None = None, **fields: Any) -> Analysis:
    """A placing that is done; of a dataset of its own unless one is given."""
    dataset = dataset or make_dataset()
    values: dict[str, Any] = {
        "dataset": dataset,
        "user": dataset.user,
        "created_by": dataset.user,
        "analysis_type": AnalysisType.PLACE,
        "status": AnalysisStatus.COMPLETED,
        "results": {"rows": 2},
    }
    if "file_upload" not in fields:
        values["file_upload"] = make_file(dataset.user)
    if "dinsight" not in fields:
        values["dinsight"] = make_map(dataset.user)
    return Analysis.objects.create(**(values | fields))


def make_anomaly(analysis: Analysis | None = None, **fields: Any) -> Anomaly:
    """A sample that left the healthy region a little."""
    analysis = analysis or make_analysis()
    values: dict[str, Any] = {
        "analysis": analysis,
        "dataset": analysis.dataset,
        "user": analysis.user,
        "severity": "low",
        "distance": 2.5,
        "threshold": 2.0,
        "p_value": 0.01,
        "ratio": 1.1,
        "process_order": next(_numbers),
        "file_row": 1,
        "features": [{"name": "f_0", "value": 7.5, "deviation": 4.2}],
        "metadata": {"name": "a"},
    }
    return Anomaly.objects.create(**(values | fields))
