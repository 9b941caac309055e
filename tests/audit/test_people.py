"""Directories of people, which higher packages register."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID, uuid4

import pytest

from audit import people
from audit.people import Directory


@pytest.fixture
def directories(monkeypatch: pytest.MonkeyPatch) -> list[Directory]:
    """None but those that the test registers."""
    made: list[Directory] = []
    monkeypatch.setattr(people, "DIRECTORIES", made)
    return made


def directory(known: dict[UUID, str], asked: list[set[UUID]] | None = None) -> Directory:
    def names(ids: Collection[UUID]) -> dict[UUID, str]:
        if asked is not None:
            asked.append(set(ids))
        return {key: known[key] for key in ids if key in known}

    return Directory(
        names, lambda text: [key for key, name in known.items() if name.startswith(text)]
    )


@pytest.mark.usefixtures("directories")
def test_without_a_directory_nobody_is_known() -> None:
    assert people.names([uuid4(), None]) == {}
    assert people.find("Ada") == []


@pytest.mark.usefixtures("directories")
def test_the_first_directory_that_knows_somebody_is_believed() -> None:
    ada, bob, asked = uuid4(), uuid4(), list[set[UUID]]()
    people.register(directory({ada: "Ada"}))
    people.register(directory({ada: "Somebody else", bob: "Bob"}, asked))

    assert people.names([ada, bob, None, ada]) == {ada: "Ada", bob: "Bob"}
    assert asked == [{bob}]


@pytest.mark.usefixtures("directories")
def test_nobody_is_asked_about_nobody() -> None:
    asked: list[set[UUID]] = []
    people.register(directory({}, asked))

    assert people.names([None]) == {}
    assert asked == []


def test_a_directory_registers_once(directories: list[Directory]) -> None:
    ada = uuid4()
    one = directory({ada: "Ada"})
    people.register(one)
    people.register(one)

    assert directories == [one]
    assert people.find("A") == [ada]
