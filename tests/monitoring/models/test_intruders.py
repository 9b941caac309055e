"""What somebody gets who speaks plain SQL under their own name: their own rows, and no more.

Every table, verb and role is tried in tests/database/rows; here are the ways that are monitoring's.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.db import Error, connection, transaction
from django.utils import timezone

from accounts.models import User
from database.actor import acting_as
from monitoring.actions import alerting
from monitoring.models import Alert, Analysis, Anomaly, Dataset, MonitorBlock
from tests.factories import (
    make_analysis,
    make_anomaly,
    make_dataset,
    make_map,
    make_user,
)
from tests.monitoring.alerting.making import make_rule, placed, show

pytestmark = pytest.mark.django_db

TABLES = (
    "file_uploads", "file_checks", "datasets", "dinsight_data", "feature_data", "analyses",
    "monitor_data", "monitor_data_archive", "anomalies", "analysis_archives", "alert_rules",
    "alert_rule_states", "alert_evaluations", "alerts", "alert_silences", "alert_notifications",
)  # fmt: skip


def sql(statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall()) if cursor.description else []


@pytest.fixture
def victim() -> User:
    """Somebody with a machine that is watched."""
    return make_user("analyst")


@pytest.fixture
def press(victim: User) -> Dataset:
    """The machine; with a file, a map, samples, an anomaly, and an alert of a rule."""
    press = make_dataset(victim, name="Press 3")
    analysis = placed(press, [4])
    sql(
        "INSERT INTO feature_data (file_upload_id, feature_values) VALUES (%s, '{{1,2},{3,4}}')",
        analysis.file_upload_id,
    )
    show(make_rule(press), "critical")
    return press


@pytest.fixture
def intruder(press: Dataset) -> User:
    """Somebody of the same role."""
    return make_user("analyst")


def test_no_table_view_or_function_shows_a_row(press: Dataset, intruder: User) -> None:
    file = Analysis.objects.get().file_upload_id
    sql("INSERT INTO performance_metrics (metric_name, metric_type, value) VALUES ('a','count',1)")

    with acting_as(intruder.pk):
        for name in (*TABLES, "feature_rows", "monitor_samples", "alert_phases"):
            assert sql(f"SELECT count(*) FROM {name}") == [(0,)], name
        assert sql("SELECT feature_row(%s, 1)", file) == [(None,)]
        assert sql("SELECT count(*) FROM config_data") != [(0,)]  # parameters are the team's
    figures = (
        "SELECT count(*) FROM aggregate_performance_metrics("
        "'1 hour', now() - interval '1 day', now() + interval '1 day')"
    )
    assert sql(figures) == [(1,)]  # figures are, too; nobody sees none
    with acting_as(None):
        assert sql(figures) == [(0,)]


@pytest.mark.parametrize("verb", ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "COPY"])
@pytest.mark.parametrize("parent", ["monitor_data", "anomalies", "performance_metrics"])
def test_a_month_cannot_be_reached_by_its_name(
    press: Dataset, intruder: User, parent: str, verb: str
) -> None:
    months = sql("SELECT inhrelid::regclass::text FROM pg_inherits"
                 " WHERE inhparent = %s::regclass ORDER BY 1", parent)  # fmt: skip
    statement = {
        "SELECT": "SELECT 1 FROM {}",
        "INSERT": "INSERT INTO {} DEFAULT VALUES",
        "UPDATE": "UPDATE {} SET id = id",
        "DELETE": "DELETE FROM {}",
        "TRUNCATE": "TRUNCATE {}",
        "COPY": "COPY {} TO STDOUT",
    }[verb]

    assert len(months) >= 4
    with acting_as(intruder.pk):
        for (month,) in months:
            with pytest.raises(Error, match="permission denied"):
                sql(statement.format(month))


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT setval('config_data_id_seq', 1)",
        "ALTER SEQUENCE config_data_id_seq RESTART",
        "SELECT last_value FROM config_data_id_seq",
        "TRUNCATE datasets CASCADE",
        "DROP POLICY own ON datasets",
        "ALTER TABLE alerts DISABLE TRIGGER ALL",
        "CREATE TRIGGER mine AFTER INSERT ON anomalies EXECUTE FUNCTION keep_anomaly()",
        "SET session_replication_role = replica",
    ],
)
def test_what_holds_the_tables_together_cannot_be_touched(intruder: User, statement: str) -> None:
    with (
        acting_as(intruder.pk),
        pytest.raises(Error, match=r"permission denied|must be (able to SET ROLE|owner|member)"),
    ):
        sql(statement)


def test_nothing_can_be_hung_on_what_belongs_to_somebody_else(
    press: Dataset, victim: User, intruder: User
) -> None:
    """Foreign keys look past row security; what takes its owner from the other row does not."""
    analysis, rule = Analysis.objects.get(), press.alert_rules.get()
    map_id, file_id = analysis.dinsight_id, analysis.file_upload_id
    own = make_dataset(intruder)
    tries = {
        "feature_data": ("file_upload_id, feature_values", "%s, '{{1}}'", [file_id]),
        "dinsight_data": (
            "file_upload_id, config_id, x_values, y_values",
            "%s, (SELECT min(id) FROM config_data), '{1}', '{1}'",
            [file_id],
        ),
        "monitor_data": (
            "dinsight_id, monitor_values, x_values, y_values, process_order",
            "%s, '{1}', '{1}', '{1}', 9",
            [map_id],
        ),
        "analyses": (
            "dataset_id, file_upload_id, analysis_type, created_by",
            "%s, %s, 'fit', %s",
            [press.pk, file_id, intruder.pk],
        ),
        "anomalies": (
            "analysis_id, dataset_id, severity, distance, threshold, features",
            "%s, %s, 'low', 1, 1, '[]'",
            [analysis.pk, press.pk],
        ),
        "alert_rules": (
            "dataset_id, name, condition, actions, severity, created_by",
            "%s, 'x', '{}', '[]', 'low', %s",
            [press.pk, intruder.pk],
        ),
        "alert_silences": (
            "dataset_id, ends_at, comment, created_by",
            "%s, now() + '1 day', 'x', %s",
            [press.pk, intruder.pk],
        ),
        "alerts": ("alert_rule_id, dataset_id, data", "%s, %s, '{}'", [rule.pk, press.pk]),
        "analyses ": (
            "dataset_id, file_upload_id, analysis_type, created_by",
            "%s, %s, 'fit', %s",
            [own.pk, file_id, intruder.pk],
        ),
        "file_checks": ("file_id, user_id", "%s, %s", [file_id, victim.pk]),
    }
    with acting_as(intruder.pk):
        for table, (columns, values, parameters) in tries.items():
            with pytest.raises(
                Error, match="row-level security|null value|takes files of its owner|permission"
            ):
                sql(f"INSERT INTO {table} ({columns}) VALUES ({values})", *parameters)


def test_samples_of_one_s_own_hung_on_another_s_analysis_raise_none_of_their_alerts(
    press: Dataset, intruder: User
) -> None:
    quiet = placed(press, [0])
    own = make_map(intruder)
    before = Alert.objects.count()

    with acting_as(intruder.pk):
        sql(
            "INSERT INTO monitor_data (dinsight_id, analysis_id, monitor_values, x_values,"
            " y_values, process_order, scores, p_values, severities)"
            " VALUES (%s, %s, '{1}', '{1}', '{1}', 1, '{9}', '{0.001}', '{4}')",
            own.pk,
            quiet.pk,
        )

    assert MonitorBlock.objects.filter(analysis_id=quiet.pk).count() == 2
    outcome = alerting.evaluate_analysis(quiet.pk)
    assert (outcome.samples, outcome.opened) == (1, 0)
    assert Alert.objects.count() == before


def test_a_map_of_somebody_else_cannot_be_named(press: Dataset, intruder: User) -> None:
    theirs, own = Analysis.objects.get().dinsight_id, make_analysis(make_dataset(intruder))
    statements = {
        "INSERT INTO analyses (dataset_id, file_upload_id, analysis_type, created_by, dinsight_id)"
        " VALUES (%s, %s, 'place', %s, %s)": [
            own.dataset_id, own.file_upload_id, intruder.pk, theirs,
        ],
        "UPDATE analyses SET dinsight_id = %s WHERE id = %s": [theirs, own.pk],
    }  # fmt: skip

    for person in (intruder, make_user("admin")):
        with acting_as(person.pk):
            for statement, parameters in statements.items():
                with pytest.raises(Error, match="takes maps of its owner alone"):
                    sql(statement, *parameters)


def changes(of: dict[str, UUID]) -> dict[str, str]:
    """Statements in which somebody writes another's name."""
    return {
        "anomalies": "UPDATE anomalies SET acknowledged = true, acknowledged_at = now(),"
        f" acknowledged_by = '{of['other']}'",
        "alerts": "UPDATE alerts SET status = 'acknowledged', acknowledged_at = now(),"
        f" acknowledged_by = '{of['other']}'",
        "alerts ": "UPDATE alerts SET status = 'resolved', resolved_at = now(),"
        f" resolution_note = 'x', resolved_by = '{of['other']}'",
        "alert_rules": "INSERT INTO alert_rules (dataset_id, name, condition, actions, severity,"
        f" created_by) VALUES ('{of['dataset']}', 'x', '{{}}', '[]', 'low', '{of['other']}')",
        "alert_silences": "INSERT INTO alert_silences (dataset_id, ends_at, comment, created_by)"
        f" VALUES ('{of['dataset']}', now() + '1 day', 'x', '{of['other']}')",
        "analyses": "INSERT INTO analyses (dataset_id, file_upload_id, analysis_type, created_by)"
        f" VALUES ('{of['dataset']}', '{of['file']}', 'fit', '{of['other']}')",
    }


