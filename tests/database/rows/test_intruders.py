"""Roundabout ways to the rows of others, each tried in plain SQL for an analyst."""

from __future__ import annotations

import psycopg
import pytest

from database import roles
from tests.database.rows import world
from tests.database.rows.conftest import Intruder
from tests.database.rows.expectations import NEVER, PEOPLE, TABLES, Confined

ANALYST = next(person for person in PEOPLE if person.name == "analyst")
VIEWER = next(person for person in PEOPLE if person.name == "viewer")
NOBODY = next(person for person in PEOPLE if person.name == "nobody")
OTHER = str(world.key("users", "other"))
CONFINED = [table for table, whose in TABLES.items() if whose == Confined()]

# Each returns the rows of others that it reached.
READS = {
    "a condition on the other": "SELECT user_id FROM {table} WHERE user_id = '{other}'",
    "a condition that is true": "SELECT user_id FROM {table} WHERE user_id = '{me}' OR true"
    " OFFSET 1",
    "an exclusion": "SELECT id FROM {table} EXCEPT SELECT id FROM {table} WHERE user_id = '{me}'",
    "existence": "SELECT 1 WHERE EXISTS (SELECT FROM {table} WHERE user_id = '{other}')",
    "a count": "SELECT 1 FROM {table} HAVING count(*) > 1",
    "the number of people": "SELECT 1 FROM {table} HAVING count(DISTINCT user_id) > 1",
    "a join from people": "SELECT t.id FROM users u JOIN {table} t ON t.user_id = u.id"
    " WHERE u.id = '{other}'",
    "a lateral join": "SELECT t.id FROM users u, LATERAL"
    " (SELECT id FROM {table} WHERE user_id = u.id) t WHERE u.id <> '{me}'",
    "a common table expression": "WITH t AS MATERIALIZED (SELECT * FROM {table})"
    " SELECT id FROM t WHERE user_id <> '{me}'",
    "a sample of the table": "SELECT id FROM {table} TABLESAMPLE SYSTEM (100)"
    " WHERE user_id <> '{me}'",
    "a row of the address": "SELECT id FROM {table} WHERE ctid = '(0,1)' AND user_id <> '{me}'",
    "XML of the query": "SELECT 1 WHERE query_to_xml('SELECT user_id FROM {table}', true, false,"
    " '')::text LIKE '%{other}%'",
    "XML of the table": "SELECT 1 WHERE table_to_xml('{table}', true, false, '')::text"
    " LIKE '%{other}%'",
    "an update": "UPDATE {table} SET id = id WHERE user_id = '{other}' RETURNING id",
    "an update from another table": "UPDATE {table} t SET id = t.id FROM users u"
    " WHERE u.id = t.user_id AND u.id = '{other}' RETURNING t.id",
    "a deletion": "DELETE FROM {table} WHERE user_id = '{other}' RETURNING id",
    "a deletion with another table": "DELETE FROM {table} t USING users u"
    " WHERE u.id = t.user_id AND u.id <> '{me}' RETURNING t.id",
    "a locked row": "SELECT id FROM {table} WHERE user_id <> '{me}' FOR UPDATE",
    "a locked key": "SELECT id FROM {table} WHERE user_id <> '{me}' FOR KEY SHARE SKIP LOCKED",
}


@pytest.mark.parametrize("table", CONFINED)
def test_no_way_of_reading_reaches_the_rows_of_others(intruder: Intruder, table: str) -> None:
    """ASVS 8.2.2: what belongs to others cannot be reached by its key, nor round about."""
    me = world.id_of(ANALYST)
    reached = {}
    for way, statement in READS.items():
        with intruder.person(ANALYST) as connection:
            try:
                cursor = connection.execute(statement.format(table=table, other=OTHER, me=me))
            except psycopg.errors.FeatureNotSupported:
                assert "XML" in way  # the server was built without it
                continue
            except psycopg.errors.InsufficientPrivilege:
                assert table in NEVER  # where the application reads, and writes nothing at all
                assert way.startswith(("an update", "a deletion", "a locked"))
                continue
            reached[way] = len(cursor.fetchall())

    assert {way for way, number in reached.items() if number} == set()


