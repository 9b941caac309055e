"""Making a map of a file: computing it, and keeping it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from psycopg.types.json import Jsonb

from database import locks
from database.fields import uuid7
from ingestion.models import FileUpload
from monitoring import arrays
from monitoring.actions import looking
from monitoring.actions.looking import Look
from monitoring.errors import NotNow
from monitoring.maps import Fit, Quality, fit, quality
from monitoring.models import BaselineMap, FeatureBlock, MapConfig
from monitoring.scoring import Detector, calibrate, least_level

LARGEST_TABLE: Final = 3 << 30
LARGEST_BASELINE: Final = 256 << 20

_INSERT: Final = """
    INSERT INTO feature_data (
        id, file_upload_id, source_key, row_start, row_count, feature_values, metadata
    ) VALUES (%s, %s, %s, %s, %s, %s, %s)
"""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A map that was computed, with all that is kept of it.

    ``values`` (rows, features) and ``metadata`` are what it was made of; ``seconds`` how long the
    steps took.
    """

    file: FileUpload
    config: MapConfig
    features: tuple[str, ...]
    metadata_names: tuple[str, ...]
    values: NDArray[np.float64]
    metadata: list[tuple[str, ...]]
    fit: Fit
    detector: Detector
    quality: Quality
    baseline: bytes
    warnings: tuple[str, ...]
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def results(self) -> dict[str, Any]:
        """What the analysis says came out."""
        return {
            "rows": len(self.values),
            "features": len(self.features),
            "anchors": len(self.fit.landmarks),
            "cost": self.fit.cost,
            "iterations": self.fit.iterations,
            "stop_reason": self.fit.stop_reason,
            "stress": self.quality.stress,
            "trustworthiness": self.quality.trustworthiness,
            "correlation": self.quality.correlation,
            "quality_rows": self.quality.rows,
            "calibrated": self.detector.calibrated,
            "calibration_count": len(self.detector.calibration),
            "least_alarm_level": least_level(len(self.detector.calibration)),
            "constant_features": [self.features[place] for place in self.fit.constant],
            "warnings": list(self.warnings),
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
        }


def compute(file: FileUpload, config: MapConfig, *, look: Look = looking.silent) -> Fitted:
    """Read the file and make its map; changes nothing.

    NotNow says, with file, row and column, why there can be none. Memory: the table, and what
    ``maps.fit`` needs.
    """
    clock, seconds = looking.Clock(), {}
    chosen = looking.columns_of(file, config)
    group = _group_column(file, config, chosen.metadata_names)
    with looking.refusals(file):
        values, metadata = _table(file, config, len(chosen.features), look)
        seconds["read"] = clock.lap()
        found = fit(
            values,
            config.parameters,
            columns=chosen.feature_names,
            threads=looking.THREADS,
            progress=lambda share: look(0.2 + 0.6 * share, "making the map"),
        )
        seconds["fit"] = clock.lap()
        look(0.8, "calibrating")
        groups = None if group is None else [row[group] for row in metadata]
        detector = calibrate(
            found, values, score=config.score, groups=groups, threads=looking.THREADS
        )
        seconds["calibrate"] = clock.lap()
        look(0.9, "measuring the map")
        scaled = found.baseline.scaling.applied(values)
        measured = quality(scaled, found.coordinates, threads=looking.THREADS)
        seconds["measure"] = clock.lap()
    baseline = found.baseline.to_bytes()
    if len(baseline) > LARGEST_BASELINE:
        raise NotNow(
            f"{file}: the map would take {len(baseline) >> 20:,} MB; at most"
            f" {LARGEST_BASELINE >> 20} MB are kept. Choose fewer feature columns, or more than"
            " 10,000 rows, of which 2,000 are kept."
        )
    return Fitted(
        file=file,
        config=config,
        features=chosen.feature_names,
        metadata_names=chosen.metadata_names,
        values=values,
        metadata=metadata,
        fit=found,
        detector=detector,
        quality=measured,
        baseline=baseline,
        warnings=tuple(_warnings(config, found, detector)),
        seconds=seconds,
    )


