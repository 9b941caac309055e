"""A small world: people of every standing, each with a row in every table of ours.

Made by plain SQL of the administrator, past every trigger, since some rows only triggers write.
"""

from __future__ import annotations

import itertools
import uuid
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from tests.database.rows.expectations import PEOPLE, TABLES, Person, Shared

Connection = psycopg.Connection[tuple[Any, ...]]

OTHER: Final = Person("other", "analyst")  # whose rows are foreign to everybody else
# Tables that say whose a row is, and in which column.
OWNERS: Final[dict[str, str]] = {
    **dict.fromkeys((
        "sessions", "refresh_tokens", "totp_devices", "recovery_codes", "password_resets",
        "api_keys", "idempotency_keys", "images", "analysis_results",
        "analysis_results_history", "processing_queue", "user_providers", "user_quotas",
        "quota_counters", "cost_alerts", "usage_holds", "usage_ledger", "usage_tracking",
        "annotations", "ai_annotation_jobs", "batch_jobs", "saved_views", "exercise_cache",
        "exercise_answers", "file_uploads", "file_checks",
        "datasets", "dinsight_data", "feature_data", "analyses", "monitor_data",
        "monitor_data_archive", "anomalies", "analysis_archives", "alert_rules",
        "alert_rule_states", "alert_evaluations", "alerts", "alert_silences",
        "alert_notifications",
    ), "user_id"),
    "config_data": "created_by",
    **dict.fromkeys(("annotation_reviews", "review_claims"), "reviewer_id"),
    "users": "id",
}  # fmt: skip

_ONE_FOR_EACH_ANNOTATION: Final = frozenset({"review_claims", "review_extras"})
_LATER: Final = "2100-01-01T00:00:00Z"
_numbers = itertools.count(1)


# Tables whose keys are numbers.
_NUMBERED: Final = frozenset({"config_data"})


def row_key(table: str, owner: str) -> uuid.UUID | int:
    """The key of the row of somebody in a table."""
    made = key(table, owner)
    return made.int % 10**9 + 1 if table in _NUMBERED else made


def key(*words: object) -> uuid.UUID:
    """The key of whatever has these words, the same in every run."""
    return uuid.uuid5(uuid.NAMESPACE_OID, " ".join(map(str, words)))


def id_of(person: Person) -> str:
    """What ``app.user_id`` says for the person."""
    return "" if person.name == "nobody" else str(key("users", person.name))


@dataclass
class World:
    """The keys of the rows: ``rows[table][name of the owner]``."""

    rows: dict[str, dict[str, uuid.UUID | int]] = field(default_factory=dict)

    def row(self, table: str, person: Person, *, own: bool) -> uuid.UUID | int | None:
        """The person's own row, or another's; None if there can be none."""
        owned = self.rows[table]
        return owned.get(person.name) if own and table in OWNERS else owned[OTHER.name]


def build(admin: Connection) -> World:
    """Write the rows; ``admin`` is a superuser, in a transaction or not."""
    world = World()
    admin.execute("SET session_replication_role = replica")
    for person in (*PEOPLE, OTHER):
        if not person.role:
            continue
        for table in TABLES:
            if table in OWNERS or person is OTHER:
                values = sample(table, person.name) | {"id": row_key(table, person.name)}
                if table == "users":
                    values |= {"role": person.role, "is_active": person.is_active}
                insert(admin, table, values)
                world.rows.setdefault(table, {})[person.name] = row_key(table, person.name)
        # Without a result, for whoever wants to write one.
        insert(admin, "images", sample("images", person.name) | {"id": key("spare", person.name)})
        spare = {"id": key("spare annotations", person.name)}
        insert(admin, "annotations", sample("annotations", person.name) | spare)
    admin.execute("SET session_replication_role = origin")
    return world


def insert(connection: Connection, table: str, values: dict[str, Any]) -> int:
    """Insert one row; returns how many were."""
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, values)),
        sql.SQL(", ").join([sql.Placeholder()] * len(values)),
    )
    return connection.execute(statement, list(values.values())).rowcount


