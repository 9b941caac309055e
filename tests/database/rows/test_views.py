"""What the views show to whom: no more than the tables below them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from psycopg import sql

from tests.database.rows import world
from tests.database.rows.conftest import Intruder
from tests.database.rows.expectations import (
    LEFT_OUT_VIEWS,
    MATERIALIZED,
    OWN_VIEWS,
    PEOPLE,
    VIEWS,
    Person,
)


def rows(connection: world.Connection, view: str) -> list[dict[str, Any]]:
    found = connection.execute(
        sql.SQL("SELECT to_jsonb(v) FROM {} v ORDER BY 1").format(sql.Identifier(view))
    ).fetchall()
    return [row for (row,) in found]


def is_empty(row: dict[str, Any]) -> bool:
    """Whether a row of figures counts nothing, and names no more than what it would count."""
    values = list(row.values())
    labels = [value for value in values if isinstance(value, str)]
    return len(labels) <= 1 and all(value in (None, 0) for value in values if value not in labels)


def test_every_view_has_its_expectation(intruder: Intruder) -> None:
    found = intruder.connection.execute(
        "SELECT CASE relnamespace WHEN 'public'::regnamespace THEN '' ELSE nspname || '.' END"
        " || relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE relkind IN ('v', 'm') AND nspname !~ '^pg_' AND nspname <> 'information_schema'"
    ).fetchall()

    assert {name for (name,) in found} == {*VIEWS, *OWN_VIEWS, *MATERIALIZED, *LEFT_OUT_VIEWS}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person.name)
def test_a_view_shows_what_its_tables_show(intruder: Intruder, view: str, person: Person) -> None:
    with intruder.undone() as admin:
        everything = rows(admin, view)
    with intruder.person(person) as connection:
        seen = rows(connection, view)

    may = person.has_one_of(VIEWS[view]) if VIEWS[view] else person.is_known
    assert everything
    if may:
        assert seen == everything
    else:
        assert [row for row in seen if not is_empty(row)] == []
        assert not any(
            str(key) in json.dumps(seen) for key in intruder.world.rows["users"].values()
        )


@pytest.mark.parametrize("view", sorted(OWN_VIEWS))
def test_a_view_of_what_is_one_s_own_shows_nothing_of_others(intruder: Intruder, view: str) -> None:
    with intruder.undone() as admin:
        everything = rows(admin, view)
    assert len({row["user_id"] for row in everything}) > 2
    for person in PEOPLE:
        with intruder.person(person) as connection:
            seen = rows(connection, view)
        own = [row for row in everything if row["user_id"] == world.id_of(person)]
        assert seen == (everything if person.is_admin else own), person.name
        assert seen or not person.role