def keep(fitted: Fitted) -> BaselineMap:
    """Store the map and the features that it was made of, in the caller's transaction."""
    _keep_features(fitted)
    detector = fitted.detector.to_bytes()
    results = fitted.results
    return BaselineMap.objects.create(
        pk=uuid7(),
        file_upload=fitted.file,
        user_id=fitted.file.user_id,
        config=fitted.config,
        x_values=_places(fitted.fit.coordinates[:, 0]),
        y_values=_places(fitted.fit.coordinates[:, 1]),
        baseline=fitted.baseline,
        baseline_sha256=hashlib.sha256(fitted.baseline).hexdigest(),
        detector=detector,
        detector_sha256=hashlib.sha256(detector).hexdigest(),
        row_count=len(fitted.values),
        anchor_count=len(fitted.fit.landmarks),
        features=list(fitted.features),
        constant=results["constant_features"],
        dialect=fitted.file.dialect.as_json(),
        calibrated=fitted.detector.calibrated,
        calibration_count=len(fitted.detector.calibration),
        warnings=list(fitted.warnings),
        **{
            name: results[name]
            for name in (
                "cost", "iterations", "stop_reason", "stress", "trustworthiness", "correlation",
                "quality_rows",
            )
        },
    )  # fmt: skip


def source_key(file: FileUpload, config: MapConfig) -> str:
    """SHA-256 of what decides which numbers are read from the file."""
    said = {
        "dialect": file.dialect.as_json(),
        "columns": [config.end_meta, config.start_dim, config.end_dim],
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _keep_features(fitted: Fitted) -> None:
    """The rows in blocks, unless they are there from an earlier map of the same columns."""
    key = source_key(fitted.file, fitted.config)
    locks.hold(f"feature_data {fitted.file.pk} {key}")
    if FeatureBlock.objects.filter(file_upload=fitted.file, source_key=key).exists():
        return
    size = looking.rows_in_block(len(fitted.features))
    for start in range(0, len(fitted.values), size):
        part = fitted.values[start : start + size]
        told = looking.told_metadata(fitted.metadata_names, fitted.metadata[start : start + size])
        arrays.execute(
            _INSERT,
            [
                uuid7(),
                fitted.file.pk,
                key,
                start + 1,
                len(part),
                arrays.Doubles(part),
                None if told is None else Jsonb(told),
            ],
        )


def _table(
    file: FileUpload, config: MapConfig, features: int, look: Look
) -> tuple[NDArray[np.float64], list[tuple[str, ...]]]:
    """Every row of the file: (rows, features) numbers, and the texts before them."""
    rows = file.row_count or 0
    if rows * features * 8 > LARGEST_TABLE:
        raise NotNow(
            f"{file} has {rows:,} rows of {features:,} features, {rows * features * 8 >> 20:,} MB;"
            f" a map is made of at most {LARGEST_TABLE >> 20:,} MB. Beyond 10,000 rows a map hardly"
            " changes: leave rows out."
        )
    values = np.empty((rows, features))
    metadata: list[tuple[str, ...]] = []
    for block in looking.blocks(file, config):
        values[block.before : block.before + len(block.values)] = block.values
        metadata += block.metadata
        look(0.2 * len(metadata) / max(rows, 1), "reading")
    return values, metadata


def _group_column(file: FileUpload, config: MapConfig, names: tuple[str, ...]) -> int | None:
    if not config.group_column:
        return None
    if config.group_column not in names:
        raise NotNow(
            f"{file}: the group column {config.group_column!r} is none of the metadata columns"
            f" {', '.join(names) or '(there are none)'}. Choose one of them, or none."
        )
    return names.index(config.group_column)


def _warnings(config: MapConfig, found: Fit, detector: Detector) -> list[str]:
    said = []
    if len(found.constant):
        said.append(
            f"{len(found.constant):,} of {found.baseline.features:,} features never change: they"
            " add nothing to the map, and a sample in which one changes is far away."
        )
    least = least_level(len(detector.calibration))
    if config.alarm_level < least:
        said.append(
            f"The alarm level {config.alarm_level:g} needs more healthy rows than the"
            f" {len(detector.calibration):,} there are; samples can be judged from {least:g} on."
        )
    return said


def _places(values: NDArray[np.float32]) -> list[float]:
    """Coordinates as they are meant: six decimals."""
    rounded: list[float] = np.round(values.astype(np.float64), 6).tolist()
    return rounded