@pytest.mark.parametrize("table", list(changes(dict.fromkeys(("other", "dataset", "file")))))  # type: ignore[arg-type]
def test_nobody_writes_another_s_name(
    press: Dataset, victim: User, intruder: User, table: str
) -> None:
    analysis = Analysis.objects.get()
    of = {"dataset": press.pk, "file": analysis.file_upload_id}
    forged = changes({**of, "other": intruder.pk})[table]
    honest = changes({**of, "other": victim.pk})[table]

    with acting_as(victim.pk):
        with pytest.raises(Error, match="names whoever writes it, and nobody else"):
            sql(forged)
        sql(honest)
    with acting_as(make_user("admin").pk):
        if not forged.startswith("UPDATE"):
            sql(forged)  # an admin acts for others


def test_a_file_of_plain_sql_is_whoever_s_it_is_who_acts(intruder: User) -> None:
    documented = "INSERT INTO file_uploads (original_filename, file_size) VALUES ('a.csv', 5)"

    with acting_as(intruder.pk):
        [(owner, status)] = sql(f"{documented} RETURNING user_id, status")

    assert (owner, status) == (intruder.pk, "pending")
    with acting_as(None), pytest.raises(Error, match=r"null value|row-level security"):
        sql(documented)


def test_what_an_admin_acknowledged_its_owner_still_resolves(press: Dataset, victim: User) -> None:
    admin = make_user("admin")
    with acting_as(admin.pk):
        sql("UPDATE alerts SET status = 'acknowledged', acknowledged_at = now(),"
            " acknowledged_by = %s", admin.pk)  # fmt: skip

    with acting_as(victim.pk):
        sql("UPDATE alerts SET status = 'resolved', resolved_at = now(), resolved_by = %s,"
            " resolution_note = 'done'", victim.pk)  # fmt: skip

    alert = Alert.objects.get()
    assert (alert.acknowledged_by, alert.resolved_by) == (admin, victim)


def test_an_anomaly_of_somebody_else_is_neither_acknowledged_nor_deleted(intruder: User) -> None:
    own = make_anomaly(make_analysis(make_dataset(intruder)))
    moment = timezone.now()

    with acting_as(intruder.pk):
        sql(
            "UPDATE anomalies SET acknowledged = true, acknowledged_at = %s, acknowledged_by = %s",
            moment, intruder.pk,
        )  # fmt: skip
        with pytest.raises(Error, match="permission denied"):
            sql("DELETE FROM anomalies")

    assert list(Anomaly.objects.filter(acknowledged=True)) == [own]
