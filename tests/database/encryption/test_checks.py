"""What is refused before anything runs: columns that reports may read, and missing keys."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.test.utils import isolate_apps

from database.encryption import checks, registry
from database.encryption.fields import Encrypted, EncryptedField, EncryptedJSONField
from database.fields import KeyField
from tests.database.secretsapp.models import Safe

ROOT = Path(__file__).resolve().parents[3]


class Unsaved(models.Model):
    """What the models of one test alone have in common."""

    class Meta:
        abstract = True
        app_label = "secretsapp"

    def __str__(self) -> str:
        return type(self).__name__


def messages_about(*found: type[models.Model]) -> list[str]:
    """The ids of what is wrong with the models' encrypted columns."""

    def columns() -> Iterator[registry.Column]:
        for model in found:
            for field in model._meta.local_concrete_fields:
                if isinstance(field, Encrypted):
                    yield registry.Column(model, field)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checks, "columns", columns)
        return [str(message.id) for message in checks.check_columns()]


def test_the_columns_of_all_models_are_found() -> None:
    found = {column.name: type(column.field) for column in registry.columns()}

    assert found["test_safes.code"] is EncryptedField
    assert found["test_safes.papers"] is EncryptedJSONField
    assert found["test_drawers.content"] is EncryptedField
    assert checks.check_columns() == []


@isolate_apps("tests.database.secretsapp")
def test_a_column_that_reports_may_read_is_refused() -> None:
    class Open(Unsaved):
        id = KeyField()
        code = EncryptedField()

        class Meta(Unsaved.Meta):
            abstract = False

    class Half(Unsaved):
        hidden_columns: ClassVar[frozenset[str]] = frozenset({"code"})

        id = KeyField()
        code = EncryptedField(db_column="stored_code")

        class Meta(Unsaved.Meta):
            abstract = False

    assert messages_about(Open, Half) == ["encryption.E001", "encryption.E001"]


@isolate_apps("tests.database.secretsapp")
def test_a_key_that_has_several_spellings_is_refused() -> None:
    class Timed(Unsaved):
        hidden_columns: ClassVar[frozenset[str]] = frozenset({"code"})

        at = models.DateTimeField(primary_key=True)
        code = EncryptedField()

        class Meta(Unsaved.Meta):
            abstract = False

    assert messages_about(Timed) == ["encryption.E002"]


@isolate_apps("tests.database.secretsapp")
def test_two_columns_bound_to_the_same_place_are_refused() -> None:
    class Copied(Unsaved):
        hidden_columns: ClassVar[frozenset[str]] = frozenset({"code"})

        id = KeyField()
        code = EncryptedField(bound_to=("test_safes", "code"))

        class Meta(Unsaved.Meta):
            abstract = False

    assert messages_about(Safe, Copied) == ["encryption.E003"]


@pytest.mark.django_db
def test_the_reporting_role_cannot_read_an_encrypted_column() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT has_column_privilege('lacuna_readonly', 'test_safes', 'code', 'SELECT'),"
            " has_column_privilege('lacuna_readonly', 'test_safes', 'label', 'SELECT')"
        )
        assert cursor.fetchone() == (False, True)


@pytest.mark.django_db
def test_before_the_tables_are_there_they_are_named() -> None:
    assert registry.missing_tables() == []
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('search_path', 'pg_catalog', true)")
        assert "test_safes" in registry.missing_tables()


@pytest.mark.usefixtures("configured_server")
@pytest.mark.parametrize("command", sorted(checks.SERVING))
def test_a_command_that_serves_is_refused_without_its_keys(
    command: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/manage.py", command])
    assert checks.check_keys() == []
    settings.SECRETS_KEYRING.unlink()

    [message] = checks.check_keys()

    assert message.id == "encryption.E004"
    assert message.msg.startswith(f"There is no keyring at {settings.SECRETS_KEYRING}")


@pytest.mark.usefixtures("configured_server")
@pytest.mark.parametrize("command", ["migrate", "secret_keys", "create_roles", "rewrap_secrets"])
def test_other_commands_ask_for_keys_when_they_need_them(
    command: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["manage.py", command])
    settings.SECRETS_KEYRING.unlink()

    assert checks.check_keys() == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("configured_server")
def test_rewrapping_without_keys_is_refused_with_what_to_do(settings: Any) -> None:
    settings.SECRETS_KEYRING.unlink()

    with pytest.raises(CommandError, match="There is no keyring at"):
        call_command("rewrap_secrets")


def test_where_nothing_is_encrypted_no_keys_are_asked_for(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SECRETS_KEYRING = Path("/nowhere/keyring.json")
    monkeypatch.setattr(checks, "columns", lambda: iter(()))

    checks.demand_keys()

    assert not settings.SECRETS_KEYRING.exists()


def start(tmp_path: Path, code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a process beside a configured server that is not there, with nothing made by itself."""
    made = "from django.conf import settings; settings.SECRETS_KEYRING_IS_MADE = False; import sys"
    return subprocess.run(
        [sys.executable, "-c", f"{made}; {code}"],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "LACUNA_HOME": str(tmp_path / "home"),
            "DATABASE_URL": "postgresql://lacuna_app@127.0.0.1:1/nowhere",
            "SECRET_KEY": "k" * 50,
            "SECRETS_KEYRING": str(tmp_path / "keyring.json"),
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_web_process_does_not_start_without_its_keyring(tmp_path: Path) -> None:
    run = start(tmp_path, "import config.wsgi")

    assert run.returncode == 1
    assert run.stderr.startswith(
        f"Lacuna cannot start. There is no keyring at {tmp_path / 'keyring.json'}"
    )
    assert len(run.stderr.strip().splitlines()) == 1


def test_a_worker_does_not_start_with_a_keyring_that_others_may_read(tmp_path: Path) -> None:
    (tmp_path / "keyring.json").write_text("{}")
    (tmp_path / "keyring.json").chmod(0o644)
    run = start(tmp_path, "sys.argv = ['manage.py', 'run_worker']; import manage; manage.main()")

    assert run.returncode == 1
    assert f"Run: chmod 600 {tmp_path / 'keyring.json'}" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"SECRETS_PROVIDER": "vault"}, "SECRETS_PROVIDER is 'vault', but must be one of"),
        ({"SECRETS_PROVIDER": "aws-kms"}, "SECRETS_KMS_KEY is missing: SECRETS_PROVIDER=aws-kms"),
        ({"SECRETS_KMS_KEY": "my key"}, "SECRETS_KMS_KEY is 'my key', but must be a key's ARN"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, values: dict[str, str], said: str) -> None:
    run = start(tmp_path, "import config.wsgi", **values)

    assert run.returncode == 1
    assert said in run.stderr
