"""Scores of new rows against a healthy baseline, as pure functions on arrays.

    detector = calibrate(fitted, healthy, score="feature_knn")
    placed = place(rows, fitted.baseline)
    judgement = judge(rows, placed, fitted.baseline, detector, alpha=0.01)
    why = deviations(rows, placed, fitted.baseline)
    figures = summary(judgement, detector)

Import from here; the modules behind are free to change. What the figures promise stands in
docs/maps.md.
"""

from monitoring.scoring.calibrating import SCORES, calibrate
from monitoring.scoring.conformal import discoveries, least_level, p_values
from monitoring.scoring.detector import Detector
from monitoring.scoring.judging import (
    ALPHA,
    MOST_FEATURES,
    Deviations,
    Judgement,
    Severity,
    deviations,
    judge,
    severities,
)
from monitoring.scoring.windows import LEAST_WINDOW, Summary, drift, summary

__all__ = [
    "ALPHA",
    "LEAST_WINDOW",
    "MOST_FEATURES",
    "SCORES",
    "Detector",
    "Deviations",
    "Judgement",
    "Severity",
    "Summary",
    "calibrate",
    "deviations",
    "discoveries",
    "drift",
    "judge",
    "least_level",
    "p_values",
    "severities",
    "summary",
]
