from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.proofs import checkpoints, notes
from audit.proofs.checkpoints import Checkpoint, PinnedKey
from audit.proofs.errors import NoteError
from audit.proofs.notes import COSIGNATURE, SigningKey, VerifierKey
from tests.vectors.audit import sample

KEY = SigningKey(sample.ORIGIN, sample.LOG_KEY.seed)
NEW_KEY = SigningKey(sample.ORIGIN, sample.NEW_KEY.seed)
WITNESS = SigningKey(sample.WITNESS, sample.WITNESS_KEY.seed, kind=COSIGNATURE)
AT = datetime(2026, 11, 21, 10, 5, tzinfo=UTC)
CHECKPOINT = Checkpoint(sample.ORIGIN, 7, bytes(32))
NOTE = checkpoints.sign_checkpoint(CHECKPOINT, [KEY])
PINNED = [PinnedKey(KEY.verifier)]


def test_keys_are_written_as_the_vectors_have_them() -> None:
    assert str(KEY.verifier) == sample.LOG_KEY.written
    assert str(WITNESS.verifier) == sample.WITNESS_KEY.written
    assert VerifierKey.parse(str(WITNESS.verifier)) == WITNESS.verifier


def test_the_example_key_of_the_signed_note_specification_is_read() -> None:
    written = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    key = VerifierKey.parse(written)
    note = (
        "If you think cryptography is the answer to your problem,\n"
        "then you don't know what your problem is.\n\n"
        "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXg"
        "KvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    )

    assert notes.open_note(note, [key]).signatures == (notes.Signature(key, None),)


def test_a_secret_key_comes_back_from_its_writing_and_never_shows_itself() -> None:
    key = SigningKey.generate("log.example/x")

    assert SigningKey.parse(key.export()).sign(b"x") == key.sign(b"x")
    assert key.export().rsplit("+", 1)[1] not in repr(key)
    assert SigningKey.generate("log.example/x").verifier != key.verifier


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (str(KEY.verifier), "must begin with PRIVATE"),
        ("PRIVATE+KEY+x+00000000+AQ==", "must have 32 bytes"),
        (KEY.export().replace("lacuna", "lacunb"), "does not fit the key id"),
        ("PRIVATE+KEY+x", "must be written name"),
    ],
)
def test_a_secret_key_written_wrongly_is_refused(text: str, reason: str) -> None:
    with pytest.raises(NoteError, match=reason):
        SigningKey.parse(text)


def test_a_note_may_carry_an_old_and_a_new_key() -> None:
    note = checkpoints.sign_checkpoint(CHECKPOINT, [KEY, NEW_KEY])
    for key in (KEY, NEW_KEY):
        opened = checkpoints.open_checkpoint(note, [PinnedKey(key.verifier)])
        assert [found.key for found in opened.signatures] == [key.verifier]


def test_a_wrong_signature_by_a_known_key_spoils_the_note_although_another_holds() -> None:
    wrong = notes.signature_line(NEW_KEY.verifier, NEW_KEY.sign(b"another text\n"))
    note = notes.add_signatures(NOTE, wrong)

    assert checkpoints.open_checkpoint(note, PINNED).checkpoint == CHECKPOINT
    with pytest.raises(NoteError, match="The signature by audit.example.org/lacuna does not hold"):
        checkpoints.open_checkpoint(note, [*PINNED, PinnedKey(NEW_KEY.verifier)])


@given(st.data())
@settings(deadline=None)
def test_a_note_with_one_character_changed_does_not_open(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(NOTE) - 1))
    letter = data.draw(
        st.sampled_from("AZaz09+/= \n\t\u2014\u0660\0").filter(lambda c: c != NOTE[at])
    )

    with pytest.raises(NoteError):
        checkpoints.open_checkpoint(NOTE[:at] + letter + NOTE[at + 1 :], PINNED)


def test_a_witness_signs_with_its_moment() -> None:
    note = notes.add_signatures(NOTE, notes.cosign(NOTE, WITNESS, at=AT))
    opened = checkpoints.open_checkpoint(
        note, PINNED, witnesses=[WITNESS.verifier], witnesses_needed=1
    )

    assert opened.witnessed == (notes.Signature(WITNESS.verifier, AT),)
    assert note.endswith(sample.WITNESS_KEY.line(CHECKPOINT.text(), at=int(AT.timestamp())))


def test_too_few_witnesses_are_refused() -> None:
    with pytest.raises(NoteError, match="0 known witnesses have signed the checkpoint, 1 are"):
        checkpoints.open_checkpoint(NOTE, PINNED, witnesses=[WITNESS.verifier], witnesses_needed=1)


def test_a_witness_needs_a_moment_with_a_zone() -> None:
    with pytest.raises(NoteError, match="must say its moment"):
        WITNESS.sign(b"x\n")


def test_a_cosignature_from_beyond_the_calendar_is_refused() -> None:
    body = sample.WITNESS_KEY.line(CHECKPOINT.text(), at=2**63)
    with pytest.raises(NoteError, match="does not hold"):
        checkpoints.open_checkpoint(NOTE + body, PINNED, witnesses=[WITNESS.verifier])


def test_a_key_counts_only_for_its_sizes() -> None:
    for written, counts in (("0-7", True), ("7-", True), ("8-", False), ("0-6", False)):
        pinned = [PinnedKey.parse(f"{KEY.verifier} {written}")]
        assert pinned[0].counts_for(7) is counts
        if counts:
            assert checkpoints.open_checkpoint(NOTE, pinned).checkpoint == CHECKPOINT
        else:
            with pytest.raises(NoteError, match="no signature by a known key"):
                checkpoints.open_checkpoint(NOTE, pinned)


def test_a_log_is_signed_only_by_keys_of_its_name() -> None:
    other = SigningKey.generate("another.example/log")
    with pytest.raises(NoteError, match="cannot sign for the log"):
        checkpoints.sign_checkpoint(CHECKPOINT, [other])
    note = notes.sign(CHECKPOINT.text(), [other])
    with pytest.raises(NoteError, match="no signature by a known key"):
        checkpoints.open_checkpoint(note, [PinnedKey(other.verifier)])


@pytest.mark.parametrize("text", ["", "no line feed", "a\tb\n", "a\r\n"])
def test_a_text_that_no_note_may_have_is_not_signed(text: str) -> None:
    with pytest.raises(NoteError, match="lines without control characters"):
        notes.sign(text, [KEY])


def test_a_note_without_signers_is_not_made() -> None:
    with pytest.raises(NoteError, match="by one key at least"):
        notes.sign("text\n", [])


@pytest.mark.parametrize("lines", ["", "x", "\u2014 w AAAAAAA=", "\u2014 w AAA=\n"])
def test_only_signature_lines_can_be_added(lines: str) -> None:
    if not lines:
        assert notes.add_signatures(NOTE, lines) == NOTE
        return
    with pytest.raises(NoteError):
        notes.add_signatures(NOTE, lines)
