"""Going round the targets."""

from __future__ import annotations

from pathlib import Path

import pytest

from audit.errors import SealingRefused
from audit.publishing.errors import PublishingFailed, ahead
from audit.publishing.folder import Folder
from audit.publishing.history import History
from audit.publishing.publisher import Publisher
from audit.publishing.targets import Target
from audit.publishing.witness import Witness
from tests.audit.publishing.conftest import ORIGIN, Grow
from tests.audit.publishing.witness_server import WitnessServer

pytestmark = pytest.mark.django_db(transaction=True)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Doubtful:
    """A target that fails while ``broken``, and contradicts when ``knows`` is set."""

    name = "test:doubtful"

    def __init__(self) -> None:
        self.broken = True
        self.knows: int | None = None
        self.tried = 0

    def publish(self, note: str, size: int, history: History) -> str:
        self.tried += 1
        if self.knows is not None:
            raise ahead(self.name, self.knows, size)
        if self.broken:
            raise PublishingFailed("It is closed today.")
        return note

    def seen(self, above: int = -1) -> int | None:
        if self.broken:
            raise PublishingFailed("It is closed today.")
        return self.knows


def published(past: History, target: Target) -> int:
    return past.accepted(target.name, ORIGIN)


def test_witnesses_sign_what_the_folder_keeps(
    witness: WitnessServer, grow: Grow, past: History, tmp_path: Path
) -> None:
    sealer = grow(3)
    assert sealer.head is not None
    watching, kept = Witness(witness.url, ORIGIN), Folder(str(tmp_path), ORIGIN)

    taken = Publisher([watching, kept]).publish(sealer.head.note, sealer.size)

    assert taken == [watching.name, kept.name]
    assert "witness.example/w1" in next(kept.checkpoints())
    assert published(past, watching) == published(past, kept) == 4


def test_what_is_published_is_not_published_again(
    grow: Grow, past: History, tmp_path: Path
) -> None:
    sealer = grow(3)
    assert sealer.head is not None
    publisher = Publisher([Folder(str(tmp_path), ORIGIN)])

    assert len(publisher.publish(sealer.head.note, sealer.size)) == 1
    assert publisher.publish(sealer.head.note, sealer.size) == []


def test_a_target_that_fails_harms_no_other_and_is_tried_ever_more_rarely(
    grow: Grow, past: History, tmp_path: Path
) -> None:
    clock, doubtful, folder = Clock(), Doubtful(), Folder(str(tmp_path), ORIGIN)
    publisher = Publisher([doubtful, folder], clock=clock)
    sealer = grow(3)
    assert sealer.head is not None
    tried_at = []
    for clock.now in range(0, 1000, 5):
        before = doubtful.tried
        publisher.publish(sealer.head.note, sealer.size)
        if doubtful.tried > before:
            tried_at.append(clock.now)

    assert tried_at == [0, 5, 15, 35, 75, 155, 315, 615, 915]
    assert published(past, folder) == 4
    assert publisher.problems == ["It is closed today."]

    doubtful.broken = False
    assert publisher.publish(sealer.head.note, sealer.size, at_once=True) == [doubtful.name]
    assert publisher.problems == []


def test_a_target_that_knows_more_stops_after_the_others_were_served(
    grow: Grow, past: History, tmp_path: Path
) -> None:
    doubtful, folder = Doubtful(), Folder(str(tmp_path), ORIGIN)
    doubtful.broken, doubtful.knows = False, 99
    sealer = grow(3)
    assert sealer.head is not None
    publisher = Publisher([doubtful, folder])

    with pytest.raises(SealingRefused, match="has seen 99 leaves"):
        publisher.check(sealer.size)
    with pytest.raises(SealingRefused, match="has seen 99 leaves"):
        publisher.publish(sealer.head.note, sealer.size)
    assert published(past, folder) == 4


def test_a_target_that_cannot_be_asked_stops_nothing() -> None:
    publisher = Publisher([Doubtful()])
    publisher.check(4)

    assert publisher.problems == ["It is closed today."]