@pytest.mark.parametrize("table", CONFINED)
def test_a_row_cannot_be_given_to_somebody_else_nor_taken(intruder: Intruder, table: str) -> None:
    # What is never changed is refused by its trigger, before its policy is asked.
    kept = table == "exercise_answers"
    given = psycopg.errors.RestrictViolation if kept else psycopg.errors.InsufficientPrivilege
    for statement, refusal in (
        (f"UPDATE {table} SET user_id = '{OTHER}'", given),
        (
            f"MERGE INTO {table} t USING (SELECT '{world.id_of(ANALYST)}'::uuid AS id) s"
            f" ON t.user_id = s.id WHEN MATCHED THEN UPDATE SET user_id = '{OTHER}'",
            given,
        ),
    ):
        with intruder.person(ANALYST) as connection, pytest.raises(refusal):
            connection.execute(statement)
    if table in NEVER:
        return
    with intruder.person(ANALYST) as connection:
        taken = connection.execute(
            f"UPDATE {table} SET user_id = %s WHERE user_id = %s", [world.id_of(ANALYST), OTHER]
        )
        assert taken.rowcount == 0


MONTHLY = {"monitor_data", "anomalies"}


@pytest.mark.parametrize("table", CONFINED)
def test_copying_out_holds_one_s_own_rows_and_copying_in_is_refused(
    intruder: Intruder, table: str
) -> None:
    # Of a table in months, COPY by its name gives the rows of none of them.
    source = f"(SELECT user_id FROM {table})" if table in MONTHLY else f"{table} (user_id)"
    with (
        intruder.person(ANALYST) as connection,
        connection.cursor().copy(f"COPY {source} TO STDOUT") as copy,
    ):
        lines = b"".join(bytes(part) for part in copy).decode().split()
    assert lines == [world.id_of(ANALYST)]

    with (
        intruder.person(ANALYST) as connection,
        pytest.raises(
            (psycopg.errors.FeatureNotSupported, psycopg.errors.InsufficientPrivilege),
            match="row-level security|permission denied",
        ),
        connection.cursor().copy(f"COPY {table} (user_id) FROM STDIN") as copy,
    ):
        copy.write(f"{OTHER}\n")


def test_a_conflict_with_another_s_row_changes_and_shows_nothing(intruder: Intruder) -> None:
    """It tells that the value exists, to somebody who knew it: 256 bits nobody guesses."""
    row = intruder.connection.execute(
        "SELECT key_hash FROM api_keys WHERE user_id = %s", [OTHER]
    ).fetchone()
    assert row is not None
    taken = "INSERT INTO api_keys (user_id, name, key_hash) VALUES (%s, 'x', %s)"
    mine = [world.id_of(ANALYST), row[0]]

    with intruder.person(ANALYST) as connection:
        with pytest.raises(psycopg.errors.UniqueViolation) as caught:
            connection.execute(taken, mine)
        # With row security the server keeps the row to itself, also that of an index.
        assert caught.value.diag.message_detail is None
        assert caught.value.diag.constraint_name == "api_keys_key_hash_key"
    for ending in ("DO UPDATE SET name = 'mine'", "DO UPDATE SET user_id = excluded.user_id"):
        with (
            intruder.person(ANALYST) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"),
        ):
            connection.execute(f"{taken} ON CONFLICT (key_hash) {ending} RETURNING user_id", mine)
    with intruder.person(ANALYST) as connection:
        nothing = connection.execute(f"{taken} ON CONFLICT DO NOTHING RETURNING user_id", mine)
        assert nothing.fetchall() == []


def test_a_token_cannot_be_hung_on_the_session_of_another(intruder: Intruder) -> None:
    with intruder.person(ANALYST) as connection:
        world.insert(
            connection,
            "refresh_tokens",
            world.sample("refresh_tokens", "analyst")
            | {"session_id": world.key("sessions", "other")},
        )
        with pytest.raises(psycopg.errors.ForeignKeyViolation) as caught:
            connection.execute("SET CONSTRAINTS ALL IMMEDIATE")

    assert caught.value.diag.constraint_name == "refresh_tokens_session_owner_fkey"
    assert "device_name" not in str(caught.value)


