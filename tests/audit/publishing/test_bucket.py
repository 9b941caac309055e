"""Checkpoints in a bucket."""

from __future__ import annotations

import sys

import pytest

from audit.errors import SealingRefused
from audit.publishing.bucket import Bucket
from audit.publishing.errors import PublishingFailed
from tests.audit.publishing.bucket_server import BucketServer
from tests.audit.publishing.test_folder import NO_HISTORY, ORIGIN, note


def key(size: int) -> str:
    return f"evidence/logs/{ORIGIN}/{size:020d}"


@pytest.fixture
def target(bucket: BucketServer) -> Bucket:
    return Bucket("evidence", "logs", ORIGIN)


def test_every_checkpoint_is_an_object(target: Bucket, bucket: BucketServer) -> None:
    assert target.seen() is None
    for size in (4, 10, 200):
        assert target.publish(note(size), size, NO_HISTORY) == note(size)

    assert bucket.objects == {key(size): note(size).encode() for size in (4, 10, 200)}
    assert target.seen() == 200
    assert list(target.checkpoints()) == [note(4), note(10), note(200)]


def test_only_what_is_newer_is_listed(target: Bucket, bucket: BucketServer) -> None:
    bucket.objects = {key(size): b"" for size in range(20)}
    bucket.lists.clear()

    assert target.seen(above=17) == 19
    assert target.seen(above=19) is None
    assert len(bucket.lists) == 2


def test_an_object_is_never_written_twice(target: Bucket, bucket: BucketServer) -> None:
    target.publish(note(4), 4, NO_HISTORY)

    assert target.publish(note(4), 4, NO_HISTORY) == note(4)
    with pytest.raises(SealingRefused, match="another history"):
        target.publish(note(4, root=2), 4, NO_HISTORY)
    assert bucket.objects == {key(4): note(4).encode()}


def test_a_bucket_that_has_more_stops_the_log(target: Bucket) -> None:
    target.publish(note(10), 10, NO_HISTORY)

    with pytest.raises(SealingRefused, match="has seen 10 leaves of the log, but only 4"):
        target.publish(note(4), 4, NO_HISTORY)


@pytest.mark.parametrize("failing", [(403, "AccessDenied"), (503, "SlowDown"), (409, "Conflict")])
def test_a_refusal_is_told_without_credentials(
    target: Bucket, bucket: BucketServer, failing: tuple[int, str]
) -> None:
    bucket.failing = failing

    for attempt in (target.seen, lambda: target.publish(note(4), 4, NO_HISTORY)):
        with pytest.raises(PublishingFailed, match=failing[1]) as refused:
            attempt()
        assert "secret-of-the-bucket" not in str(refused.value)


def test_without_the_package_a_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)

    with pytest.raises(PublishingFailed, match=r"needs the package boto3. Install the extra"):
        Bucket("evidence", "", ORIGIN).seen()
