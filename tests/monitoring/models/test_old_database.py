"""Rows of an old DInsight database, by the statements of docs/old-database.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from django.conf import settings

from database import roles
from database.connections import own_connection

# The tables as the old system documents them; ``uuid_generate_v4`` was an extension's.
_OLD: Final = """
CREATE SCHEMA old;
CREATE TABLE old.file_uploads (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(), original_filename VARCHAR(255) NOT NULL,
    file_size BIGINT NOT NULL, file_path VARCHAR(500),
    status VARCHAR(50) NOT NULL DEFAULT 'pending', error_message TEXT, merged_files JSONB,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE old.config_data (
    id SERIAL PRIMARY KEY, gamma0 FLOAT NOT NULL DEFAULT 1e-7,
    optimizer VARCHAR(50) NOT NULL DEFAULT 'adam', alpha FLOAT NOT NULL DEFAULT 0.1,
    end_meta VARCHAR(255) NOT NULL DEFAULT 'participant',
    start_dim VARCHAR(255) NOT NULL DEFAULT 'f_0', end_dim VARCHAR(255) NOT NULL DEFAULT 'f_1023',
    imax INTEGER NOT NULL DEFAULT 1000, lowdim INTEGER NOT NULL DEFAULT 2,
    eta FLOAT NOT NULL DEFAULT 0.5, epsilon FLOAT NOT NULL DEFAULT 1e-8,
    beta1 FLOAT NOT NULL DEFAULT 0.9, beta2 FLOAT NOT NULL DEFAULT 0.999,
    beta FLOAT NOT NULL DEFAULT 0.5, a FLOAT NOT NULL DEFAULT 0.8, w1 FLOAT NOT NULL DEFAULT 0.04,
    w2 FLOAT NOT NULL DEFAULT 1, which_w1 VARCHAR(50) NOT NULL DEFAULT 'auto',
    mode VARCHAR(50) NOT NULL DEFAULT 'kanadaSan', param_mode FLOAT NOT NULL DEFAULT 0.3,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE old.dinsight_data (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    file_upload_id UUID NOT NULL REFERENCES old.file_uploads(id),
    config_id INTEGER NOT NULL REFERENCES old.config_data(id),
    x_values FLOAT[] NOT NULL, y_values FLOAT[] NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE old.feature_data (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    file_upload_id UUID NOT NULL REFERENCES old.file_uploads(id),
    feature_values FLOAT[][] NOT NULL, metadata JSONB,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE old.monitor_data (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    dinsight_id UUID NOT NULL REFERENCES old.dinsight_data(id), monitor_values FLOAT[] NOT NULL,
    x_values FLOAT[] NOT NULL, y_values FLOAT[] NOT NULL, metadata JSONB,
    process_order INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP
);
INSERT INTO old.config_data (imax, created_at) VALUES (500, '2024-01-05Z'), (900, '2024-02-05Z');
INSERT INTO old.file_uploads VALUES
    ('00000000-0000-4000-8000-000000000001', 'press.csv', 1234, '/data/press.csv', 'completed',
        NULL, '["a.csv"]', '2024-01-06Z', '2024-01-07Z'),
    ('00000000-0000-4000-8000-000000000002', 'torn.csv', 5, NULL, 'failed', 'no header', NULL,
        '2024-03-06Z', NULL);
INSERT INTO old.dinsight_data VALUES
    ('00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-000000000001', 2,
        '{1,2,3}', '{4,5,6}', '2024-01-08Z');
INSERT INTO old.feature_data (file_upload_id, feature_values, metadata, created_at) VALUES
    ('00000000-0000-4000-8000-000000000001', '{{1,2},{3,4}}', '{"p": "a"}', '2024-01-08Z'),
    ('00000000-0000-4000-8000-000000000001', '{5,6}', NULL, '2024-01-08T01:00Z');
INSERT INTO old.monitor_data (
    dinsight_id, monitor_values, x_values, y_values, metadata, process_order, created_at
)
SELECT '00000000-0000-4000-8000-00000000000a', ARRAY[n, 2 * n], ARRAY[n], ARRAY[-n],
    '{"p": "b"}', n, timestamptz '2024-02-01Z' + n * interval '20 days'
FROM generate_series(1, 4) AS n;
"""


def load_sql() -> str:
    """The statements as the page has them."""
    page = (Path(settings.BASE_DIR) / "docs/old-database.md").read_text(encoding="utf-8")
    (found,) = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    return str(found)


Connection = psycopg.Connection[tuple[Any, ...]]
OWNER: Final = "00000000-0000-4000-8000-0000000000ff"
MAP: Final = "00000000-0000-4000-8000-00000000000a"


@pytest.fixture
def old(django_db_setup: None) -> Iterator[Connection]:
    """The old tables beside ours, for the owner of the database, who loads them; rolled back."""
    with own_connection(login=settings.DATABASE_ADMIN) as connection:
        connection.execute("BEGIN")
        connection.execute(f"SET LOCAL ROLE {roles.OWNER}")
        connection.execute(
            "INSERT INTO users (id, email, password_hash, role)"
            f" VALUES ('{OWNER}', 'engineer@plant.example', '', 'analyst')"
        )
        connection.execute("SET LOCAL old.owner = 'engineer@plant.example'")
        connection.execute(_OLD)
        yield connection
        connection.execute("ROLLBACK")


def rows(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    return connection.execute(query).fetchall()


def test_old_rows_load_with_an_owner_a_dataset_and_analyses(old: Connection) -> None:
    old.execute(load_sql())

    assert rows(
        old,
        "SELECT d.user_id::text, d.name, d.tags, d.last_analysis_at = m.created_at"
        " FROM datasets d, dinsight_data m",
    ) == [(OWNER, "Old DInsight", ["old"], True)]
    assert rows(
        old,
        "SELECT m.id::text, m.user_id::text, m.row_count, m.x_values, c.imax, m.baseline IS NULL"
        " FROM dinsight_data m JOIN config_data c ON c.id = m.config_id",
    ) == [(MAP, OWNER, 3, [1, 2, 3], 900, True)]
    assert rows(
        old,
        "SELECT f.original_filename, a.status, a.dinsight_id::text, a.user_id::text,"
        " a.created_by::text FROM analyses a JOIN file_uploads f ON f.id = a.file_upload_id"
        " ORDER BY a.created_at",
    ) == [
        ("press.csv", "completed", MAP, OWNER, OWNER),
        ("torn.csv", "cancelled", None, OWNER, OWNER),
    ]
    assert rows(old, "SELECT row_number, feature_values FROM feature_rows ORDER BY 1") == [
        (1, [1, 2]), (2, [3, 4]), (3, [5, 6]),
    ]  # fmt: skip
    assert rows(
        old, "SELECT process_order, x, y, monitor_values, user_id::text FROM monitor_samples"
        " ORDER BY 1",
    ) == [(n, n, -n, [n, 2 * n], OWNER) for n in range(1, 5)]  # fmt: skip
    assert rows(old, "SELECT error_message FROM file_uploads ORDER BY original_filename") == [
        ("Loaded from an old database, without its bytes, which lay at /data/press.csv. Its status"
         " there was completed. Upload it again to make a new map of it.",),
        ("Loaded from an old database, without its bytes. Its status there was failed: no header."
         " Upload it again to make a new map of it.",),
    ]  # fmt: skip
    assert rows(old, "INSERT INTO config_data DEFAULT VALUES RETURNING id > 2") == [(True,)]


TABLES: Final = (
    "file_uploads", "config_data", "dinsight_data", "feature_data", "monitor_data", "datasets",
    "analyses",
)  # fmt: skip


def test_loading_twice_adds_nothing_and_changes_nothing(old: Connection) -> None:
    def everything() -> list[list[tuple[Any, ...]]]:
        return [rows(old, f"SELECT to_jsonb(t) FROM {table} t ORDER BY id") for table in TABLES]

    old.execute(load_sql())
    before = everything()

    old.execute(load_sql())

    assert all(before)
    assert everything() == before


def test_nothing_to_load_is_no_error(old: Connection) -> None:
    old.execute(
        "TRUNCATE old.file_uploads, old.config_data, old.dinsight_data, old.feature_data,"
        " old.monitor_data"
    )

    old.execute(load_sql())

    assert rows(old, "SELECT count(*) FROM datasets") == [(0,)]


def test_what_does_not_fit_stops_the_load_by_name(old: Connection) -> None:
    old.execute("UPDATE old.dinsight_data SET y_values = '{4,5}'")

    with pytest.raises(psycopg.errors.CheckViolation, match="dinsight_data_places_check"):
        old.execute(load_sql())


def test_nobody_is_no_owner(old: Connection) -> None:
    old.execute("SET LOCAL old.owner = 'nobody@plant.example'")

    with pytest.raises(psycopg.errors.RaiseException, match="Invite them first"):
        old.execute(load_sql())
