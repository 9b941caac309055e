"""Migrations go both ways, and their history is kept outside their transactions."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection
from django.db.migrations.loader import MigrationLoader

from database import migration_history, migration_status
from database.connections import as_owner
from database.models import MigrationRun

# The application that nothing builds on, and its latest migrations: the cheapest to take back.
TOP = "annotations"
BEFORE, LATEST = sorted(
    file.stem for file in (settings.BASE_DIR / TOP / "migrations").glob("0*.py")
)[-2:]

pytestmark = pytest.mark.django_db(transaction=True)


def ours() -> list[str]:
    """The labels of the project's own applications, each before those that it builds on."""
    inside = {
        app.label for app in apps.get_app_configs() if Path(app.path).parent == settings.BASE_DIR
    }
    graph = MigrationLoader(connection).graph
    under = {
        label: {key[0] for node in graph.leaf_nodes(label) for key in graph.forwards_plan(node)}
        for label in inside & {app for app, _ in graph.nodes}
    }
    return sorted(under, key=lambda label: len(under[label] & inside), reverse=True)


def catalogue() -> dict[str, list[Any]]:
    """What the database holds: tables with columns, constraints, indexes, functions, triggers."""
    queries = {
        "columns": "SELECT table_name, column_name, data_type, is_nullable, column_default"
        " FROM information_schema.columns WHERE table_schema = 'public'",
        "constraints": "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)"
        " FROM pg_constraint WHERE connamespace = 'public'::regnamespace",
        "indexes": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
        "functions": "SELECT oid::regprocedure::text, prosrc FROM pg_proc"
        " WHERE pronamespace = 'public'::regnamespace",
        "triggers": "SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid)"
        " FROM pg_trigger WHERE NOT tgisinternal",
        "privileges": "SELECT grantee, table_name, column_name, privilege_type"
        " FROM information_schema.column_privileges WHERE table_schema = 'public'"
        " AND grantee LIKE 'lacuna%'",
    }
    found = {}
    with connection.cursor() as cursor:
        for name, query in queries.items():
            cursor.execute(query)
            found[name] = sorted(map(str, cursor.fetchall()))
    return found


@pytest.fixture
def migrated_again() -> Iterator[None]:
    yield
    call_command("migrate", verbosity=0)


@pytest.mark.heavy
def test_every_migration_goes_back_and_forward_to_the_same_database(migrated_again: None) -> None:
    before = catalogue()

    for app in ours():
        plan = [key for key in MigrationLoader(connection).disk_migrations if key[0] == app]
        for _, name in sorted(plan, reverse=True)[1:]:
            call_command("migrate", app, name, verbosity=0)
        call_command("migrate", app, "zero", verbosity=0)
    emptied = catalogue()
    call_command("migrate", verbosity=0)

    assert not any("'images'" in row or "'users'" in row for row in emptied["columns"])
    assert not any("new_key" in row or "validate_" in row for row in emptied["functions"])
    after = catalogue()
    for kind, rows in before.items():
        assert after[kind] == rows, kind


def test_the_model_and_the_migrations_agree() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_each_run_stands_in_the_history_with_its_batch_and_duration(migrated_again: None) -> None:
    call_command("migrate", TOP, BEFORE, verbosity=0)
    call_command("migrate", TOP, verbosity=0)

    runs = MigrationRun.objects.filter(name=f"{TOP}.{LATEST}").order_by("-started_at")
    latest, before = runs[0], runs[1]
    assert (latest.status, before.status) == ("success", "rolled_back")
    assert latest.batch == before.batch + 1
    assert latest.duration_ms is not None
    assert latest.completed_at is not None
    assert latest.completed_at >= latest.started_at
    assert latest.checksum is not None
    assert len(latest.checksum) == 64


def test_a_failing_migration_leaves_its_error_in_the_history_and_nothing_else(
    migrated_again: None,
) -> None:
    call_command("migrate", TOP, "0003", verbosity=0)
    with as_owner(connection), connection.cursor() as cursor:
        cursor.execute("CREATE VIEW ai_job_stats AS SELECT 1 AS in_the_way")
    try:
        with pytest.raises(ProgrammingError, match="already exists"):
            call_command("migrate", TOP, verbosity=0)

        run = MigrationRun.objects.filter(name="annotations.0004_views").latest("started_at")
        assert run.status == "failed"
        assert run.error_message is not None
        assert "ai_job_stats" in run.error_message
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass('pending_ai_annotations')")
            assert cursor.fetchone()[0] is None, "the migration was rolled back whole"
    finally:
        with as_owner(connection), connection.cursor() as cursor:
            cursor.execute("DROP VIEW ai_job_stats")


def test_the_last_batch_is_taken_back_whole_and_no_more(migrated_again: None) -> None:
    call_command("migrate", "webhooks", "zero", verbosity=0)
    call_command("migrate", "imaging", "0003", verbosity=0)
    before = set(migration_status.report()["counts"].items())
    call_command("migrate", verbosity=0)
    [batch] = MigrationRun.objects.order_by("-batch").values_list("batch", flat=True)[:1]

    planned = io.StringIO()
    call_command("migrate", down=True, plan=True, stdout=planned)
    assert states()["imaging.0004_views"] == "applied"
    call_command("migrate", down=True, interactive=False, verbosity=0, stdout=io.StringIO())

    assert planned.getvalue().startswith(f"Would take back batch {batch}, ")
    assert "  imaging.0004_views\n" in planned.getvalue()
    assert "  webhooks.0001_" in planned.getvalue()
    assert set(migration_status.report()["counts"].items()) == before
    runs = MigrationRun.objects.filter(batch=batch + 1)
    assert set(runs.values_list("status", flat=True)) == {"rolled_back"}
    assert runs.filter(name="imaging.0004_views").count() == 1


