"""What the models promise, the database holds: ON DELETE, indexes, names, rights."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection, models
from django.db.utils import Error

from database import roles
from tests.database.rows.expectations import LEFT_OUT, MATERIALIZED, TABLES
from tests.factories import make_result, make_user
from tests.test_architecture import our_models

pytestmark = pytest.mark.django_db

ACTIONS: dict[Any, str] = {
    models.CASCADE: "c",
    models.PROTECT: "r",
    models.RESTRICT: "r",
    models.SET_NULL: "n",
    models.DO_NOTHING: "c",  # the application may not delete there: the database does it alone
}


def foreign_keys() -> Iterator[tuple[str, str, models.ForeignKey[models.Model, models.Model]]]:
    for model in our_models():
        for field in model._meta.local_concrete_fields:
            if isinstance(field, models.ForeignKey):
                yield model._meta.db_table, field.column, field


def test_every_foreign_key_has_its_on_delete_in_the_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.conrelid::regclass::text, a.attname, c.confdeltype::text FROM pg_constraint c"
            " JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]"
            " WHERE c.contype = 'f'"
        )
        held = {(table, column): action for table, column, action in cursor.fetchall()}

    expected = {
        (table, column): ACTIONS[field.remote_field.on_delete]
        for table, column, field in foreign_keys()
    }
    assert expected
    assert {key: held.get(key) for key in expected} == expected


def test_every_foreign_key_leads_an_index() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT i.indrelid::regclass::text, a.attname FROM pg_index i"
            " JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]"
        )
        leading = set(cursor.fetchall())

    assert {(table, column) for table, column, _ in foreign_keys()} - leading == set()


def test_the_documented_names_exist() -> None:
    tables = "users images analysis_results analysis_results_history processing_queue"
    tables += " analysis_cache system_settings migrations_history"
    views = "user_activity_summary queue_status_summary image_analysis_status"
    views += " analysis_performance_summary duplicate_images_report"
    functions = "update_updated_at_column validate_image_status_transition"
    functions += " validate_queue_status_transition cleanup_expired_cache mark_duplicate_images"
    functions += " uuid_generate_v4"
    views += " audit_log security_audit audit_logs audit_log_details recent_audit_events"
    functions += " log_audit_event"
    indexes = "idx_images_created_at idx_analysis_results_confidence_score"
    indexes += " idx_processing_queue_status_priority"
    indexes += " idx_users_email idx_users_role idx_refresh_tokens_user idx_refresh_tokens_expires"
    indexes += " idx_file_uploads_status idx_file_uploads_created_at"
    tables += " annotations ai_annotation_jobs vision_api_cache batch_jobs batch_job_errors"
    tables += " exercise_cache file_uploads"
    tables += " config_data datasets dinsight_data feature_data analyses monitor_data anomalies"
    tables += " performance_metrics"
    views += " feature_rows monitor_samples"
    functions += " aggregate_performance_metrics feature_row"
    indexes += " idx_config_data_created_at idx_dinsight_data_file_upload idx_dinsight_data_config"
    indexes += " idx_feature_data_file_upload idx_monitor_data_dinsight"
    indexes += " idx_monitor_data_process_order idx_datasets_user idx_datasets_active"
    indexes += " idx_datasets_tags idx_analyses_dataset idx_analyses_status idx_analyses_created_at"
    indexes += " idx_anomalies_analysis idx_anomalies_dataset idx_anomalies_timestamp"
    indexes += " idx_anomalies_severity idx_anomalies_acknowledged"
    tables += " alert_rules alerts"
    indexes += " idx_alert_rules_dataset idx_alert_rules_active idx_alerts_rule idx_alerts_dataset"
    indexes += " idx_alerts_status idx_alerts_created_at"
    views += " pending_ai_annotations ai_job_stats reviewer_stats cache_stats"
    views += " cache_performance_metrics user_roles_summary"
    functions += " change_user_role has_permission evict_lru_cache get_cache_stats"
    functions += " refresh_cache_metrics"
    indexes += " idx_ai_jobs_image_id idx_ai_jobs_status idx_ai_jobs_status_created"
    indexes += " idx_ai_jobs_provider idx_annotations_vision_generated"
    indexes += " idx_annotations_review_status idx_annotations_vision_review"
    indexes += " idx_annotations_review_status_created idx_annotations_reviewed_by"
    indexes += " idx_annotations_ai_job_id idx_cache_url_hash_provider idx_cache_expires_at"
    indexes += " idx_cache_last_accessed idx_cache_lookup idx_cache_active"
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace")
        relations = {row[0] for row in cursor.fetchall()}
        cursor.execute("SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace")
        procedures = {row[0] for row in cursor.fetchall()}

    assert {*tables.split(), *views.split(), *indexes.split()} - relations == set()
    assert set(functions.split()) - procedures == set()


def test_names_need_no_quoting_and_moments_have_a_zone() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name, data_type FROM information_schema.columns"
            " WHERE table_schema = 'public' AND (quote_ident(column_name) <> column_name"
            " OR quote_ident(table_name) <> table_name"
            " OR data_type = 'timestamp without time zone')"
        )
        # Documented so; quote_ident is careful, a query need not be.
        documented = {"security_audit", "anomalies"}
        assert {  # without the months of a table
            (re.sub(r"_20\d\d_\d\d\Z", "", table), column, kind)
            for table, column, kind in cursor.fetchall()
        } == {(table, "timestamp", "timestamp with time zone") for table in documented}
        for table in documented:
            cursor.execute(f"SELECT timestamp FROM {table} ORDER BY timestamp LIMIT 1")


def test_every_view_shows_nobody_more_than_its_tables() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.oid::regclass::text FROM pg_class c"
            " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE relkind = 'v'"
            " AND nspname !~ '^pg_' AND nspname <> 'information_schema'"
            " AND NOT coalesce('security_invoker=true' = ANY(reloptions), false)"
        )
        assert cursor.fetchall() == []


def test_materialized_views_hold_figures_of_the_team_and_belong_to_the_backup() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.oid::regclass::text, pg_get_userbyid(relowner) FROM pg_class c"
            " WHERE relkind = 'm'"
        )
        assert dict(cursor.fetchall()) == dict.fromkeys(MATERIALIZED, "lacuna_backup")


def test_every_function_that_runs_as_its_owner_fixes_its_search_path() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT oid::regprocedure::text FROM pg_proc"
            " WHERE pronamespace = 'public'::regnamespace AND prosecdef"
            " AND NOT coalesce(array_to_string(proconfig, ',') LIKE '%%search_path=%%', false)"
        )
        assert cursor.fetchall() == []


def test_every_table_has_row_security_forced_or_its_reason() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class"
            " WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
        )
        found = {name: (enabled, forced) for name, enabled, forced in cursor.fetchall()}

    assert {found[name] for name in TABLES} == {(True, True)}
    assert {found[name] for name in LEFT_OUT} == {(False, False)}


def test_every_policy_names_its_roles_and_gives_a_wide_sight_to_those_of_the_plan() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT polrelid::regclass || ' ' || polname,"
            " ARRAY(SELECT pg_get_userbyid(r)::text FROM unnest(polroles) r),"
            " pg_get_expr(polqual, polrelid) = 'true', 0 = ANY (polroles) FROM pg_policy"
        )
        policies = cursor.fetchall()

    assert policies
    assert [name for name, _, _, public in policies if public] == []
    assert {role for _, holders, _, _ in policies for role in holders} <= set(roles.ROLES)
    # To the application itself, all rows of these alone: they are read before anybody is known.
    assert {name for name, holders, all_, _ in policies if all_ and roles.APP in holders} == {
        "role_permissions look",
        "system_settings look",
    }


# What each sight may do with each thing of ours; they are to differ in rows alone.
_PRIVILEGES = """
WITH kept AS (
    SELECT oid, nspname FROM pg_namespace
    WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
), sight AS (
    SELECT oid, rolname FROM pg_roles WHERE rolname = ANY (%s)
), relation AS (
    SELECT c.oid, relkind FROM pg_class c, kept WHERE relnamespace = kept.oid
)
SELECT rolname, 'relation', r.oid::regclass::text || ' ' || p FROM relation r, sight s,
    unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) p
WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND has_table_privilege(s.oid, r.oid, p)
UNION ALL
SELECT rolname, 'sequence', r.oid::regclass::text || ' ' || p FROM relation r, sight s,
    unnest(ARRAY['SELECT', 'UPDATE', 'USAGE']) p
WHERE relkind = 'S' AND has_sequence_privilege(s.oid, r.oid, p)
UNION ALL
SELECT rolname, 'column', r.oid::regclass::text || ' ' || attname || ' ' || p
FROM pg_attribute a, relation r, sight s,
    unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) p
WHERE attrelid = r.oid AND attnum > 0 AND NOT attisdropped
    AND relkind IN ('r', 'p', 'v', 'm', 'f') AND has_column_privilege(s.oid, attrelid, attnum, p)
UNION ALL
SELECT rolname, 'routine', f.oid::regprocedure::text FROM pg_proc f, kept, sight s
WHERE f.pronamespace = kept.oid AND has_function_privilege(s.oid, f.oid, 'EXECUTE')
UNION ALL
SELECT rolname, 'schema', nspname || ' ' || p FROM kept, sight s,
    unnest(ARRAY['USAGE', 'CREATE']) p WHERE has_schema_privilege(s.oid, kept.oid, p)
UNION ALL
SELECT rolname, 'database', p FROM sight s, unnest(ARRAY['CREATE', 'TEMPORARY']) p
WHERE has_database_privilege(s.oid, current_database(), p)
"""


def test_the_application_may_do_the_same_in_each_of_its_sights() -> None:
    held: dict[str, set[tuple[str, str]]] = {role: set() for role in roles.SIGHTS}
    with connection.cursor() as cursor:
        cursor.execute(_PRIVILEGES, [list(roles.SIGHTS)])
        for role, kind, what in cursor.fetchall():
            held[role].add((kind, what))

    app = held[roles.APP]
    # Nothing of the database's own: neither schemas nor temporary tables and functions.
    assert {kind for kind, _ in app} == {"relation", "sequence", "column", "routine", "schema"}
    for role in (roles.ADMIN, roles.SYSTEM):
        assert held[role] ^ app == set()


def test_the_application_takes_its_sights_on_purpose_and_possesses_none() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        newer = int(cursor.fetchone()[0]) >= 160000
        options = "m.inherit_option, m.set_option" if newer else "l.rolinherit, true"
        cursor.execute(
            f"SELECT l.rolname, r.rolname, {options}, m.admin_option FROM pg_auth_members m"
            " JOIN pg_roles r ON r.oid = m.roleid JOIN pg_roles l ON l.oid = m.member"
            " WHERE l.rolname = ANY (%s)",
            [list(roles.SIGHTS)],
        )
        assert set(cursor.fetchall()) == {
            (roles.APP, roles.ADMIN, False, True, False),
            (roles.APP, roles.SYSTEM, False, True, False),
            # Figures of sessions and statements, no rows.
            (roles.SYSTEM, "pg_read_all_stats", True, True, False),
        }
        # Whoever inherited from a wide role would see with it, whatever the policies say.
        cursor.execute(
            "SELECT a.rolname, b.rolname FROM pg_roles a, pg_roles b WHERE a.oid <> b.oid"
            " AND a.rolname = ANY (%s) AND b.rolname = ANY (%s)"
            " AND pg_has_role(a.oid, b.oid, 'USAGE')",
            [list(roles.ROLES), list(roles.ROLES)],
        )
        # Before 16 the owner inherits from the backup role, to which it hands its materialized
        # views: what it owns itself, but not BYPASSRLS, which is no privilege but an attribute.
        inherited = [] if newer else [(roles.OWNER, roles.BACKUP)]
        assert cursor.fetchall() == inherited


def test_the_application_owns_nothing_and_has_no_wider_sight() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_class WHERE relowner = 'lacuna_app'::regrole")
        assert cursor.fetchone()[0] == 0
        cursor.execute(
            "SELECT rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, rolinherit"
            " FROM pg_roles WHERE rolname = 'lacuna_app'"
        )
        assert cursor.fetchone() == (False, False, False, False, False)


@pytest.mark.parametrize(
    "attempt",
    [
        "DROP TABLE images",
        "ALTER TABLE images DISABLE TRIGGER ALL",
        "TRUNCATE analysis_results_history",
        "INSERT INTO analysis_results_history SELECT * FROM analysis_results_history",
        "UPDATE analysis_results_history SET notes = 'rewritten'",
        "DELETE FROM analysis_results_history",
        "DELETE FROM django_migrations",
        "UPDATE migrations_history SET status = 'success'",
        "SELECT set_on_delete('images', 'user_id', 'CASCADE')",
        "CREATE TABLE mine (id int)",
    ],
)
def test_the_application_cannot(attempt: str) -> None:
    make_result()

    with pytest.raises(Error, match="permission denied|must be owner|no privilege"):
        connection.cursor().execute(attempt)


@pytest.mark.skipif(
    settings.EMBEDDED_HOME is None,
    reason="on a server of its own the suite logs in as somebody who may take any role",
)
@pytest.mark.parametrize("role", sorted(set(roles.ROLES) - set(roles.SIGHTS)))
def test_the_application_cannot_become_the_owner_nor_anybody_else(role: str) -> None:
    with pytest.raises(Error, match="permission denied to set role"):
        connection.cursor().execute(f"SET ROLE {role}")


def test_the_reporting_role_reads_everything_but_secrets_and_writes_nothing(
    administrator: psycopg.Connection[tuple[Any, ...]],
) -> None:
    make_user(password="secret")
    administrator.execute("SET ROLE lacuna_readonly")

    row = administrator.execute("SELECT count(email), count(email_verified) FROM users").fetchone()
    assert row == (1, 1)
    administrator.execute("SELECT * FROM image_analysis_status")
    for attempt in (
        "SELECT password_hash FROM users",
        "SELECT * FROM django_session",
        "UPDATE images SET file_name = 'x'",
        "INSERT INTO system_settings (setting_key, setting_value) VALUES ('x', '1')",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
            administrator.execute(attempt)
