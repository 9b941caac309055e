"""Two clients at the same moment: one effect, and each is told what became of theirs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections

from imaging.models import Image, ProcessingJob
from tests.factories import make_image, make_user
from tests.imaging.api.conftest import Caller
from tests.pictures import jpeg

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def analyst(transactional_db: None) -> Any:
    """In place of the one whose rows a rollback removes."""
    return make_user("analyst")


@pytest.fixture(autouse=True)
def no_connection_is_left(transactional_db: None) -> Iterator[None]:
    yield
    connections.close_all()


def at_once(ask: Callable[[Caller], Any], callers: list[Caller]) -> list[Any]:
    """The answers to what all of them ask at the same moment."""
    barrier, answers = threading.Barrier(len(callers)), []

    def run(caller: Caller) -> None:
        try:
            barrier.wait(timeout=20)
            answers.append(ask(caller))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(caller,)) for caller in callers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(answers) == len(callers)
    return answers


def test_of_those_who_change_one_state_one_alone_does() -> None:
    image = make_image()
    callers = [Caller(make_user("moderator")) for _ in range(4)]
    address = f"/api/v1/images/{image.pk}/"
    etag = callers[0].get(address)["ETag"]

    answers = at_once(
        lambda caller: caller.patch(address, {"metadata": {"by": str(caller.user)}}, If_Match=etag),
        callers,
    )

    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]
    (kept,) = [answer for answer in answers if answer.status_code == 200]
    assert Image.objects.get().metadata == kept.json()["metadata"]


def test_the_same_file_from_several_is_one_image() -> None:
    callers = [Caller(make_user("analyst")) for _ in range(4)]

    answers = at_once(lambda caller: caller.upload(jpeg()), callers)

    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert Image.objects.get().upload_count == 4
    assert ProcessingJob.objects.count() == 1


def test_one_upload_sent_several_times_with_a_key_is_counted_once() -> None:
    person = make_user("analyst")
    callers = [Caller(person) for _ in range(4)]

    answers = at_once(lambda caller: caller.upload(jpeg(), key="one"), callers)

    assert {answer.status_code for answer in answers} <= {201, 409}
    assert 201 in {answer.status_code for answer in answers}
    for answer in answers:
        if answer.status_code == 409:
            assert answer.json()["type"] == "/api/problems/still-running"
            assert int(answer["Retry-After"]) >= 1
    assert Image.objects.get().upload_count == 1