def sample(table: str, owner: str) -> dict[str, Any]:
    """What a new row of the person must say; different each time where it has to be."""
    number = next(_numbers)
    digest = f"{number:064x}"
    whose = {OWNERS[table]: key("users", owner)} if table in OWNERS and table != "users" else {}
    image = {"image_id": key("images", owner)}
    analysis = image | {
        "algorithm_version": "ns-1", "algorithm_parameters": Jsonb({}),
        "algorithm_fingerprint": digest, "negative_space_data": Jsonb({"void_ratio": 0.5}),
        "confidence_score": 0.9, "processing_time_ms": 120,
    }  # fmt: skip
    at = {"provider_id": key("providers", OTHER.name)}
    call = at | {"model": f"m{number}"}
    month = {"period": "month", "starts_on": f"{2000 + number // 12}-{number % 12 + 1:02}-01"}
    samples: dict[str, dict[str, Any]] = {
        "users": {"email": f"p{number}@example.org", "password_hash": f"secret {owner}"},
        "sessions": {"kind": "browser", "expires_at": _LATER, "device_name": owner},
        "refresh_tokens": {
            "token_hash": digest, "expires_at": _LATER, "session_id": key("sessions", owner)
        },
        "totp_devices": {"secret": b"\x01" + b"s" * 40},
        "recovery_codes": {"code_hash": digest},
        "password_resets": {"token_hash": digest, "expires_at": _LATER},
        "api_keys": {"name": owner, "key_hash": digest},
        "idempotency_keys": {
            "key": digest, "method": "POST", "path": "/", "request_hash": digest
        },
        "invitations": {"email": f"i{number}@example.org", "code_hash": digest,
            "expires_at": _LATER},
        "throttles": {"scope": "login", "subject": digest},
        "role_permissions": {"role": "viewer", "permission": digest},
        "system_settings": {"setting_key": f"test.{number}", "setting_value": Jsonb(number)},
        "migrations_history": {"name": f"test.{number}", "batch": number},
        "job_queues": {"table_name": f"test_{number}"},
        "job_lines": {"table_name": f"test_{number}", "priority": 5, "turn": 1},
        "job_workers": {"name": digest, "hostname": "host", "pid": 1},
        "job_statistics": {"table_name": f"test_{number}", "waits": [0] * 107, "runs": [0] * 107},
        "job_attempts": {
            "table_name": "processing_queue", "job_id": key("processing_queue", owner),
            "attempt": 1, "outcome": "failed",
        },
        "job_schedule": {"name": f"test.{number}", "cron": "0 0 * * *", "timezone": "UTC"},
        "recurring_jobs": {"name": f"test.{number}", "tick": "2026-01-01T00:00:00Z"},
        "providers": {
            "name": f"test-{number}", "display_name": "Test", "default_model": "m",
        },
        "provider_health": at | {"status": "healthy"},
        "provider_prices": call | {
            "valid_from": "2026-01-01", "input_per_million": 1, "output_per_million": 1,
        },
        "user_providers": at,
        "user_quotas": {},
        "quota_counters": month,
        "cost_alerts": month | {"threshold_percent": 50, "limit_amount": 2, "spent_amount": 1},
        "usage_holds": call | {
            "purpose": "test", "amount": 1, "day": "2026-01-01", "expires_at": _LATER,
        },
        "usage_ledger": call | {"purpose": "test", "cost": 1},
        "usage_tracking": call | {"usage_date": "2026-01-01"},
        "webhook_endpoints": {
            "name": f"webhook {number}", "url": "https://example.org/",
            "secret": b"\x01" + b"s" * 40,
        },
        "webhook_deliveries": {
            "endpoint_id": key("webhook_endpoints", OTHER.name), "event": "kettle.boiled",
            "event_id": uuid.UUID(int=number),
        },
        "file_uploads": {
            "original_filename": f"table-{number}.csv", "file_path": f"files/{digest}",
            "file_size": 1, "sha256": digest,
        },
        "file_checks": {"file_id": key("file_uploads", owner)},
        "images": {
            "file_name": f"image-{number}.jpg", "file_path": f"originals/{digest}",
            "file_size": 1, "mime_type": "image/jpeg", "file_hash": digest,
            "image_dimensions": Jsonb({"width": 640, "height": 480}), "is_duplicate": True,
        },
        "analysis_results": analysis,
        "analysis_results_history": analysis | {
            "result_id": key("analysis_results", owner), "created_at": "2026-01-01T00:00:00Z",
            "updated_at": "2026-01-01T00:00:00Z",
        },
        "analysis_cache": image | {
            "cache_key": digest, "algorithm_fingerprint": digest, "cached_result": Jsonb({}),
        },
        "processing_queue": image,
    }  # fmt: skip
    samples |= _of_annotations(owner, number, digest) | _of_monitoring(owner, number, digest)
    samples |= _of_alerts(owner, number, digest)
    return samples[table] | whose


