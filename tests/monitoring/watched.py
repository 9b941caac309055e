"""A small machine: files of it that were handed in, and jobs as a worker holds them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from django.utils import timezone
from numpy.typing import ArrayLike

from accounts.models import User
from ingestion.actions import uploads
from ingestion.models import FileUpload
from jobs.context import current
from monitoring import handlers
from monitoring.actions import configuring, requesting
from monitoring.models import Analysis, BaselineMap, Dataset, MapConfig
from tests.monitoring.rows import Numbers, cloud

COLUMNS = 6


def csv(rows: Numbers, groups: Sequence[str] = ("a", "b")) -> str:
    """A file with a number and a group before the features."""
    names = [f"f_{place}" for place in range(rows.shape[1])]
    lines = ["segID,participant," + ",".join(names)]
    for number, row in enumerate(rows.tolist(), 1):
        group = groups[number % len(groups)]
        lines.append(f"{number},{group}," + ",".join(f"{value:.5g}" for value in row))
    return "\n".join(lines) + "\n"


def handed_in(text: str, by: User, name: str = "press.csv") -> FileUpload:
    """The file as its owner uploaded it."""
    file = uploads.upload(io.BytesIO(text.encode()), name, by=by).file
    assert file.status == "ready", file.error_message
    return file


def healthy(by: User, rows: int = 120, **options: Any) -> FileUpload:
    """A file of the healthy machine."""
    return handed_in(csv(cloud(rows, COLUMNS), **options), by, "healthy.csv")


def samples(by: User, rows: int = 20, broken: int = 0, seed: int = 5) -> FileUpload:
    """New samples, of which the last ones are far away in f_3."""
    table = cloud(rows, COLUMNS, seed)
    if broken:
        table[-broken:, 3] += 40
    return handed_in(csv(table), by, f"samples-{seed}.csv")


def config(by: User, **values: Any) -> MapConfig:
    """Parameters for the small machine."""
    usual = {"end_dim": f"f_{COLUMNS - 1}", "imax": 30, "mode": "pca", "seed": 7}
    return configuring.configure(usual | values, by=by)


def taken(analysis: Analysis) -> Analysis:
    """The analysis as a worker holds it."""
    Analysis.objects.filter(pk=analysis.pk).update(
        status="processing",
        attempt=analysis.attempt + 1,
        worker_id="a test",
        started_at=timezone.now(),
    )
    return Analysis.objects.get(pk=analysis.pk)


def worked_on(analysis: Analysis) -> Analysis:
    """Run it as a worker would; returns how it stands then."""
    held = taken(analysis)
    token = current.set(("monitoring", held))
    try:
        handlers.run(held)
    finally:
        current.reset(token)
    return Analysis.objects.get(pk=analysis.pk)


def fitted(dataset: Dataset, by: User, **values: Any) -> BaselineMap:
    """A map of the healthy machine."""
    config(by, **values)
    done = worked_on(requesting.request_fit(dataset, healthy(by), by=by).analysis)
    assert done.dinsight is not None
    return done.dinsight


def close(one: ArrayLike, other: ArrayLike) -> bool:
    """Whether two lists hold the same numbers, to the last bit."""
    return bool(np.array_equal(np.asarray(one, float), np.asarray(other, float)))
