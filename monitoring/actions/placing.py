"""Placing the rows of a file on a map and judging them: computing it, and keeping it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from database import locks
from database.fields import uuid7
from ingestion.models import FileUpload
from ingestion.reading import FeatureBlock
from monitoring import arrays
from monitoring.actions import looking
from monitoring.actions.looking import Look
from monitoring.errors import NotNow
from monitoring.maps import Baseline, Placed, place
from monitoring.models import Analysis, BaselineMap
from monitoring.scoring import Detector, Judgement, Severity, Summary, deviations, judge, summary

_INSERT: Final = """
    INSERT INTO monitor_data (
        id, dinsight_id, analysis_id, process_order, first_row, row_count, created_at,
        monitor_values, x_values, y_values, scores, p_values, severities, off_map, metadata
    ) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_NEXT: Final = """
    SELECT greatest(
        (SELECT max(process_order + row_count) FROM monitor_data WHERE dinsight_id = %s),
        (SELECT max(process_order + row_count) FROM monitor_data_archive WHERE dinsight_id = %s),
        1
    )
"""
_INSERT_ANOMALIES: Final = """
    INSERT INTO anomalies (
        id, analysis_id, dataset_id, "timestamp", threshold, severity, distance, p_value, ratio,
        off_map, x, y, process_order, file_row, features, metadata
    )
    SELECT a.id, %s, %s, %s, %s, severity_name(a.severity), a.distance, a.p_value, a.ratio,
        a.off_map, a.x, a.y, a.process_order, a.file_row, a.features::jsonb, a.metadata::jsonb
    FROM unnest(
        %s::uuid[], %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s
    ) AS a (
        id, severity, distance, p_value, ratio, off_map, x, y, process_order, file_row, features,
        metadata
    )
"""
_AT_ONCE: Final = 1000
# So much of a file, in bytes, is held from placing to storing; a larger one is read once more.
LARGEST_HELD: Final = 128 << 20


class Stretch(NamedTuple):
    """Some samples in a row, as they are stored: from which on, from 0, and their metadata's JSON.

    ``values`` (samples, features) are the numbers of the file.
    """

    start: int
    values: NDArray[np.float64]
    metadata: str | None

    @property
    def size(self) -> int:
        """In bytes, about."""
        return self.values.nbytes + len(self.metadata or "")


class Found(NamedTuple):
    """An anomalous row: its place among the samples, from 0, and why."""

    row: int
    features: list[dict[str, Any]]
    metadata: dict[str, str]