def test_the_same_session_that_exists_and_that_does_not_are_refused_alike(
    intruder: Intruder,
) -> None:
    names = set()
    for session in (world.key("sessions", "other"), world.key("no", "session")):
        with intruder.person(ANALYST) as connection:
            values = world.sample("refresh_tokens", "analyst") | {"session_id": session}
            world.insert(connection, "refresh_tokens", values)
            with pytest.raises(psycopg.errors.ForeignKeyViolation) as caught:
                connection.execute("SET CONSTRAINTS refresh_tokens_session_owner_fkey IMMEDIATE")
            names.add(str(caught.value.diag.message_primary))

    assert len(names) == 1


def test_a_prepared_statement_and_its_plan_serve_each_person_their_own(intruder: Intruder) -> None:
    with intruder.undone() as admin:
        admin.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        admin.execute("PREPARE keys AS SELECT DISTINCT user_id::text FROM api_keys ORDER BY 1")
        everybody = admin.execute("EXECUTE keys").fetchall()
        seen = []
        for _ in range(2):
            for person in (ANALYST, VIEWER, NOBODY):
                with intruder.person(person) as connection:
                    seen.append(connection.execute("EXECUTE keys").fetchall())
        with intruder.role(roles.SYSTEM) as connection:
            assert connection.execute("EXECUTE keys").fetchall() == everybody
        admin.execute("DEALLOCATE keys")

    one = [[(world.id_of(ANALYST),)], [(world.id_of(VIEWER),)], []]
    assert seen == one * 2


def test_a_cursor_shows_what_its_person_may_see(intruder: Intruder) -> None:
    with intruder.person(ANALYST) as connection:
        connection.execute("DECLARE mine SCROLL CURSOR FOR SELECT user_id::text FROM api_keys")
        assert connection.execute("FETCH ALL FROM mine").fetchall() == [(world.id_of(ANALYST),)]
        assert connection.execute("FETCH ABSOLUTE 2 FROM mine").fetchall() == []


def test_a_condition_of_one_s_own_is_never_asked_about_the_rows_of_others(
    intruder: Intruder,
) -> None:
    """A failing cast would show the value in its error, were it tried before the policy."""
    for condition in ("name::integer = 1", "1 / length(replace(name, name, '')) = 1"):
        with intruder.person(ANALYST) as connection:
            connection.execute("DELETE FROM api_keys")  # one's own; no other is touched
            cheap = f"SELECT count(*) FROM api_keys WHERE {condition}"
            assert connection.execute(cheap).fetchone() == (0,)
        with intruder.undone() as admin, pytest.raises(psycopg.DataError):
            admin.execute(cheap)


def test_statistics_of_the_columns_are_closed(intruder: Intruder) -> None:
    with intruder.undone() as admin:
        for table in TABLES:
            admin.execute(f"ANALYZE {table}")
        count = "SELECT count(*) FROM pg_stats WHERE schemaname = 'public' AND tablename = ANY(%s)"
        told = admin.execute(count, [list(TABLES)]).fetchone()
        assert told is not None
        assert told[0] > 100
        for person in (ANALYST, VIEWER, NOBODY):
            with intruder.person(person) as connection:
                assert connection.execute(count, [list(TABLES)]).fetchone() == (0,)
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute("SELECT count(*) FROM pg_statistic")


