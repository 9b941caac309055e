"""What it costs to have a change recorded: a save with its entry, and by trigger alone."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from tests.benchmarks import installation
from tests.benchmarks.harness import Times, interleaved, publish, table

if TYPE_CHECKING:
    from django.db.models import Model

_ROUNDS: Final = 15
_SAVES: Final = 40  # in a round
_MANY: Final = 1000
_GOAL: Final = 1.35

_TWIN = """
    DROP TABLE IF EXISTS system_settings_twin;
    CREATE TABLE system_settings_twin (LIKE system_settings INCLUDING ALL);
    CREATE TRIGGER update_twin_updated_at BEFORE UPDATE ON system_settings_twin
        FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();
    GRANT SELECT, INSERT, UPDATE, DELETE ON system_settings_twin TO lacuna_app;
    TRUNCATE system_settings;
"""


def main() -> None:
    """Rows in a guarded table and in its twin; each variant in turn, round after round."""
    installation.prepare()
    from django.db import connection

    from database.connections import as_owner

    with as_owner(connection), connection.cursor() as cursor:
        cursor.execute(_TWIN)
    try:
        single, many = _measure()
    finally:
        with as_owner(connection), connection.cursor() as cursor:
            cursor.execute("DROP TABLE system_settings_twin; TRUNCATE system_settings")
    _publish(single, many)


def _twin() -> type[Model]:
    """The same model on a table that nothing guards."""
    from django.db import models

    from database.models import SystemSetting

    class Meta:
        app_label = "database"
        db_table = "system_settings_twin"
        managed = False

    fields = {field.name: field.clone() for field in SystemSetting._meta.local_concrete_fields}
    return type("Twin", (models.Model,), {"Meta": Meta, "__module__": __name__, **fields})


def _measure() -> tuple[dict[str, Times], dict[str, Times]]:
    from database.models import SystemSetting

    tables: dict[str, Any] = {"twin": _twin(), "guarded": SystemSetting}
    rows = {}
    for name, model in tables.items():
        rows[name] = model.objects.create(setting_key="bench", setting_value=0)
        model.objects.bulk_create(
            model(setting_key=f"many{n}", setting_value=0) for n in range(_MANY)
        )
    numbers = itertools.count(1)
    single = interleaved(
        {
            "a save, unguarded": _saves(rows["twin"], numbers),
            "a save, recorded by its action": _saves(rows["guarded"], numbers, recorded=True),
            "a save, noticed by the trigger": _saves(rows["guarded"], numbers),
        },
        rounds=_ROUNDS,
        warm_ups=2,
    )
    many = interleaved(
        {
            "update of 1,000, unguarded": _update(tables["twin"], numbers),
            "update of 1,000, noticed by the trigger": _update(tables["guarded"], numbers),
        },
        rounds=_ROUNDS,
    )
    return single, many


def _saves(
    row: Any, numbers: itertools.count[int], *, recorded: bool = False
) -> Callable[[], object]:
    from django.db import transaction

    from audit.recording import record

    def run() -> None:
        for _ in range(_SAVES):
            before, row.setting_value = row.setting_value, next(numbers)
            with transaction.atomic():
                row.save()
                if recorded:
                    record(
                        "setting.updated",
                        subject=("setting", row.setting_key),
                        before={"setting_value": before},
                        after={"setting_value": row.setting_value},
                    )

    return run


def _update(model: Any, numbers: itertools.count[int]) -> Callable[[], object]:
    def run() -> None:
        changed = model.objects.filter(setting_key__startswith="many").update(
            setting_value=next(numbers)
        )
        assert changed == _MANY

    return run


def _publish(single: dict[str, Times], many: dict[str, Times]) -> None:
    rows = []
    for times, size in ((single, _SAVES), (many, 1)):
        plain = next(iter(times.values()))
        for name, found in times.items():
            each = Times(tuple(seconds / size for seconds in found.rounds))
            ratio = "" if found is plain else f"{found.median / plain.median:.2f}"
            rows.append((name, str(each), ratio))
    recorded = single["a save, recorded by its action"]
    by_plain = recorded.median / single["a save, unguarded"].median
    judged = "reached" if by_plain <= _GOAL else "missed"
    extra = many["update of 1,000, noticed by the trigger"].median
    extra -= many["update of 1,000, unguarded"].median
    publish(
        "tracked_save",
        f"A save with its entry takes {by_plain:.2f} times a plain one (goal {_GOAL}: {judged})",
        "`save()` of a small model in a transaction of its own, through Django: on a table that"
        " nothing guards; with `record()` in the same transaction, as actions do; and without, so"
        " that the trigger writes the entry. Below, `queryset.update()` of 1,000 rows in one"
        " statement: each row's entry costs"
        f" {extra / _MANY * 1e6:.0f} µs. {installation.server_version()}, private server,"
        f" {_SAVES} saves a round, variants in turn.",
        table(("", "each", "by unguarded"), rows),
        packages=("django", "psycopg"),
    )
