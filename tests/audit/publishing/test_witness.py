"""A witness signs what continues what it has signed."""

from __future__ import annotations

import time

import httpx
import pytest

from audit import keyring
from audit.errors import SealingRefused
from audit.proofs import checkpoints, notes
from audit.proofs.checkpoints import Checkpoint
from audit.proofs.notes import COSIGNATURE, SigningKey
from audit.publishing import witness as module
from audit.publishing.errors import PublishingFailed
from audit.publishing.history import History
from audit.publishing.witness import Witness
from audit.sealing.sealer import Sealer
from tests.audit.publishing.conftest import ORIGIN, Grow
from tests.audit.publishing.witness_server import Answer, WitnessServer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def target(witness: WitnessServer) -> Witness:
    return Witness(witness.url, ORIGIN, keys=[witness.key.verifier])


def publish(target: Witness, sealer: Sealer, past: History) -> str:
    assert sealer.head is not None
    noted = target.publish(sealer.head.note, sealer.size, past)
    past.remember(target.name, sealer.size, noted)
    return noted


def test_it_cosigns_each_checkpoint_after_a_proof(
    witness: WitnessServer, target: Witness, grow: Grow, past: History, ring: keyring.Keyring
) -> None:
    for entries in (3, 1, 600, 2):
        noted = publish(target, grow(entries), past)

    opened = checkpoints.open_checkpoint(
        noted, ring.pins(), witnesses=[witness.key.verifier], witnesses_needed=1
    )
    assert opened.checkpoint.size == witness.seen[ORIGIN].size == 610
    asked = [body.partition("\n")[0] for body in witness.requests]
    assert asked == ["old 0", "old 4", "old 6", "old 607"]


def test_the_same_checkpoint_may_be_signed_again(
    witness: WitnessServer, target: Witness, grow: Grow, past: History
) -> None:
    sealer = grow(3)
    publish(target, sealer, past)
    publish(target, sealer, past)

    assert witness.requests[1].startswith("old 4\n\n")


def test_a_size_that_was_not_noted_is_learnt_from_the_witness(
    witness: WitnessServer, target: Witness, grow: Grow, past: History
) -> None:
    sealer = grow(3)
    assert sealer.head is not None
    target.publish(sealer.head.note, sealer.size, past)  # and killed before it was noted

    publish(target, grow(5), past)

    asked = [body.partition("\n")[0] for body in witness.requests]
    assert asked == ["old 0", "old 0", "old 4"]
    assert witness.seen[ORIGIN].size == 10


def test_a_witness_that_forgot_learns_everything_anew(
    witness: WitnessServer, target: Witness, grow: Grow, past: History
) -> None:
    sealer = grow(3)
    publish(target, sealer, past)
    witness.seen.clear()

    publish(target, sealer, past)
    assert witness.seen[ORIGIN].size == 4


def test_a_witness_that_has_seen_more_stops_the_log(
    witness: WitnessServer, target: Witness, grow: Grow, past: History
) -> None:
    witness.seen[ORIGIN] = Checkpoint(ORIGIN, 1000, bytes(32))

    with pytest.raises(SealingRefused, match="has seen 1000 leaves of the log, but only 4"):
        publish(target, grow(3), past)


@pytest.mark.parametrize("size", [2, 4])
def test_a_witness_with_another_history_stops_the_log(
    witness: WitnessServer, target: Witness, grow: Grow, past: History, size: int
) -> None:
    witness.seen[ORIGIN] = Checkpoint(ORIGIN, size, b"\x07" * 32)

    with pytest.raises(SealingRefused, match="another history"):
        publish(target, grow(3), past)


def test_unknown_logs_and_keys_are_told_apart(
    witness: WitnessServer, target: Witness, grow: Grow, past: History
) -> None:
    sealer = grow(3)
    witness.known[ORIGIN] = [SigningKey.generate(ORIGIN).verifier]
    with pytest.raises(PublishingFailed, match=r"trusts none of the keys .* \(HTTP 403\)"):
        publish(target, sealer, past)

    witness.known.clear()
    with pytest.raises(PublishingFailed, match=rf"does not know the log {ORIGIN}.*\(HTTP 404\)"):
        publish(target, sealer, past)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((500, b"", {}), "has a fault"),
        ((302, b"", {"Location": "http://127.0.0.1:1/"}), "is not followed"),
        ((429, b"", {}), "too often"),
        ((418, b"", {}), "answers what it should not"),
        ((401, b"", {}), "asks for a login"),
        ((409, b"many", {}), "does not say which"),
        ((409, b"1\n", {}), "changes its mind"),
        ((200, b"", {}), "without a cosignature that holds"),
        ((200, b"\xff\n", {}), "without a cosignature that holds"),
        ((200, b"x" * 100_000, {}), "answers too long"),
    ],
)
def test_other_answers_are_failures_and_no_more(
    witness: WitnessServer, grow: Grow, past: History, answer: Answer, said: str
) -> None:
    target = Witness(witness.url, ORIGIN, keys=[witness.key.verifier])
    witness.meddle = lambda _: answer

    with pytest.raises(PublishingFailed, match=said):
        publish(target, grow(3), past)


def test_a_cosignature_by_a_stranger_does_not_count(
    witness: WitnessServer, grow: Grow, past: History
) -> None:
    sealer = grow(3)
    trusted = SigningKey.generate("trusted.example/w", kind=COSIGNATURE).verifier
    with pytest.raises(PublishingFailed, match=r"Compare its key with AUDIT_WITNESS_KEYS"):
        publish(Witness(witness.url, ORIGIN, keys=[trusted]), sealer, past)

    noted = publish(Witness(witness.url, ORIGIN), sealer, past)
    assert noted.count("witness.example/w1") == 1, "without keys to compare, it is kept"


def test_a_wrong_cosignature_does_not_count(
    witness: WitnessServer, target: Witness, grow: Grow, past: History
) -> None:
    line = notes.signature_line(witness.key.verifier, bytes(72))
    witness.meddle = lambda _: (200, line.encode(), {})

    with pytest.raises(PublishingFailed, match="does not hold"):
        publish(target, grow(3), past)


def test_a_login_is_sent_and_never_told(witness: WitnessServer, grow: Grow, past: History) -> None:
    target = Witness(witness.url, ORIGIN, login=("log", "hidden-word"))
    publish(target, grow(3), past)
    assert witness.headers[0]["Authorization"].startswith("Basic ")

    witness.meddle = lambda _: (500, b"", {})
    with pytest.raises(PublishingFailed) as failed:
        publish(target, grow(3), past)
    assert "hidden-word" not in str(failed.value) + target.name


def test_a_silent_or_absent_witness_is_given_up(
    witness: WitnessServer,
    target: Witness,
    grow: Grow,
    past: History,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_TIMES", httpx.Timeout(0.2))
    sealer = grow(3)

    def sleep(body: str) -> None:
        time.sleep(0.6)

    witness.meddle = sleep
    with pytest.raises(PublishingFailed, match="did not answer in time"):
        publish(target, sealer, past)
    with pytest.raises(PublishingFailed, match="cannot be reached"):
        publish(Witness("http://127.0.0.1:1", ORIGIN), sealer, past)
