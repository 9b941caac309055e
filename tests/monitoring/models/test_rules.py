"""What the tables hold by themselves, asked in plain SQL, as an intruder or an import would."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import Error, connection, transaction

from accounts.models import User
from audit.models import Entry
from database.actor import acting_as
from monitoring.models import Analysis, Anomaly, BaselineMap, FeatureBlock, MonitorBlock
from tests.factories import (
    make_analysis,
    make_anomaly,
    make_dataset,
    make_file,
    make_map,
    make_user,
)

pytestmark = pytest.mark.django_db


def sql(statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall()) if cursor.description else []


@pytest.fixture
def engineer() -> User:
    return make_user("analyst")


def test_the_documented_columns_are_enough(engineer: User) -> None:
    """A row of the documented tables is as good as one of ours."""
    file = make_file(engineer)
    (config,) = sql("INSERT INTO config_data DEFAULT VALUES RETURNING id")[0]
    (map_id,) = sql(
        "INSERT INTO dinsight_data (file_upload_id, config_id, x_values, y_values)"
        " VALUES (%s, %s, '{1,2}', '{3,4}') RETURNING id", file.pk, config,
    )[0]  # fmt: skip
    sql(
        "INSERT INTO feature_data (file_upload_id, feature_values, metadata)"
        " VALUES (%s, '{{1,2},{3,4}}', '{\"note\": 1}'), (%s, '{{5,6}}', NULL)", file.pk, file.pk,
    )  # fmt: skip
    sql(
        "INSERT INTO monitor_data (dinsight_id, monitor_values, x_values, y_values, process_order)"
        " VALUES (%s, '{7,8}', '{1}', '{2}', 1), (%s, '{{1,2},{3,4}}', '{1,2}', '{3,4}', 2)",
        map_id, map_id,
    )  # fmt: skip
    (dataset,) = sql("INSERT INTO datasets (user_id, name) VALUES (%s, 'x') RETURNING id",
                     engineer.pk)[0]  # fmt: skip
    (analysis,) = sql(
        "INSERT INTO analyses (dataset_id, file_upload_id, analysis_type, created_by)"
        " VALUES (%s, %s, 'fit', %s) RETURNING id", dataset, file.pk, engineer.pk,
    )[0]  # fmt: skip
    sql(
        "INSERT INTO anomalies (analysis_id, dataset_id, \"timestamp\", severity, distance,"
        " threshold, features) VALUES (%s, %s, now(), 'low', 2, 1, '[]')", analysis, dataset,
    )  # fmt: skip
    sql("INSERT INTO performance_metrics (metric_name, metric_type, value) VALUES ('a','gauge',1)")

    assert not BaselineMap.objects.get().takes_samples
    assert list(FeatureBlock.objects.order_by("row_start").values_list("row_start", "row_count")) \
        == [(1, 2), (3, 1)]  # fmt: skip
    owners = {
        model.__name__: set(model._default_manager.values_list("user_id", flat=True))
        for model in (BaselineMap, FeatureBlock, MonitorBlock, Analysis, Anomaly)
    }
    assert owners == {name: {engineer.pk} for name in owners}
    assert sql("SELECT feature_row(%s, 3)", file.pk) == [([5.0, 6.0],)]
    found = sql("SELECT row_number, feature_values, metadata FROM feature_rows ORDER BY 1")
    assert [(row[0], row[1]) for row in found] == [(1, [1, 2]), (2, [3, 4]), (3, [5, 6])]
    assert json.loads(found[0][2]) == {"note": 1}
    assert sql(
        "SELECT process_order, x, y, monitor_values, severity FROM monitor_samples ORDER BY 1"
    ) == [(1, 1, 2, [7, 8], None), (2, 1, 3, [1, 2], None), (3, 2, 4, [3, 4], None)]


@pytest.mark.parametrize(
    ("table", "column", "target", "action"),
    [
        ("datasets", "user_id", "users", "c"),
        ("dinsight_data", "file_upload_id", "file_uploads", "r"),
        ("dinsight_data", "config_id", "config_data", "r"),
        ("feature_data", "file_upload_id", "file_uploads", "c"),
        ("monitor_data", "dinsight_id", "dinsight_data", "r"),
        ("analyses", "dataset_id", "datasets", "c"),
        ("analyses", "file_upload_id", "file_uploads", "r"),
        ("analyses", "dinsight_id", "dinsight_data", "r"),
        ("analyses", "created_by", "users", "r"),
        ("anomalies", "analysis_id", "analyses", "c"),
        ("anomalies", "dataset_id", "datasets", "c"),
        ("anomalies", "acknowledged_by", "users", "r"),
    ],
)
def test_the_documented_relations_are_held(
    table: str, column: str, target: str, action: str
) -> None:
    assert sql(
        "SELECT c.confrelid::regclass::text, c.confdeltype::text FROM pg_constraint c"
        " JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]"
        " WHERE c.contype = 'f' AND c.conrelid = %s::regclass AND a.attname = %s",
        table, column,
    ) == [(target, action)]  # fmt: skip


@pytest.mark.parametrize("table", ["monitor_data", "anomalies", "performance_metrics"])
def test_the_months_are_there(table: str) -> None:
    (count,) = sql("SELECT count(*) FROM pg_inherits WHERE inhparent = %s::regclass", table)[0]

    assert count >= 4


def test_deleting_a_dataset_takes_its_analyses_and_anomalies_along() -> None:
    anomaly = make_anomaly()

    sql("DELETE FROM datasets WHERE id = %s", anomaly.dataset_id)

    assert not Analysis.objects.exists()
    assert not Anomaly.objects.exists()


def test_an_anomaly_is_of_the_dataset_of_its_analysis(engineer: User) -> None:
    analysis, other = make_analysis(), make_dataset()

    with pytest.raises(Error, match="violates foreign key"):
        make_anomaly(analysis, dataset=other)


def test_a_dataset_takes_files_of_its_owner_alone(engineer: User) -> None:
    with pytest.raises(Error, match="takes files of its owner alone"):
        make_analysis(make_dataset(engineer), file_upload=make_file())


@pytest.mark.parametrize(
    ("table", "change", "said"),
    [
        ("analyses", "status = 'pending'", "cannot go from completed to pending"),
        ("analyses", "results = '{}'", "keeps what it is about"),
        ("analyses", "analysis_type = 'fit'", "keeps what it is about"),
        ("analyses", "alarm_level = 0.5", "keeps what it is about"),
        ("anomalies", "severity = 'high'", "stays what it is"),
        ("anomalies", "features = '[]'", "stays what it is"),
        ("anomalies", "acknowledged = true", "anomalies_acknowledged_check"),
        ("anomalies", "acknowledged_at = now()", "anomalies_acknowledged_check"),
        ("dinsight_data", "x_values = '{9,9,9}'", "permission denied"),
        ("datasets", "name = ' '", "datasets_name_check"),
        ("datasets", "metadata = '[]'", "datasets_metadata_check"),
        ("datasets", "tags = ARRAY[NULL]", "datasets_tags_check"),
        ("datasets", "sealed_metadata = 'x', metadata = '{\"a\": 1}'", "datasets_sealed_check"),
    ],
)
def test_what_may_not_be_changed(table: str, change: str, said: str) -> None:
    make_anomaly(make_analysis(alarm_level=0.01))

    with pytest.raises(Error, match=said):
        sql(f"UPDATE {table} SET {change}")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"severity": "worse"}, "anomalies_severity_check"),
        ({"p_value": 1.5}, "anomalies_figures_check"),
        ({"features": 5}, "anomalies_features_check"),
    ],
)
def test_an_anomaly_that_cannot_be_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(Error, match=said):
        make_anomaly(**fields)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"x_values": [1.0]}, "dinsight_data_places_check"),
        ({"baseline": b"x"}, "dinsight_data_whole_check"),
    ],
)
def test_a_map_that_cannot_be_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(Error, match=said):
        make_map(**fields)


def test_a_completed_analysis_says_what_came_out() -> None:
    with pytest.raises(Error, match="analyses_completed_check"):
        make_analysis(results=None)


def test_a_failed_analysis_is_written_down() -> None:
    analysis = make_analysis(status="processing", results=None)

    sql("UPDATE analyses SET status = 'failed', error_message = 'Why.' WHERE id = %s", analysis.pk)

    told = Entry.objects.get(action="dataset.analysis_failed")
    assert told.resource_id == str(analysis.dataset_id)
    assert told.details is not None
    assert told.details["error"] == "Why."


def test_datasets_analyses_and_anomalies_are_their_owners_alone(engineer: User) -> None:
    own, other = make_anomaly(make_analysis(make_dataset(engineer))), make_anomaly()
    tables = ("datasets", "analyses", "anomalies", "dinsight_data")

    def seen() -> list[int]:
        return [sql(f"SELECT count(*) FROM {table}")[0][0] for table in tables]

    with acting_as(engineer.pk):
        assert seen() == [1, 1, 1, 1]
        assert sql("SELECT id FROM anomalies") == [(own.pk,)]
        with pytest.raises(Error, match="row-level security"):
            sql("INSERT INTO datasets (user_id, name) VALUES (%s, 'x')", other.user_id)
    with acting_as(make_user("viewer").pk):
        assert seen() == [0, 0, 0, 0]
    with acting_as(make_user("admin").pk):
        assert seen() == [2, 2, 2, 2]