def _of_annotations(owner: str, number: int, digest: str) -> dict[str, dict[str, Any]]:
    corner, box = {"x": 0.1, "y": 0.1}, {"width": 0.4, "height": 0.4}
    said = {
        "label": "robin",
        "bounding_box": Jsonb({"topLeft": corner, "bottomRight": {"x": 0.5, "y": 0.5}} | box),
    }
    image = {"image_id": key("images", owner)}
    annotation = {"annotation_id": key("annotations", owner)}
    collection = {"collection_id": key("image_collections", OTHER.name)}
    return {
        "image_collections": {"name": f"Collection {number}"},
        "collection_images": image | collection,
        "annotations": image | said | {
            "vision_generated": True, "vision_confidence": 0.5, "vision_provider": "local",
        },
        "annotation_history": image | annotation | said | {
            "version": number, "notes": "", "review_status": "pending", "review_stage": "final",
            "rejection_reason": "",
        },
        "annotation_reviews": annotation | {
            "stage": "final", "decision": "approved", "bounding_box": said["bounding_box"],
            "version": 1,
        },
        "review_claims": annotation | {"expires_at": _LATER},
        "review_extras": annotation | {"kind": "gold", "expected_decision": "approved"},
        "ai_annotation_jobs": image,
        "batch_jobs": {"job_type": "annotate"},
        "batch_job_errors": {"job_id": key("batch_jobs", owner), "error_message": "Why."},
        "vision_api_cache": {"url_hash": digest, "provider": "local"},
        "confidence_calibrations": {
            "provider": "local", "model": f"m{number}", "sample_count": 1, "points": Jsonb([]),
            "ece_before": 0, "ece_after": 0, "brier_before": 0, "brier_after": 0,
        },
        "saved_views": {"name": f"View {number}"},
        "exercise_cache": {"exercise_type": "identify", "difficulty_level": "easy"},
        "exercise_answers": {
            "exercise_id": key("exercise_cache", owner), "number": number, "answer": Jsonb(1),
            "exercise_type": "identify", "difficulty_level": "easy", "is_right": True,
        },
    }  # fmt: skip


def _of_monitoring(owner: str, number: int, digest: str) -> dict[str, dict[str, Any]]:
    file = {"file_upload_id": key("file_uploads", owner)}
    config = {"config_id": row_key("config_data", owner)}
    dataset = {"dataset_id": key("datasets", owner)}
    map_ = {"dinsight_id": key("dinsight_data", owner)}
    places = {"x_values": [0.5], "y_values": [1.5], "row_count": 1}
    return {
        "config_data": {"seed": number},
        "datasets": {"name": f"Press {number}"},
        "dinsight_data": file | config | places,
        "feature_data": file | {
            "feature_values": [[1.0, 2.0]], "row_start": number, "row_count": 1,
        },
        "analyses": file | dataset | {
            "analysis_type": "fit", "created_by": key("users", owner),
        },
        "monitor_data": map_ | places | {"monitor_values": [[1.0]], "process_order": number},
        "monitor_data_archive": map_ | {
            "process_order": number, "row_count": 1, "created_at": "2026-01-01T00:00:00Z",
            "x_micros": [1], "y_micros": [1], "kinds": [8], "slots": [1], "exponents": [0],
            "bases": [0], "shorts": [], "wholes": [], "floats": [[1.0]],
        },
        "anomalies": dataset | {
            "analysis_id": key("analyses", owner), "severity": "low", "distance": 2.0,
            "threshold": 1.0, "features": Jsonb([]),
        },
        "analysis_archives": {
            "file_path": f"monitoring/{digest}", "sha256": digest, "file_size": 1,
            "analysis_count": 1, "anomaly_count": 0, "first_at": _LATER, "last_at": _LATER,
        },
        "performance_metrics": {"metric_name": "test", "metric_type": "count", "value": number},
    }  # fmt: skip


def _of_alerts(owner: str, number: int, digest: str) -> dict[str, dict[str, Any]]:
    dataset = {"dataset_id": key("datasets", owner)}
    rule = {"alert_rule_id": key("alert_rules", owner)}
    made_by = {"created_by": key("users", owner)}
    group = {"group_values": Jsonb({"number": number})}
    return {
        "alert_rules": dataset | made_by | {
            "name": f"Far {number}", "condition": Jsonb({}), "actions": Jsonb([]),
            "severity": "low",
        },
        "alert_rule_states": rule | group | {"group_key": digest},
        "alert_evaluations": rule | {"analysis_id": key("analyses", number)},
        "alerts": rule | dataset | group | {"data": Jsonb({}), "dedup_key": digest},
        "alert_silences": dataset | made_by | {"ends_at": _LATER, "comment": "Repair"},
        "alert_notifications": {
            "alert_id": key("alerts", owner), "action": f"email:{number}", "event": "fired",
        },
        "alert_letters": rule | {
            "recipient": "a@b.example", "subject": f"Letter {number}", "body": "",
        },
    }  # fmt: skip


def fresh(table: str, person: Person, *, own: bool) -> dict[str, Any]:
    """A row that the person tries to add: their own, or one in another's name."""
    owner = person.name if own else OTHER.name
    values = sample(table, owner)
    if table == "analysis_results":  # one for each image
        values["image_id"] = key("spare", OTHER.name)
    if table in _ONE_FOR_EACH_ANNOTATION:
        values["annotation_id"] = key("spare annotations", OTHER.name)
    if table == "collection_images":  # in one at most
        values["image_id"] = key("spare", OTHER.name)
    if table in {"analysis_cache", "processing_queue"}:
        values["image_id"] = key("images", OTHER.name)
    if isinstance(TABLES[table], Shared) and not person.role and own:
        values |= {OWNERS[table]: key("users", OTHER.name)} if table in OWNERS else {}
    return values
