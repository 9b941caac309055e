"""How fast a rotation goes through rows, beside the updates of the same rows alone."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.benchmarks import installation
from tests.benchmarks.harness import interleaved, publish, table

_ROWS: Final = 10_000
_ROUNDS: Final = 7
_BATCH: Final = 1000


def main() -> None:
    """A table of its own with one secret a row; a new master key before each round."""
    installation.prepare()
    from django.conf import settings

    from database.encryption import providers

    with tempfile.TemporaryDirectory() as folder:
        settings.SECRETS_KEYRING = Path(folder) / "keyring.json"
        providers.local(settings.SECRETS_KEYRING).create()
        _in_a_table_of_its_own(_measure)


def _in_a_table_of_its_own(measure: Callable[[Any], None]) -> None:
    from django.db import connection

    from database.connections import as_owner

    model = _model()
    drop = f"DROP TABLE IF EXISTS {model._meta.db_table}"
    with as_owner(connection):
        with connection.cursor() as cursor:
            cursor.execute(drop)
        with connection.schema_editor() as editor:
            editor.create_model(model)
        with connection.cursor() as cursor:
            cursor.execute(
                f"GRANT SELECT, INSERT, UPDATE, DELETE ON {model._meta.db_table}"
                " TO lacuna_app, lacuna_system"
            )
    try:
        measure(model)
    finally:
        with as_owner(connection), connection.cursor() as cursor:
            cursor.execute(drop)


def _model() -> Any:
    from django.db import models

    from database.encryption.fields import EncryptedField
    from database.fields import KeyField

    class Meta:
        app_label = "database"
        db_table = "bench_secrets"

    parts = {"Meta": Meta, "__module__": __name__, "id": KeyField(), "code": EncryptedField()}
    return type("BenchSecret", (models.Model,), parts)


def _measure(model: Any) -> None:
    from django.conf import settings
    from django.db import connection

    from database.encryption import envelope, providers
    from database.encryption.place import Place
    from database.encryption.rewrapping import Run

    ring = providers.local(settings.SECRETS_KEYRING)
    model.objects.bulk_create(model(code=f"JBSWY3DPEHPK{n:04d}") for n in range(_ROWS))
    real = envelope.rewrap

    def rewrap() -> None:
        ring.add()
        run = Run(batch_size=_BATCH)
        for _ in run.passes():
            pass
        assert run.rewrapped == _ROWS
        assert run.undecryptable == []

    def as_it_is(blob: bytes, place: Place) -> bytes:
        return blob

    def updates_alone() -> None:
        envelope.rewrap = as_it_is
        try:
            rewrap()
        finally:
            envelope.rewrap = real

    def one_statement() -> None:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE bench_secrets SET code = code")

    def encrypt_anew() -> None:
        for row in model.objects.iterator():
            row.code = row.code.reveal()
            row.save()

    found = interleaved(
        {
            "one UPDATE of all rows": one_statement,
            "the same reads and updates in batches, without keys": updates_alone,
            "rewrap_secrets": rewrap,
            "reveal() and save() of each row": encrypt_anew,
        },
        rounds=_ROUNDS,
    )
    plain = found["the same reads and updates in batches, without keys"].median
    rows = [
        (name, str(times), f"{_ROWS / times.median:,.0f}", f"{times.median / plain:.2f}")
        for name, times in found.items()
    ]
    taken = found["rewrap_secrets"].median
    publish(
        "rewrap",
        f"A rotation goes through {_ROWS / taken:,.0f} rows a second,"
        f" {taken / plain:.2f} times the updates alone",
        f"{_ROWS:,} rows with one encrypted text each, batches of {_BATCH:,}, local keyring. Each"
        " row is unwrapped, wrapped anew, decrypted once to see that it can be, and written if it"
        f" still holds what was read. {installation.server_version()}, private server, variants in"
        " turn.",
        table(("", "time", "rows a second", "by updates alone"), rows),
        packages=("django", "psycopg", "cryptography"),
    )


if __name__ == "__main__":
    main()
