"""Checkpoints in a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from audit.errors import SealingRefused
from audit.proofs import notes
from audit.proofs.checkpoints import Checkpoint, sign_checkpoint
from audit.proofs.notes import SigningKey
from audit.publishing.errors import PublishingFailed
from audit.publishing.folder import Folder
from audit.publishing.history import History

ORIGIN = "tests.example/audit"
KEY = SigningKey(ORIGIN, bytes(32))
NO_HISTORY: History = None  # type: ignore[assignment] # a folder asks nobody


def note(size: int, root: int = 1) -> str:
    return sign_checkpoint(Checkpoint(ORIGIN, size, bytes([root]) * 32), [KEY])


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(str(tmp_path / "outside"), ORIGIN)


def files(tmp_path: Path) -> dict[str, str]:
    there = tmp_path / "outside" / "tests.example_audit"
    return {file.name: file.read_text() for file in there.iterdir()}


def test_every_checkpoint_stays_and_latest_is_the_newest(folder: Folder, tmp_path: Path) -> None:
    assert folder.seen() is None
    for size in (4, 10):
        assert folder.publish(note(size), size, NO_HISTORY) == note(size)

    assert files(tmp_path) == {
        "00000000000000000004": note(4),
        "00000000000000000010": note(10),
        "latest": note(10),
    }
    assert folder.seen() == 10
    assert folder.seen(above=10) is None
    assert list(folder.checkpoints()) == [note(4), note(10)]


def test_publishing_again_changes_nothing(folder: Folder, tmp_path: Path) -> None:
    folder.publish(note(4), 4, NO_HISTORY)
    cosigned = notes.add_signatures(note(4), notes.signature_line(KEY.verifier, b"other" * 20))

    assert folder.publish(cosigned, 4, NO_HISTORY) == note(4)
    assert files(tmp_path)["00000000000000000004"] == note(4)


def test_another_root_of_the_same_size_is_a_fork(folder: Folder, tmp_path: Path) -> None:
    folder.publish(note(4), 4, NO_HISTORY)

    with pytest.raises(SealingRefused, match="another history"):
        folder.publish(note(4, root=2), 4, NO_HISTORY)
    assert files(tmp_path)["latest"] == note(4)


def test_a_folder_that_has_more_stops_the_log(folder: Folder, tmp_path: Path) -> None:
    folder.publish(note(10), 10, NO_HISTORY)

    with pytest.raises(SealingRefused, match="has seen 10 leaves of the log, but only 4"):
        folder.publish(note(4), 4, NO_HISTORY)
    (tmp_path / "outside" / "tests.example_audit" / "latest").unlink()
    with pytest.raises(SealingRefused, match="has seen 10 leaves"):
        folder.publish(note(4), 4, NO_HISTORY)
    assert folder.seen(above=4) == 10


def test_what_a_killed_writer_left_is_no_checkpoint_and_goes(
    folder: Folder, tmp_path: Path
) -> None:
    folder.publish(note(4), 4, NO_HISTORY)
    left = tmp_path / "outside" / "tests.example_audit" / ".new-abc"
    left.write_text(note(9)[:30])

    assert folder.seen() == 4
    folder.publish(note(10), 10, NO_HISTORY)
    assert not left.exists()


def test_logs_do_not_share_a_folder(folder: Folder, tmp_path: Path) -> None:
    other = Folder(str(tmp_path / "outside"), "tests.example_audit")
    folder.publish(note(4), 4, NO_HISTORY)

    with pytest.raises(PublishingFailed, match="holds the log tests.example/audit"):
        other.publish("any", 5, NO_HISTORY)


def test_a_damaged_or_missing_place_is_named(folder: Folder, tmp_path: Path) -> None:
    folder.publish(note(4), 4, NO_HISTORY)
    (tmp_path / "outside" / "tests.example_audit" / "latest").write_bytes(b"\xff")
    with pytest.raises(PublishingFailed, match="is no checkpoint"):
        folder.publish(note(5), 5, NO_HISTORY)

    (tmp_path / "file").touch()
    with pytest.raises(PublishingFailed, match="Not a directory .*file"):
        Folder(str(tmp_path / "file"), ORIGIN).publish(note(5), 5, NO_HISTORY)
