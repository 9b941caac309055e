"""A thousand planted secrets are looked for wherever the product writes anything down."""

from __future__ import annotations

import json
import logging
import secrets
import traceback
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection, models
from django.test.utils import CaptureQueriesContext
from django.views.debug import ExceptionReporter

from database.encryption.errors import CannotSeal, EncryptionError, Undecryptable
from database.encryption.local import LocalKeyring
from tests.database.encryption.rows import command
from tests.database.secretsapp.models import OtherSafe, Safe

PLANTED = [secrets.token_urlsafe(12) for _ in range(1000)]


def assert_nothing_planted(text: str) -> None:
    found = [secret for secret in PLANTED if secret in text]
    assert found == []


@pytest.fixture
def planted(transactional_db: None) -> list[Safe]:
    return Safe.objects.bulk_create(
        Safe(label=str(number), code=secret, papers={"key": [secret]})
        for number, secret in enumerate(PLANTED)
    )


def test_neither_the_database_nor_its_queries_nor_fixtures_show_one(
    ring: LocalKeyring,
    administrator: psycopg.Connection[tuple[Any, ...]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    with CaptureQueriesContext(connection) as queries:
        Safe.objects.bulk_create(Safe(code=secret, papers={"key": [secret]}) for secret in PLANTED)
        for safe in Safe.objects.all()[:50]:
            safe.spare = PLANTED[0]
            safe.save()
    assert_nothing_planted("".join(query["sql"] for query in queries.captured_queries))
    with administrator.cursor().copy("COPY test_safes TO STDOUT (FORMAT binary)") as copied:
        dump = b"".join(bytes(block) for block in copied)
    assert len(dump) > 1000 * 200
    assert_nothing_planted(dump.decode("latin-1"))
    with administrator.cursor().copy("COPY test_safes TO STDOUT") as copied:
        rows = [bytes(line).decode().split("\t") for line in copied]
    columns = [bytes.fromhex(value[3:]) for row in rows for value in row if value[:3] == "\\\\x"]
    assert len(columns) == 2050
    assert_nothing_planted(b"".join(columns).decode("latin-1"))
    call_command("dumpdata", "secretsapp")
    fixture = capsys.readouterr().out
    assert len(json.loads(fixture)) == 1000
    assert_nothing_planted(fixture)
    held = ring.keys()
    assert all(key.secret not in dump for key in held)


def test_logs_and_commands_show_none(
    planted: list[Safe],
    ring: LocalKeyring,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    connection.cursor().execute(
        "UPDATE test_safes SET code = papers WHERE length(label) = 1"  # ten cannot be decrypted
    )
    ring.add()
    told = command("rewrap_secrets")
    call_command("secret_keys", "list")

    assert len(told["undecryptable"]) == 10
    shown = capsys.readouterr()
    assert_nothing_planted(caplog.text + shown.out + shown.err + json.dumps(told))


def refusals(safe: Safe) -> list[Exception]:
    """Every error that handling a secret can end in."""
    found: list[Exception] = []

    def collect(act: Any) -> None:
        try:
            act()
        except (EncryptionError, TypeError, ValueError) as error:
            found.append(error)
        else:
            pytest.fail("nothing was refused")

    collect(lambda: Safe(papers={"key": {PLANTED[0]}}))
    collect(lambda: Safe(code=PLANTED[0] + "\ud800"))
    collect(lambda: Safe(code=[PLANTED[0]]))
    collect(lambda: Safe.objects.update(code=PLANTED[0]))
    collect(lambda: Safe.objects.update(code=models.Value(PLANTED[0])))
    collect(lambda: Safe.objects.bulk_update([Safe(pk=safe.pk, code=PLANTED[0])], ["code"]))
    collect(lambda: json.dumps(Safe(code=PLANTED[0]).code))
    collect(safe.code.reveal)
    return found


def test_errors_and_error_pages_show_none(planted: list[Safe]) -> None:
    connection.cursor().execute("UPDATE test_safes SET code = papers")
    errors = refusals(Safe.objects.get(pk=planted[0].pk))

    assert {type(error) for error in errors} == {CannotSeal, TypeError, Undecryptable}
    for error in errors:
        told = "".join(traceback.format_exception(error))
        assert_nothing_planted(told + str(error) + repr(error))
        # A page of details shows what the caller itself held; of what is stored it shows nothing.
        if isinstance(error, Undecryptable):
            reporter = ExceptionReporter(None, type(error), error, error.__traceback__)
            page = reporter.get_traceback_html()
            assert "data_key" in page
            assert_nothing_planted(page)


def test_saving_errors_of_the_database_show_none(transactional_db: None) -> None:
    safe = OtherSafe.objects.create(code=PLANTED[0])
    with pytest.raises(Exception, match="duplicate key") as refused:
        OtherSafe.objects.create(pk=safe.pk, code=PLANTED[1])

    assert_nothing_planted("".join(traceback.format_exception(refused.value)))
