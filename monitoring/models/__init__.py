"""Datasets, their maps and analyses, samples, anomalies, and measurements."""

from monitoring.models.alerting import (
    Alert,
    AlertKind,
    AlertLetter,
    AlertNotification,
    AlertRule,
    AlertSilence,
    AlertStatus,
    LetterStatus,
    RuleEvaluation,
    RuleState,
)
from monitoring.models.analysis import Analysis, AnalysisStatus, AnalysisType
from monitoring.models.anomaly import Anomaly, AnomalySeverity
from monitoring.models.archive import AnalysisArchive
from monitoring.models.baseline_map import BaselineMap, FeatureBlock
from monitoring.models.config import ALARM_LEVEL, EXPLAINED, MapConfig
from monitoring.models.dataset import Dataset
from monitoring.models.metric import MetricType, PerformanceMetric
from monitoring.models.samples import MonitorBlock, PackedBlock

__all__ = [
    "ALARM_LEVEL",
    "EXPLAINED",
    "Alert",
    "AlertKind",
    "AlertLetter",
    "AlertNotification",
    "AlertRule",
    "AlertSilence",
    "AlertStatus",
    "Analysis",
    "AnalysisArchive",
    "AnalysisStatus",
    "AnalysisType",
    "Anomaly",
    "AnomalySeverity",
    "BaselineMap",
    "Dataset",
    "FeatureBlock",
    "LetterStatus",
    "MapConfig",
    "MetricType",
    "MonitorBlock",
    "PackedBlock",
    "PerformanceMetric",
    "RuleEvaluation",
    "RuleState",
]