def test_nothing_is_taken_back_without_a_word_of_consent(migrated_again: None) -> None:
    call_command("migrate", "imaging", "0003", verbosity=0)
    call_command("migrate", "imaging", verbosity=0)

    with pytest.raises(CommandError, match="say --no-input"):
        call_command("migrate", down=True, verbosity=0, stdout=io.StringIO())
    with pytest.raises(CommandError, match="name no app with it"):
        call_command("migrate", "imaging", down=True, interactive=False)

    assert states()["imaging.0004_views"] == "applied"


def test_a_batch_that_a_later_one_needs_is_not_taken_back(migrated_again: None) -> None:
    call_command("migrate", "imaging", "0003", verbosity=0)
    call_command("migrate", "imaging", "0004", verbosity=0)
    call_command("migrate", verbosity=0)
    with as_owner(connection), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE migrations_history SET batch = 9999, started_at = now()"
            " WHERE name = 'imaging.0004_views' AND status = 'success'"
        )

    with pytest.raises(CommandError, match=r"imaging.0005_\w+, .* of other batches need it"):
        call_command("migrate", down=True, interactive=False, verbosity=0)


def test_migrate_leaves_the_connection_as_the_system(migrated_again: None) -> None:
    call_command("migrate", verbosity=0)

    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone()[0] == "lacuna_system"


def test_a_database_of_an_older_version_can_be_asked_before_it_is_migrated(
    migrated_again: None,
) -> None:
    with as_owner(connection), connection.cursor() as cursor:
        cursor.execute("REVOKE ALL ON django_migrations, migrations_history FROM lacuna_system")

    call_command("makemigrations", check_changes=True, dry_run=True, verbosity=0)
    call_command("showmigrations", stdout=io.StringIO())
    call_command("migrate", plan=True, stdout=io.StringIO())
    call_command("migration_status", stdout=io.StringIO())

    with connection.cursor() as cursor, pytest.raises(ProgrammingError, match="denied"):
        cursor.execute("SELECT FROM django_migrations")


def states() -> dict[str, str]:
    return {row["name"]: row["state"] for row in migration_status.report()["migrations"]}


def test_status_tells_applied_from_pending(migrated_again: None) -> None:
    assert set(states().values()) == {"applied"}
    assert migration_status.report()["valid"]

    call_command("migrate", TOP, BEFORE, verbosity=0)

    assert states()[f"{TOP}.{LATEST}"] == "pending"
    assert not migration_status.report()["valid"]


def test_status_finds_a_migration_whose_file_is_missing() -> None:
    with as_owner(connection), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('imaging', '0099_x', now())"
        )
    try:
        assert states()["imaging.0099_x"] == "missing file"
    finally:
        with as_owner(connection), connection.cursor() as cursor:
            cursor.execute("DELETE FROM django_migrations WHERE name = '0099_x'")


def test_status_finds_a_migration_edited_since_it_was_applied(
    monkeypatch: pytest.MonkeyPatch, migrated_again: None
) -> None:
    call_command("migrate", TOP, BEFORE, verbosity=0)
    call_command("migrate", TOP, verbosity=0)
    real = migration_history.checksum

    def checksum(migration: Any) -> str | None:
        return "0" * 64 if str(migration) == f"{TOP}.{LATEST}" else real(migration)

    monkeypatch.setattr(migration_status, "checksum", checksum)

    assert states()[f"{TOP}.{LATEST}"] == "edited"


def test_a_run_that_was_killed_shows_as_interrupted(migrated_again: None) -> None:
    call_command("migrate", TOP, BEFORE, verbosity=0)
    with as_owner(connection), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO migrations_history (name, status, batch) VALUES (%s, 'running', 999)",
            [f"{TOP}.{LATEST}"],
        )

    assert states()[f"{TOP}.{LATEST}"] == "interrupted"


def test_the_command_prints_json_alone_and_fails_on_request(migrated_again: None) -> None:
    out = io.StringIO()
    call_command("migration_status", "--json", stdout=out)
    report = json.loads(out.getvalue())
    assert report["counts"] == {"applied": len(report["migrations"])}

    call_command("migrate", TOP, BEFORE, verbosity=0)
    with pytest.raises(SystemExit) as ended:
        call_command("migration_status", "--validate", stdout=io.StringIO())
    assert ended.value.code == 1


def test_the_command_shows_the_history(migrated_again: None) -> None:
    call_command("migrate", TOP, BEFORE, verbosity=0)
    out = io.StringIO()
    call_command("migration_status", "--history", "2", stdout=out)

    lines = out.getvalue().splitlines()
    assert f"{TOP}.{LATEST}" in lines[0]
    assert "rolled_back" in lines[0]


def test_a_second_run_of_an_exclusive_command_is_refused_with_75() -> None:
    from database.connections import own_connection

    with own_connection() as other:
        other.execute("SELECT pg_advisory_lock(hashtextextended('command cleanup_cache', 0))")
        with pytest.raises(CommandError, match="Another cleanup_cache is running") as refused:
            call_command("cleanup_cache")
    assert refused.value.returncode == 75
