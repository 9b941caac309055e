"""The log sealed anew after a change: by another key, by the stolen one, in two versions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from audit import keyring
from audit.errors import SealingRefused
from audit.proofs import checkpoints
from audit.proofs.checkpoints import Checkpoint, PinnedKey
from audit.proofs.notes import COSIGNATURE, SigningKey
from audit.verification import examine, state
from tests.audit.tampering.sealed import Connection, SealedLog, assert_found, cut, reseal

CHANGE: Final = "UPDATE audits.audit_log SET payload = '{}' WHERE id = %s"
REWRITTEN: Final = "One of the two was rewritten"
CUT: Final = "its end was cut off"


def test_a_log_rewritten_with_another_key_is_found_by_the_key_alone(
    log: SealedLog, intruder: Connection, tmp_path: Path
) -> None:
    foreign = keyring.create("tests.example/audit", path=tmp_path / "foreign.json")
    intruder.execute(CHANGE, [log.numbers["alpha"]])
    reseal(intruder, foreign)

    assert_found(log.verify(intruder), "is not signed by a trusted key", batch=1)


def test_a_log_rewritten_with_a_key_of_another_log_is_found(
    log: SealedLog, intruder: Connection, tmp_path: Path
) -> None:
    reseal(intruder, keyring.create("tests.example/other", path=tmp_path / "other.json"))

    assert_found(log.verify(intruder), "is not signed by a trusted key", batch=1)


@pytest.mark.parametrize("witnessed", ["middle", "end"])
def test_a_log_rewritten_with_the_stolen_key_contradicts_every_later_checkpoint(
    witnessed: str, log: SealedLog, intruder: Connection
) -> None:
    intruder.execute(CHANGE, [log.numbers["alpha"]])
    reseal(intruder, log.ring)

    report = log.verify(intruder, notes=[("a witness", getattr(log, witnessed))])

    assert_found(report, REWRITTEN)


def test_a_log_sealed_anew_without_any_change_contradicts_too(
    log: SealedLog, intruder: Connection
) -> None:
    reseal(intruder, log.ring, from_batch=3)

    assert_found(log.verify(intruder, notes=[("a witness", log.middle)]), REWRITTEN)


def test_the_verifiers_own_memory_is_a_witness(log: SealedLog, intruder: Connection) -> None:
    assert log.verify(intruder).ok
    intruder.execute(CHANGE, [log.numbers["alpha"]])
    reseal(intruder, log.ring)

    for full in (True, False):
        report = log.verify(intruder, full=full)
        assert_found(report, "up to which the log was verified before", batch=6)


def test_a_log_cut_before_what_the_witness_has_seen_is_found(
    log: SealedLog, intruder: Connection
) -> None:
    cut(intruder, 3)

    assert_found(log.verify(intruder, notes=[("a witness", log.middle)]), CUT)


def test_a_log_cut_behind_an_older_checkpoint_is_found_by_the_newest(
    log: SealedLog, intruder: Connection
) -> None:
    cut(intruder, 5)

    report = log.verify(intruder, notes=[("a witness", log.middle), ("a bucket", log.end)])

    assert_found(report, f"a bucket has seen {log.size}")
    assert report.found == 1


def test_two_versions_shown_to_two_witnesses_contradict_each_other(
    log: SealedLog, intruder: Connection
) -> None:
    intruder.execute("SAVEPOINT fork")
    shown = {}
    for entry in ("alpha", "beta"):
        intruder.execute(CHANGE, [log.numbers[entry]])
        sealer = reseal(intruder, log.ring)
        assert sealer.head is not None
        shown[entry] = sealer.head.note
        mine = log.verify(intruder, notes=[("witness of this", shown[entry])])
        assert mine.ok
        state.path(intruder.info.dbname).unlink()  # another verifier will look at the other
        if entry == "alpha":
            intruder.execute("ROLLBACK TO fork")

    report = log.verify(intruder, notes=[(f"witness of {one}", shown[one]) for one in shown])

    assert_found(report, "not the one that witness of alpha has seen")
    assert report.found == 1


def test_a_checkpoint_of_nobodys_key_is_no_witness(log: SealedLog, intruder: Connection) -> None:
    foreign = SigningKey.generate("tests.example/audit")
    note = checkpoints.sign_checkpoint(Checkpoint("tests.example/audit", 5, bytes(32)), [foreign])

    assert_found(log.verify(intruder, notes=[("somebody", note)]), "is signed by no trusted key")


def test_a_checkpoint_of_a_witness_alone_is_not_one_of_the_log(
    log: SealedLog, intruder: Connection
) -> None:
    witness = SigningKey.generate("tests.example/audit", kind=COSIGNATURE)

    report = examine(intruder, [PinnedKey(witness.verifier)], full=True)

    assert_found(report, "is not signed by a trusted key", batch=1)


def test_a_retired_key_does_not_count_beyond_its_sizes(
    log: SealedLog, intruder: Connection
) -> None:
    old = log.ring.keys[0]
    new = replace(old, secret=SigningKey.generate(log.ring.origin).export(), first_size=18)
    rotated = replace(log.ring, keys=(replace(old, last_size=18), new))
    reseal(intruder, replace(log.ring, keys=(old, new)), from_batch=4)
    assert examine(intruder, rotated.pins(), full=True).ok

    # The thief of the old key signs what came after it.
    known = intruder.execute(
        "SELECT first_seq + entries + 1, root FROM audits.audit_batch WHERE batch_no = 5"
    ).fetchone()
    assert known is not None
    forged = checkpoints.sign_checkpoint(
        Checkpoint(log.ring.origin, known[0], known[1]), [old.signing]
    )
    intruder.execute("UPDATE audits.audit_batch SET note = %s WHERE batch_no = 5", [forged])

    assert_found(
        examine(intruder, rotated.pins(), full=True), "is not signed by a trusted key", batch=5
    )


def test_the_sealer_does_not_go_on_from_what_another_key_signed(
    log: SealedLog, intruder: Connection, tmp_path: Path
) -> None:
    foreign = keyring.create("tests.example/audit", path=tmp_path / "foreign.json")
    reseal(intruder, foreign)

    with pytest.raises(SealingRefused, match="was not signed by"):
        reseal(intruder, log.ring, from_batch=99)