@dataclass(frozen=True, slots=True)
class Judged:
    """The rows of a file, placed on a map and judged.

    ``coordinates`` (rows, 2) map units; ``judgement`` of all rows; ``found`` the anomalous ones.
    ``held``: the numbers read, or None where they are too many.
    """

    file: FileUpload
    map: BaselineMap
    metadata_names: tuple[str, ...]
    coordinates: NDArray[np.float64]
    judgement: Judgement
    summary: Summary
    found: list[Found]
    held: list[Stretch] | None
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many samples there are."""
        return len(self.coordinates)

    @property
    def results(self) -> dict[str, Any]:
        """What the analysis says came out."""
        counts = np.bincount(self.judgement.severities, minlength=len(Severity))
        return {
            "rows": self.rows,
            "alarm_level": self.judgement.alpha,
            "threshold": self.judgement.threshold,
            "anomalous": self.summary.anomalous,
            "discoveries": self.summary.discoveries,
            "false_share": self.summary.false_share,
            "off_map": self.summary.off_map,
            "worst": self.summary.worst.name.lower(),
            "severities": {severity.name.lower(): int(counts[severity]) for severity in Severity},
            "drift_p_value": self.summary.drift_p_value,
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
        }


def compute(
    file: FileUpload,
    map: BaselineMap,  # noqa: A002 - what it is called everywhere
    alarm_level: float,
    *,
    look: Look = looking.silent,
) -> Judged:
    """Read the file, place every row and judge it; changes nothing.

    NotNow says, with file, row and column, why that cannot be.
    """
    clock = looking.Clock()
    chosen = looking.columns_of(file, map.config)
    looking.same_features(file, chosen.feature_names, map.features)
    with looking.refusals(file):
        baseline, detector = map.loaded()
        parts = _Parts(chosen.feature_names, chosen.metadata_names)
        for block in looking.blocks(file, map.config):
            done = parts.rows / max(file.row_count or 0, 1)
            look(0.9 * done, f"placing, {parts.rows:,} rows done")
            parts.add(block, baseline, detector, alarm_level)
        judgement = parts.judgement(alarm_level, detector.threshold(alarm_level))
    # A zero has no sign here: one with a sign could not be packed to the last bit.
    coordinates = np.concatenate(parts.coordinates).astype(np.float64).round(6) + 0.0
    return Judged(
        file=file,
        map=map,
        metadata_names=chosen.metadata_names,
        coordinates=coordinates,
        judgement=judgement,
        summary=summary(judgement, detector),
        found=parts.found,
        held=parts.held,
        seconds={"place": clock.lap()},
    )


class _Parts:
    """What is held of block after block."""

    def __init__(self, features: tuple[str, ...], metadata: tuple[str, ...]) -> None:
        self.features, self.metadata = features, metadata
        self.coordinates: list[NDArray[np.float32]] = []
        self.judgements: list[Judgement] = []
        self.found: list[Found] = []
        self.held: list[Stretch] | None = []
        self.rows = 0
        self._room = LARGEST_HELD

    def add(
        self, block: FeatureBlock, baseline: Baseline, detector: Detector, level: float
    ) -> None:
        placed = place(block.values, baseline, columns=self.features, threads=looking.THREADS)
        judged = judge(block.values, placed, baseline, detector, alpha=level)
        self._explain(block, placed, baseline, np.flatnonzero(judged.anomalous))
        self.coordinates.append(placed.coordinates)
        self.judgements.append(judged)
        self.rows += len(block.values)
        self._hold(block)

    def _hold(self, block: FeatureBlock) -> None:
        """Keep what is stored of the block, as long as there is room for all of the file."""
        if self.held is None:
            return
        stretches = list(_stretches(block, self.metadata))
        self._room -= sum(one.size for one in stretches)
        if self._room < 0:
            self.held = None
        else:
            self.held += stretches

    def _explain(
        self, block: FeatureBlock, placed: Placed, baseline: Baseline, rows: NDArray[np.int64]
    ) -> None:
        if not len(rows):
            return
        values = block.values[rows]
        why = deviations(values, _only(placed, rows), baseline)
        for number, row in enumerate(rows.tolist()):
            features = [
                {
                    "name": self.features[place],
                    "value": float(values[number, place]),
                    "deviation": round(float(size), 3),
                }
                for place, size in zip(why.features[number], why.sizes[number], strict=True)
            ]
            texts = (text.replace("\x00", "") for text in block.metadata[row])
            told = dict(zip(self.metadata, texts, strict=True))
            self.found.append(Found(self.rows + row, features, told))

    def judgement(self, level: float, threshold: float) -> Judgement:
        """Word on all rows."""

        def joined(name: str) -> NDArray[Any]:
            return np.concatenate([getattr(one, name) for one in self.judgements])

        return Judgement(
            alpha=level,
            threshold=threshold,
            scores=joined("scores"),
            p_values=joined("p_values"),
            ratios=joined("ratios"),
            anomalous=joined("anomalous"),
            severities=joined("severities"),
            off_map=joined("off_map"),
        )


def _only(placed: Placed, rows: NDArray[np.int64]) -> Placed:
    return Placed(
        placed.coordinates[rows],
        placed.distance[rows],
        placed.nearest[rows],
        placed.residual[rows],
        placed.off_map[rows],
    )


def keep(judged: Judged, analysis: Analysis, *, at: datetime, look: Look = looking.silent) -> int:
    """Store samples and anomalies, in the caller's transaction, in which the analysis exists.

    A file whose numbers are too many to be held is read once more. Returns the number that the
    first sample has on its map.
    """
    first = _first_number(judged.map.pk)
    with looking.refusals(judged.file):
        for stretch in _read_again(judged) if judged.held is None else judged.held:
            _keep_samples(judged, analysis.pk, stretch, first=first, at=at)
            look(0.9 + 0.1 * stretch.start / judged.rows, "storing")
    keep_anomalies(judged, analysis, first=first, at=at)
    return first


def wait_for(map_id: UUID) -> None:
    """Until the transaction ends nobody else stores samples of the map."""
    locks.hold(f"monitor_data {map_id}")


def _first_number(map_id: UUID) -> int:
    """The number of the next sample of a map; nobody else takes it before the transaction ends."""
    wait_for(map_id)
    with connection.cursor() as cursor:
        cursor.execute(_NEXT, [map_id, map_id])
        return int(cursor.fetchone()[0])


def _read_again(judged: Judged) -> Iterator[Stretch]:
    for block in looking.blocks(judged.file, judged.map.config):
        yield from _stretches(block, judged.metadata_names)


def _stretches(block: FeatureBlock, names: tuple[str, ...]) -> Iterator[Stretch]:
    """The rows of a block in the portions that are stored."""
    rows, features = block.values.shape
    size = looking.rows_in_block(features)
    for start in range(0, rows, size):
        part = slice(start, min(start + size, rows))
        told = looking.told_metadata(names, block.metadata[part])
        said = None if told is None else json.dumps(told)
        yield Stretch(block.before + part.start, block.values[part], said)


def _keep_samples(
    judged: Judged, analysis_id: UUID, stretch: Stretch, *, first: int, at: datetime
) -> None:
    begin, end = stretch.start, stretch.start + len(stretch.values)
    if end > judged.rows:
        raise NotNow(f"{judged.file} has more rows than a moment ago. Place it again.")
    word = judged.judgement
    arrays.execute(
        _INSERT,
        [
            uuid7(),
            judged.map.pk,
            analysis_id,
            first + begin,
            begin + 1,
            end - begin,
            at,
            arrays.Doubles(stretch.values),
            arrays.Doubles(judged.coordinates[begin:end, 0]),
            arrays.Doubles(judged.coordinates[begin:end, 1]),
            arrays.Doubles(word.scores[begin:end]),
            arrays.Doubles(word.p_values[begin:end]),
            arrays.Shorts(word.severities[begin:end]),
            arrays.Flags(word.off_map[begin:end]),
            stretch.metadata,
        ],
    )


def keep_anomalies(judged: Judged, analysis: Analysis, *, first: int, at: datetime) -> None:
    """Store what was found; ``first``: the number of the file's first sample on its map."""
    for start in range(0, len(judged.found), _AT_ONCE):
        _insert_anomalies(
            judged, analysis, judged.found[start : start + _AT_ONCE], first=first, at=at
        )


def _insert_anomalies(
    judged: Judged, analysis: Analysis, found: list[Found], *, first: int, at: datetime
) -> None:
    rows = np.array([one.row for one in found])
    word = judged.judgement
    arrays.execute(
        _INSERT_ANOMALIES,
        [
            analysis.pk,
            analysis.dataset_id,
            at,
            word.threshold,
            [uuid7() for _ in found],
            arrays.Shorts(word.severities[rows]),
            arrays.Doubles(word.scores[rows]),
            arrays.Doubles(word.p_values[rows]),
            arrays.Doubles(np.minimum(word.ratios[rows], np.finfo(np.float64).max)),
            arrays.Flags(word.off_map[rows]),
            arrays.Doubles(judged.coordinates[rows, 0]),
            arrays.Doubles(judged.coordinates[rows, 1]),
            arrays.Wholes(first + rows),
            arrays.Wholes(rows + 1),
            arrays.Texts([json.dumps(one.features) for one in found]),
            arrays.Texts([json.dumps(one.metadata) for one in found]),
        ],
    )