@pytest.mark.parametrize(
    "attempt",
    [
        # What could look at rows before the policy does, or stand in a definer's way.
        "CREATE FUNCTION public.peek(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS"
        " $$ BEGIN RAISE NOTICE '%', $1; RETURN true; END $$",
        "CREATE FUNCTION pg_temp.peek(text) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
        "CREATE OPERATOR public.=== (leftarg = text, rightarg = text, function = texteq)",
        "CREATE TEMPORARY TABLE users (id uuid)",
        "CREATE TEMPORARY VIEW peek AS SELECT * FROM api_keys",
        "CREATE VIEW public.peek AS SELECT * FROM api_keys",
        "CREATE TABLE audits.peek (id uuid)",
        "CREATE SCHEMA peek",
        "CREATE EXTENSION pageinspect",
        "CREATE STATISTICS peek ON name, prefix FROM api_keys",
        "CREATE PUBLICATION peek FOR TABLE api_keys",
        "CREATE RULE peek AS ON SELECT TO api_keys DO INSTEAD SELECT * FROM api_keys",
        "CREATE TRIGGER peek AFTER INSERT ON api_keys EXECUTE FUNCTION update_updated_at_column()",
        # The rules themselves.
        "ALTER TABLE api_keys DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE api_keys NO FORCE ROW LEVEL SECURITY",
        "DROP POLICY own ON api_keys",
        "CREATE POLICY mine ON api_keys USING (true)",
        "ALTER POLICY own ON api_keys USING (true)",
        "SELECT unconfine('api_keys')",
        "SELECT close_rows('api_keys')",
        "SELECT confine('api_keys', 'id')",
        "SELECT share('api_keys', '{imaging.view_image}')",
        "ALTER FUNCTION app_user_id() SECURITY DEFINER",
        "UPDATE role_permissions SET role = 'viewer'",
        "SET session_replication_role = replica",
        "ALTER ROLE lacuna_app BYPASSRLS",
        # Files and other servers.
        "COPY api_keys TO PROGRAM 'cat'",
        "COPY api_keys TO '/tmp/api_keys'",
        "SELECT pg_read_file('PG_VERSION')",
        "SELECT lo_import('/etc/passwd')",
    ],
)
def test_the_application_can_neither_build_a_tool_nor_change_a_rule(
    intruder: Intruder, attempt: str
) -> None:
    for person in (ANALYST, PEOPLE[0]):  # nor for an admin
        with (
            intruder.person(person) as connection,
            pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedFile)),
        ):
            connection.execute(attempt)


def test_switching_row_security_off_is_an_error_not_a_way(intruder: Intruder) -> None:
    with intruder.person(ANALYST) as connection:
        connection.execute("SET LOCAL row_security = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            connection.execute("SELECT * FROM api_keys")


def test_an_anonymous_block_sees_no_more_than_its_person(intruder: Intruder) -> None:
    with intruder.person(ANALYST) as connection:
        connection.execute(
            "DO $$ DECLARE found integer; BEGIN"
            f" SELECT count(*) INTO found FROM api_keys WHERE user_id = '{OTHER}';"
            " IF found > 0 THEN RAISE EXCEPTION 'seen'; END IF; END $$"
        )


def test_a_name_that_is_no_key_is_refused_before_anything_is_seen(intruder: Intruder) -> None:
    with intruder.role(roles.APP) as connection:
        connection.execute("SELECT set_config('app.user_id', 'x'' OR true --', true)")
        with pytest.raises(psycopg.DataError):
            connection.execute("SELECT * FROM api_keys")


def test_an_author_cannot_be_made_up(intruder: Intruder) -> None:
    """A row of the team is added, and changed, in one's own name."""
    for table in ("images", "analysis_results", "processing_queue"):
        with intruder.person(ANALYST) as connection, pytest.raises(psycopg.Error) as caught:
            connection.execute(
                f"UPDATE {table} SET user_id = %s WHERE user_id = %s",
                [OTHER, world.id_of(ANALYST)],
            )
        assert isinstance(
            caught.value, psycopg.errors.InsufficientPrivilege | psycopg.errors.CheckViolation
        ), table
    # Who analyses an image again is the author of what replaces its result.
    with intruder.person(ANALYST) as connection:
        again = connection.execute(
            "UPDATE analysis_results SET user_id = %s WHERE user_id = %s",
            [world.id_of(ANALYST), OTHER],
        )
        assert again.rowcount == 1


def test_what_is_not_one_s_own_cannot_be_granted(intruder: Intruder) -> None:
    acl = "SELECT relacl::text FROM pg_class WHERE oid = 'api_keys'::regclass"
    with intruder.person(ANALYST) as connection:
        before = connection.execute(acl).fetchone()
        connection.execute("GRANT SELECT ON api_keys TO PUBLIC")  # a warning, and nothing done
        assert connection.execute(acl).fetchone() == before
