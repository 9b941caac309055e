"""Which tables the log watches, and that no column of them escapes it by accident."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest
from django.contrib import admin
from django.db import connection
from django.test import RequestFactory

from tests.factories import make_user
from tests.test_architecture import our_models

pytestmark = pytest.mark.django_db

# Tables of ours that no trigger watches, and why.
UNWATCHED: Final = {
    "audit_log": "the log itself: only added to",
    "job_attempts": "written by the engine for each attempt that did not end well",
    "job_statistics": "written by the engine every minute",
    "job_workers": "a heartbeat",
    "job_lines": "the virtual time of a line, written a few times a second",
    "idempotency_keys": "answers kept for a day, beside the entries of what was done",
    "throttles": "counts of requests",
    "provider_health": "a check every five minutes",
    "quota_counters": "moved by every call to a provider; the ledger has each",
    "usage_holds": "money set aside for seconds; the ledger has what became of it",
    "usage_ledger": "a log itself: only added to, by a function alone",
    "usage_tracking": "the ledger's totals",
    "cost_alerts": "made by a trigger from the counters; sending one has an entry",
    "annotation_history": "a log itself: written by a trigger of the table that is watched",
    "batch_job_errors": "what went wrong with an item; the batch has its entries",
    "review_claims": "who looks at what, for ten minutes",
    "saved_views": "filters that a person named, of no weight",
    "exercise_cache": "questions made from annotations, thrown away after some days",
    "exercise_answers": "what somebody answered in an exercise; decides nothing",
    "dinsight_data": "made by an analysis, whose entry has the hashes; nobody may change it",
    "feature_data": "the numbers of a map; only added to",
    "monitor_data": "samples of an analysis, which has its entry; stay until they are packed",
    "monitor_data_archive": "packed samples; packing has its entry",
    "performance_metrics": "measurements of the system's own speed",
    "alert_rule_states": "what a rule remembers between samples; what follows has its entry",
    "alert_evaluations": "that a rule has seen a batch; what followed has its entry",
    "alert_notifications": "a log itself: only added to",
    "migrations_history": "written by migrate, outside its transaction, as a record itself",
}


def watched() -> dict[str, dict[str, str]]:
    """The triggers of the log by table and name, as SQL."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.tgrelid::regclass::text, t.tgname, pg_get_triggerdef(t.oid)"
            " FROM pg_trigger t WHERE t.tgname LIKE 'log_audit%'"
        )
        found: dict[str, dict[str, str]] = {}
        for table, name, definition in cursor.fetchall():
            found.setdefault(table, {})[name] = definition
    return found


def test_every_table_of_ours_is_watched_or_named_with_a_reason() -> None:
    tables = {model._meta.db_table for model in our_models()}
    tests_own = {table for table in tables if table.startswith("test")}

    unwatched = tables - watched().keys() - tests_own
    assert unwatched <= UNWATCHED.keys(), unwatched - UNWATCHED.keys()
    assert UNWATCHED.keys() & watched().keys() == set()


def test_what_staff_can_change_on_a_form_is_watched() -> None:
    request = RequestFactory().get("/")
    request.user = make_user("admin")
    changeable = {
        model._meta.db_table
        for model, pages in admin.site._registry.items()
        if pages.has_add_permission(request)
        or pages.has_change_permission(request)
        or pages.has_delete_permission(request)
    }

    assert {"users", "system_settings"} <= changeable
    assert changeable <= watched().keys()


@pytest.mark.parametrize(
    "table",
    [
        "system_settings",
        "users",
        "images",
        "analysis_results",
        "analysis_results_history",
        "analysis_cache",
        "processing_queue",
        "file_uploads",
        "file_checks",
        "config_data",
        "datasets",
        "analyses",
        "anomalies",
        "analysis_archives",
        "alert_rules",
        "alerts",
        "alert_silences",
        "alert_letters",
        "recurring_jobs",
        "job_queues",
        "job_schedule",
        "webhook_endpoints",
        "providers",
        "provider_prices",
        "user_providers",
        "user_quotas",
        "annotations",
        "annotation_reviews",
        "image_collections",
        "collection_images",
        "review_extras",
        "confidence_calibrations",
        "vision_api_cache",
        "ai_annotation_jobs",
        "batch_jobs",
    ],
)
def test_each_column_is_noticed_or_named_as_unnoticed(table: str) -> None:
    triggers = watched()[table]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attname, attgenerated <> '' FROM pg_attribute"
            " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
            [table],
        )
        rows = cursor.fetchall()
        columns = {name for name, is_generated in rows if not is_generated}
        generated = {name for name, is_generated in rows if is_generated}
    updates = triggers["log_audit_update"]
    condition = updates[updates.index("WHEN") :]
    compared = set(re.findall(r'old\."?(\w+)', condition, re.IGNORECASE)) & set(
        re.findall(r'new\."?(\w+)', condition, re.IGNORECASE)
    )
    unnoticed = {
        name
        for braces in re.findall(r"'\{([^}]*)\}'", updates)[:1]
        for name in braces.split(",")
        if name
    }

    assert compared | unnoticed >= columns, columns - compared - unnoticed
    assert compared & unnoticed == set()
    assert compared | unnoticed <= columns | generated, "a column is named that is not there"
    if " OF " in updates.partition(" ON ")[0]:
        named = set(re.split(r"[,\s]+", updates.partition(" OF ")[2].partition(" ON ")[0]))
        assert named == compared


def test_deleting_and_inserting_are_noticed() -> None:
    for table, triggers in watched().items():
        event: Any = triggers["log_audit_event"].partition(" ON ")[0]
        # What leaves a cache is computed, or asked for, again.
        assert "DELETE" in event or table in {"analysis_cache", "vision_api_cache"}, table
        # Made by the schedule; asked for by actions that have their entries.
        made = {"recurring_jobs", "ai_annotation_jobs", "batch_jobs", "webhook_deliveries"}
        made |= {"alert_letters"}
        assert "INSERT" in event or table in made, table
