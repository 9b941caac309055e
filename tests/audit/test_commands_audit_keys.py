"""``manage.py audit_keys``"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from audit import keyring
from audit.models import Entry
from audit.proofs import checkpoints
from audit.proofs.checkpoints import PinnedKey, sign_checkpoint
from audit.recording import record
from audit.sealing import running
from tests.audit.sealing.wholeness import assert_whole, begin_empty, settle

pytestmark = pytest.mark.django_db(transaction=True)

ORIGIN = "tests.example/audit"


@pytest.fixture(autouse=True)
def place(transactional_db: None, tmp_path: Path, settings: Any) -> Path:
    begin_empty()
    settings.AUDIT_KEYRING = tmp_path / "keys" / "keyring.json"
    settings.AUDIT_PUBLISH = [f"file://{tmp_path / 'outside'}"]
    return tmp_path


def keys(*arguments: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command("audit_keys", *arguments, "--json", stdout=out)
    told: dict[str, Any] = json.loads(out.getvalue())
    return told


def seal(entries: int = 1) -> int:
    with transaction.atomic():
        for _ in range(entries):
            record("setting.updated", subject=("setting", "x"))
    settle()
    return running.seal_once().size


def newest(action: str) -> Entry:
    return Entry.objects.filter(action=action).order_by("-id").first() or pytest.fail(action)


def test_the_first_key_is_made_once_and_told_in_the_log() -> None:
    made = keys("create", "--origin", ORIGIN)

    [pin] = made["keys"]
    assert pin.startswith(f"{ORIGIN}+")
    assert pin.endswith(" 0-")
    entry = newest("audit_key.added")
    assert entry.details == {"key": pin.removesuffix(" 0-"), "origin": ORIGIN, "size": 0}
    assert keys("show")["keys"] == made["keys"]
    with pytest.raises(CommandError, match="exists already"):
        keys("create", "--origin", ORIGIN)


def test_a_lost_keyring_is_not_replaced_silently(settings: Any) -> None:
    keys("create", "--origin", ORIGIN)
    seal()
    settings.AUDIT_KEYRING.unlink()

    with pytest.raises(CommandError, match=r"has 3 leaves already, signed by keys"):
        keys("create", "--origin", ORIGIN)
    assert not settings.AUDIT_KEYRING.exists()


def test_keys_are_rotated_and_old_checkpoints_still_verify() -> None:
    [first] = keys("create", "--origin", ORIGIN)["keys"]
    size = seal()
    first_id = first.split("+")[1]
    with pytest.raises(CommandError, match="the only key that signs"):
        keys("retire", first_id)

    added = keys("add")["key"]
    with pytest.raises(CommandError, match="No other key has signed the newest checkpoint"):
        keys("retire", first_id)
    both = seal()
    retired = keys("retire", first_id)
    after = seal()

    key = first.removesuffix(" 0-")
    assert retired["keys"] == [f"{key} 0-{both}", f"{added} {size}-"]
    assert newest("audit_key.retired").resource_id == first_id
    assert newest("audit_key.added").details == {"key": added, "origin": ORIGIN, "size": size}
    assert_whole(keyring.load())
    assert after > both
    with pytest.raises(CommandError, match="No key with the id"):
        keys("retire", first_id)


def test_what_show_prints_can_be_pinned(capsys: pytest.CaptureFixture[str]) -> None:
    keys("create", "--origin", ORIGIN)
    keys("add")
    call_command("audit_keys", "show")

    heading, *pins = capsys.readouterr().out.splitlines()
    assert ORIGIN in heading
    assert [str(PinnedKey.parse(pin).key) for pin in pins] == [
        str(key.public) for key in keyring.load().keys
    ]


def test_a_log_goes_on_under_a_new_name_and_says_what_was_lost(place: Path) -> None:
    keys("create", "--origin", ORIGIN)
    size = seal()
    old = keyring.load()
    note = sign_checkpoint(checkpoints.Checkpoint(ORIGIN, 99, bytes(32)), old.signers())
    (place / "outside" / "tests.example_audit" / f"{99:020d}").write_text(note)
    with pytest.raises(CommandError, match="restart needs"):
        call_command("audit_keys", "restart", "--origin", "new.example/audit", "--reason", " ")
    made = keys("restart", "--origin", "new.example/audit", "--reason", "The disk burnt.")

    seen = {f"file://{place / 'outside'}": 99}
    assert made["seen"] == seen
    details = newest("audit_log.restored").details
    assert details is not None
    assert details["reason"] == "The disk burnt."
    assert details["lost"] == [
        {"target": target, "size": 99, "leaves": 99 - size} for target in seen
    ]
    assert seal() > size
    assert_whole(keyring.load())
    assert (place / "outside" / "new.example_audit" / "latest").exists()
    with pytest.raises(CommandError, match="is called new.example/audit already"):
        keys("restart", "--origin", "new.example/audit", "--reason", "again")


def test_when_the_file_cannot_be_written_the_log_says_nothing(settings: Any) -> None:
    settings.AUDIT_KEYRING = Path("/proc/nowhere/keyring.json")

    with pytest.raises(CommandError, match="cannot be written"):
        keys("create", "--origin", ORIGIN)
    assert not Entry.objects.exists()
