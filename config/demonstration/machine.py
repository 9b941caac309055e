"""A machine for the demonstration: readings of the space shuttle's radiators.

The readings are real and labelled (Statlog Shuttle, docs/demonstration.md says more); which of
them stand in which file, and in which order, is ours: a file of the healthy machine, and three days
on which it departs more and more.
"""

from __future__ import annotations

import csv
import gzip
import io
import random
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from accounts.models import User
from database.actor import acting_as
from ingestion.actions import uploads
from ingestion.models import FileUpload
from monitoring.actions import configuring, datasets, requesting, rules
from monitoring.models import Analysis, AnalysisStatus, AnalysisType, Dataset

NAME: Final = "Space shuttle radiators"
SENSORS: Final = tuple(f"sensor_{number}" for number in range(1, 10))
HEALTHY: Final = "shuttle_healthy.csv"
DAYS: Final = ("shuttle_monday.csv", "shuttle_tuesday.csv", "shuttle_wednesday.csv")

_HEALTHY_ROWS: Final = 1600
_ROWS_OF_A_DAY: Final = 400
# How many rows of the day depart, and from which row on they do.
_DEPARTURES: Final = ((0, 0), (8, 0), (70, 280))
_DESCRIPTION: Final = (
    "Nine sensors of the radiators of NASA's space shuttle. The column label says what is known of"
    " each reading; the map has never seen it. Statlog Shuttle, carried by the package river."
)

Reading = tuple[int, ...]  # the row in the source from 1, then a number for each sensor


def go_on(owner: User, *, configured_by: User) -> bool:
    """Do what can be done now; True once nothing is left to do.

    The first call stores the files, the rules and the request for a map. Later ones have the days
    placed on it, each after the one before, while a worker does its part.
    """
    with acting_as(owner.pk):
        found = Dataset.objects.filter(user=owner, name=NAME).first()
    if found is None:
        readings = _readings()
        if not readings:
            return True
        with acting_as(configured_by.pk):
            configuring.configure(
                {
                    "end_meta": "label",
                    "start_dim": SENSORS[0],
                    "end_dim": SENSORS[-1],
                    "group_column": "",
                },
                by=configured_by,
            )
        with acting_as(owner.pk):
            _begin(owner, readings)
        return False
    with acting_as(owner.pk):
        return _next_day(found, owner)


def is_carried() -> bool:
    """Whether the package with the readings is installed."""
    return _source() is not None


def files(readings: Sequence[tuple[Reading, bool]]) -> dict[str, bytes]:
    """The CSV files by name, the healthy one first; the same readings give the same bytes."""
    chance = random.Random(20)  # noqa: S311 - which rows are shown is no secret
    healthy = [reading for reading, departs in readings if not departs]
    departing = [reading for reading, departs in readings if departs]
    chance.shuffle(healthy)
    chance.shuffle(departing)
    made = {HEALTHY: _written([(healthy.pop(), False) for _ in range(_HEALTHY_ROWS)])}
    for name, (count, start) in zip(DAYS, _DEPARTURES, strict=True):
        places = set(chance.sample(range(start, _ROWS_OF_A_DAY), count))
        made[name] = _written(
            [
                (departing.pop(), True) if place in places else (healthy.pop(), False)
                for place in range(_ROWS_OF_A_DAY)
            ]
        )
    return made


def _begin(owner: User, readings: Sequence[tuple[Reading, bool]]) -> None:
    stored = {
        name: uploads.upload(io.BytesIO(content), name, by=owner).file
        for name, content in files(readings).items()
    }
    dataset = datasets.make(
        NAME, by=owner, description=_DESCRIPTION, tags=["demonstration", "shuttle"]
    )
    rules.make(
        dataset.pk,
        by=owner,
        name="Three readings in a row depart",
        condition={
            "condition": {"metric": "severity", "op": "gte", "value": "low"},
            "for": {"points": 3},
            "keep_firing_for": {"points": 50},
        },
        severity="high",
        actions=[{"type": "email", "to": [owner.email]}],
    )
    rules.make(
        dataset.pk,
        by=owner,
        name="A tenth of the last fifty readings depart",
        condition={
            "condition": {
                "metric": "window.anomaly_pct",
                "op": "gte",
                "value": 10,
                "window": {"points": 50},
            },
            "clear": {
                "metric": "window.anomaly_pct",
                "op": "lt",
                "value": 4,
                "window": {"points": 50},
            },
        },
        severity="critical",
        actions=[{"type": "email", "to": [owner.email]}],
    )
    requesting.request_fit(dataset, stored[HEALTHY], by=owner)


def _next_day(dataset: Dataset, owner: User) -> bool:
    """Have the next day placed, once what was asked for before is done."""
    asked = Analysis.objects.filter(dataset=dataset)
    if asked.exclude(status=AnalysisStatus.COMPLETED).exists():
        ended = {AnalysisStatus.FAILED, AnalysisStatus.CANCELLED}
        return asked.filter(status__in=ended).exists()
    done = set(
        asked.filter(analysis_type=AnalysisType.PLACE).values_list(
            "file_upload__original_filename", flat=True
        )
    )
    days = FileUpload.objects.filter(user=owner, original_filename__in=set(DAYS) - done)
    waiting = {day.original_filename: day for day in days}
    following = next((waiting[name] for name in DAYS if name in waiting), None)
    if following is None or requesting.current_map(dataset) is None:
        return True
    requesting.request_place(dataset, following, by=owner)
    return len(waiting) == 1


def _readings() -> list[tuple[Reading, bool]]:
    """What the package carries, each with whether it departs; none where it is not installed."""
    source = _source()
    if source is None:
        return []
    with gzip.open(source, "rt", encoding="ascii", newline="") as lines:
        table = csv.reader(lines)
        next(table)
        return [
            ((number, *map(int, row[:-1])), row[-1] == "1")
            for number, row in enumerate(table, start=1)
        ]


def _source() -> Path | None:
    spec = find_spec("river")
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(next(iter(spec.submodule_search_locations))) / "datasets" / "shuttle.csv.gz"
    return path if path.exists() else None


def _written(rows: Sequence[tuple[Reading, bool]]) -> bytes:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["source_row", "label", *SENSORS])
    for (number, *values), departs in rows:
        table.writerow([number, "departs" if departs else "healthy", *values])
    return text.getvalue().encode()
