"""``manage.py seal_audit --once``"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from audit import keyring
from audit.proofs.checkpoints import Checkpoint, sign_checkpoint
from audit.recording import record
from audit.sealing import sealer
from database.connections import own_connection
from tests.audit.sealing.wholeness import begin_empty, settle

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ring(transactional_db: None, tmp_path: Path, settings: Any) -> keyring.Keyring:
    begin_empty()
    settings.AUDIT_KEYRING = tmp_path / "keys" / "keyring.json"
    settings.AUDIT_PUBLISH = [f"file://{tmp_path / 'outside'}"]
    return keyring.create("tests.example/audit")


def seal(*arguments: str) -> str:
    out = io.StringIO()
    call_command("seal_audit", "--once", *arguments, stdout=out)
    return out.getvalue()


def write(number: int) -> None:
    with transaction.atomic():
        for _ in range(number):
            record("setting.updated", subject=("setting", "x"))
    settle()


def test_once_seals_and_publishes_what_there_is(ring: keyring.Keyring, tmp_path: Path) -> None:
    write(3)

    assert json.loads(seal("--json")) == {
        "entries": 3,
        "batches": 1,
        "size": 4,
        "published": 1,
        "problem": "",
    }
    assert (tmp_path / "outside" / "tests.example_audit" / f"{4:020d}").exists()
    assert seal() == (
        "Sealed 0 entries in 0 batches; the log has 4 leaves. No checkpoint was new to a target.\n"
    )


def test_a_publication_that_failed_is_no_success_but_the_log_is_sealed(
    ring: keyring.Keyring, settings: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    settings.AUDIT_PUBLISH = [f"file://{tmp_path / 'file'}"]
    write(1)

    with pytest.raises(SystemExit) as ended:
        call_command("seal_audit", "--once")
    assert ended.value.code == 1
    told = capsys.readouterr().out
    assert "Sealed 1 entries" in told
    assert "Not a directory" in told


def test_a_refusal_says_what_to_do(ring: keyring.Keyring, tmp_path: Path) -> None:
    write(1)
    seal()
    note = sign_checkpoint(Checkpoint(ring.origin, 99, bytes(32)), ring.signers())
    (tmp_path / "outside" / "tests.example_audit" / f"{99:020d}").write_text(note)

    with pytest.raises(CommandError, match="audit_keys restart"):
        seal()


def test_without_keys_it_says_how_to_make_some(settings: Any, tmp_path: Path) -> None:
    settings.AUDIT_KEYRING = tmp_path / "none.json"
    settings.EMBEDDED_HOME = None

    with pytest.raises(CommandError, match="audit_keys create --origin"):
        call_command("seal_audit", "--once")


def test_a_wrong_address_is_named(ring: keyring.Keyring, settings: Any) -> None:
    settings.AUDIT_PUBLISH = ["gopher://old/"]

    with pytest.raises(CommandError, match="AUDIT_PUBLISH: gopher://old is no target"):
        seal()


def test_a_database_without_the_log_says_what_to_run(
    ring: keyring.Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_role() -> None:
        with own_connection() as own:
            own.execute("SET ROLE nobody_of_this_name")

    def without_schema() -> None:
        with own_connection() as own:
            own.execute("SELECT FROM nowhere_of_this_name.current_era()")

    for broken in (without_role, without_schema):
        monkeypatch.setattr(sealer, "connect", broken)
        with pytest.raises(CommandError, match=r"does not exist\). Run: python manage.py create_"):
            seal()


@pytest.mark.parametrize("wrong", ["0", "soon", "61", "nan"])
def test_a_wrong_interval_is_refused(wrong: str) -> None:
    with pytest.raises(CommandError, match="--interval"):
        call_command("seal_audit", "--interval", wrong)
