"""Values shown in the documentation of monitoring."""

from __future__ import annotations

from typing import Any, Final

PERSON: Final = "01936f00-0000-7000-8000-000000000001"
DATASET_ID: Final = "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e80"
FILE_ID: Final = "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e30"
MAP_ID: Final = "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e81"
ANALYSIS_ID: Final = "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e82"
ANOMALY_ID: Final = "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e83"
RULE_ID: Final = "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e84"
AT: Final = "2026-11-21T14:05:00.123456Z"
LATER: Final = "2026-11-21T14:05:03.502113Z"

DATASET: Final[dict[str, Any]] = {
    "id": DATASET_ID,
    "user_id": PERSON,
    "name": "Press 3",
    "description": "The large one beside the gate.",
    "tags": ["hall 2", "hydraulic"],
    "metadata": {"built": 2011},
    "is_active": True,
    "last_analysis_at": LATER,
    "created_at": AT,
    "updated_at": LATER,
}
NEW_DATASET: Final[dict[str, Any]] = {
    "name": "Press 3",
    "tags": ["hall 2", "hydraulic"],
    "metadata": {"built": 2011},
}
DATASET_CHANGES: Final[dict[str, Any]] = {"tags": ["hall 4"]}
TO_FIT: Final[dict[str, Any]] = {"file_id": FILE_ID, "priority": 8}
TO_PLACE: Final[dict[str, Any]] = {"file_id": FILE_ID, "alarm_level": 0.01}
ANALYSIS: Final[dict[str, Any]] = {
    "id": ANALYSIS_ID,
    "dataset_id": DATASET_ID,
    "file_id": FILE_ID,
    "map_id": MAP_ID,
    "configuration_id": None,
    "user_id": PERSON,
    "created_by_id": PERSON,
    "analysis_type": "place",
    "status": "completed",
    "alarm_level": 0.01,
    "results": {"rows": 219, "anomalous": 4, "worst": "high", "threshold": 2.31},
    "error_message": None,
    "priority": 5,
    "retry_count": 0,
    "max_retries": 3,
    "cancel_requested": False,
    "progress": {"done": 100, "total": 100, "message": "storing"},
    "created_at": AT,
    "started_at": AT,
    "completed_at": LATER,
}
CONFIGURATION: Final[dict[str, Any]] = {
    "id": 7,
    "gamma0": 1e-7,
    "optimizer": "adam",
    "alpha": 0.1,
    "end_meta": "participant",
    "start_dim": "f_0",
    "end_dim": "f_1023",
    "imax": 1000,
    "lowdim": 2,
    "eta": 0.5,
    "epsilon": 1e-8,
    "beta1": 0.9,
    "beta2": 0.999,
    "beta": 0.5,
    "a": 0.8,
    "w1": 0.04,
    "w2": 1.0,
    "which_w1": "auto",
    "mode": "kanadaSan",
    "param_mode": 0.3,
    "feature_scaling": "zscore",
    "objective": "similarity",
    "seed": 0,
    "score": "feature_knn",
    "alarm_level": 0.01,
    "group_column": "",
    "warnings": [],
    "created_by_id": PERSON,
    "created_at": AT,
}
NEW_CONFIGURATION: Final[dict[str, Any]] = {"end_dim": "f_511", "alarm_level": 0.005}
MAP: Final[dict[str, Any]] = {
    "id": MAP_ID,
    "file_id": FILE_ID,
    "configuration_id": 7,
    "user_id": PERSON,
    "version": "map-1",
    "row_count": 1797,
    "feature_count": 64,
    "takes_samples": True,
    "quality": {
        "stress": 0.33,
        "trustworthiness": 0.863,
        "correlation": 0.732,
        "rows": 1797,
    },
    "created_at": AT,
}
MAP_DETAIL: Final[dict[str, Any]] = MAP | {
    "feature_count": 3,
    "features": ["f_0", "f_1", "f_2"],
    "constant_features": ["f_2"],
    "anchor_count": 1797,
    "cost": 0.0417,
    "iterations": 310,
    "stop_reason": "settled",
    "calibrated": "leave-one-out",
    "calibration_count": 1797,
    "warnings": ["1 of 3 features never change."],
}
POINT: Final[dict[str, Any]] = {"row": 1, "x": 0.25, "y": -0.75}
POINTS: Final[dict[str, Any]] = {
    "results": [POINT],
    "next": f"https://lacuna.example.org/api/v1/maps/{MAP_ID}/points/?first=2&count=1",
    "previous": None,
}
SAMPLE: Final[dict[str, Any]] = {
    "map_id": MAP_ID,
    "number": 4211,
    "analysis_id": ANALYSIS_ID,
    "file_row": 118,
    "created_at": LATER,
    "x": 1.204118,
    "y": -0.310277,
    "score": 4.81,
    "p_value": 0.0006,
    "severity": "high",
    "off_map": False,
    "metadata": {"segID": "118", "participant": "p1"},
    "is_packed": False,
}
ANOMALY: Final[dict[str, Any]] = {
    "id": ANOMALY_ID,
    "dataset_id": DATASET_ID,
    "analysis_id": ANALYSIS_ID,
    "user_id": PERSON,
    "timestamp": LATER,
    "severity": "high",
    "distance": 4.81,
    "threshold": 2.31,
    "ratio": 1.62,
    "p_value": 0.0006,
    "off_map": False,
    "x": 1.204118,
    "y": -0.310277,
    "sample_number": 4211,
    "file_row": 118,
    "features": [{"name": "f_3", "value": 41.2, "deviation": 12.731}],
    "metadata": {"segID": "118", "participant": "p1"},
    "acknowledged": False,
    "acknowledged_by_id": None,
    "acknowledged_at": None,
    "created_at": LATER,
}
CONDITION: Final[dict[str, Any]] = {
    "condition": {"metric": "severity", "op": "gte", "value": "medium"},
    "for": {"points": 3},
    "group_by": ["meta.participant"],
}
ACTIONS: Final[list[dict[str, Any]]] = [{"type": "email", "to": ["maintenance@example.org"]}]
RULE: Final[dict[str, Any]] = {
    "id": RULE_ID,
    "dataset_id": DATASET_ID,
    "user_id": PERSON,
    "name": "Three in a row",
    "condition": CONDITION,
    "actions": ACTIONS,
    "severity": "medium",
    "is_active": True,
    "group_wait_seconds": 30,
    "group_interval_seconds": 300,
    "repeat_seconds": 14400,
    "escalate_seconds": None,
    "last_error": "",
    "created_by_id": PERSON,
    "created_at": AT,
    "updated_at": AT,
}
NEW_RULE: Final[dict[str, Any]] = {
    "dataset_id": DATASET_ID,
    "name": "Three in a row",
    "condition": CONDITION,
    "actions": ACTIONS,
}
RULE_CHANGES: Final[dict[str, Any]] = {"is_active": False}
TO_TRY: Final[dict[str, Any]] = {
    "dataset_id": DATASET_ID,
    "condition": CONDITION,
    "since": "2026-11-01T00:00:00Z",
}
PERIOD: Final[dict[str, Any]] = {"since": "2026-11-01T00:00:00Z", "until": AT}
TRIED: Final[dict[str, Any]] = {
    "since": "2026-11-01T00:00:00.000000Z",
    "until": AT,
    "analyses": 31,
    "samples": 6789,
    "fired": 1,
    "firings": [
        {
            "group": {"meta.participant": "p1"},
            "kind": "condition",
            "severity": "high",
            "fired_at": "2026-11-12T03:10:00.000000Z",
            "resolved_at": "2026-11-12T04:00:00.000000Z",
            "count": 9,
        }
    ],
}
ALERT: Final[dict[str, Any]] = {
    "id": "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e85",
    "alert_rule_id": RULE_ID,
    "dataset_id": DATASET_ID,
    "user_id": PERSON,
    "anomaly_id": ANOMALY_ID,
    "kind": "condition",
    "status": "active",
    "phase": "active",
    "severity": "high",
    "group_values": {"meta.participant": "p1"},
    "count": 9,
    "first_seen_at": AT,
    "last_seen_at": LATER,
    "data": {"severity": "high", "distance": 4.81},
    "muted": "",
    "told_at": None,
    "escalated_at": None,
    "acknowledged_by_id": None,
    "acknowledged_at": None,
    "resolved_by_id": None,
    "resolved_at": None,
    "resolution_note": "",
    "created_at": AT,
}
RESOLUTION: Final[dict[str, Any]] = {"note": "The bearing was replaced."}
SILENCE: Final[dict[str, Any]] = {
    "id": "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e86",
    "dataset_id": DATASET_ID,
    "user_id": PERSON,
    "matchers": [{"field": "severity", "op": "in", "value": ["low", "medium"]}],
    "starts_at": AT,
    "ends_at": "2026-11-21T18:00:00.000000Z",
    "comment": "The press is being repaired.",
    "created_by_id": PERSON,
    "created_at": AT,
}
NEW_SILENCE: Final[dict[str, Any]] = {
    "dataset_id": DATASET_ID,
    "ends_at": "2026-11-21T18:00:00Z",
    "comment": "The press is being repaired.",
    "matchers": [{"field": "severity", "op": "in", "value": ["low", "medium"]}],
}
METRIC: Final[dict[str, Any]] = {
    "id": "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e87",
    "metric_name": "monitoring.fit.seconds",
    "metric_type": "duration",
    "value": 2.4181,
    "unit": "s",
    "labels": {"analysis": "fit"},
    "sample_count": 1,
    "percentile_p50": None,
    "percentile_p95": None,
    "percentile_p99": None,
    "recorded_at": LATER,
}
METRIC_WINDOW: Final[dict[str, Any]] = {
    "window_start": "2026-11-21T14:00:00.000000Z",
    "metric_name": "monitoring.fit.seconds",
    "metric_type": "duration",
    "unit": "s",
    "labels": {"analysis": "fit"},
    "sample_count": 12,
    "value": 2.1012,
    "lowest": 0.9,
    "highest": 4.2,
    "percentile_p50": 2.0,
    "percentile_p95": 4.1,
    "percentile_p99": 4.2,
}
METRIC_WINDOWS: Final[dict[str, Any]] = {
    "since": "2026-11-21T13:00:00.000000Z",
    "until": "2026-11-21T15:00:00.000000Z",
    "window_seconds": 3600,
    "results": [METRIC_WINDOW],
}
