"""Every function the application may call, with what it tells; nothing of the rows of others."""

from __future__ import annotations

from typing import Final

import psycopg
import pytest

from database import roles
from tests.database.rows import world
from tests.database.rows.conftest import Intruder
from tests.database.rows.expectations import PEOPLE

PERSON = {person.name: person for person in PEOPLE}
OTHER = str(world.key("users", "other"))

# What each may tell. Queues bring a function each, named after their table.
CALLABLE: Final[dict[str, str]] = {
    "new_key": "a new key",
    "uuid_generate_v4": "a new key",
    "app_user_id": "who acts",
    "has_permission": "whether somebody's role gives a permission: no more than roles are for",
    "app_may": "the same of who acts",
    "actor_role": "whether somebody is an admin",
    "change_user_role": "nothing; refuses whoever is no admin",
    "count_request": "how long a subject has to wait; the subject must be known",
    "create_month_partitions": "the names of tables it made",
    "cleanup_expired_cache": "a number; deletes what the caller may",
    "evict_lru_cache": "the same",
    "get_cache_stats": "figures of what the caller may see",
    "refresh_cache_metrics": "nothing; figures of the team become those of now",
    "fill_cache_metrics": "the same",
    "find_near_duplicates": "images that the caller may see",
    "mark_duplicate_image": "whether there is one among those",
    "mark_duplicate_images": "how many",
    "reserve_usage": "whether the caller's own limits leave room",
    "send_usage": "whether the caller's own hold is in time",
    "settle_usage": "whether the caller's own hold had ended",
    "expire_usage_holds": "a number; ends what is over, and refuses the holds of others",
    "aggregate_performance_metrics": "figures of what the caller may see",
    "feature_row": "a row of what the caller may see",
    "block_metadata": "its argument, a row of it",
    "block_values": "its argument, a row of it",
    "packed_values": "its arguments, a row of them",
    "severity_name": "a word for its argument",
    "may_ask_provider": "whether a provider is paused",
    "note_provider_outcome": "the same",
    "last_turn_*": "how far somebody's jobs stand in a line: a number, of whomever is named",
    "audits.leaf_v1": "a hash of its arguments",
    "audits.canonical": "its argument in one spelling",
    "audits.abridged": "its argument, shorter",
    "audits.context": "the circumstances the caller has told",
    "audits.place": "where an entry of the log stands; the log is left out",
    "audits.record": "the key of the entry it wrote",
    "audits.record_all": "the number of entries it wrote",
    "audits.make_months": "the names of tables it made",
    "audits.empty_default": "how many entries it moved",
    "audits.erase_personal": "how many; each call is an entry of its own",
}

# Why each works as its owner, who sees every row.
DEFINERS: Final[dict[str, str]] = {
    "has_permission": "asked by reports, which see no roles",
    "app_may": "asked by the policies of users, which it reads",
    "actor_role": "asked before the role is set",
    "change_user_role": "changes another person's row, once it has seen that an admin asks",
    "count_request": "counts for whom nobody knows yet",
    "create_month_partitions": "makes tables",
    "end_sessions_of_user": "trigger: ends sessions that are not the changer's",
    "drop_browser_session": "trigger: takes a browser's session away with its row",
    "follow_processing_queue": "trigger: what follows from a change, whoever made it",
    "follow_file_checks": "trigger: what follows from a change, whoever made it",
    "follow_analyses": "trigger: what follows from a change, whoever made it",
    "archive_analysis_result": "trigger: the only writer of the history",
    "log_audit_event": "trigger: the writer of the audit log",
    "log_job_event": "trigger: the same for queues",
    "reserve_usage": "the only way to money: no table of it can be written otherwise",
    "send_usage": "the same",
    "settle_usage": "the same",
    "expire_usage_holds": "the same",
    "track_usage": "trigger: the only writer of a day's totals",
    "alert_of_cost": "trigger: the only writer of alerts",
    "may_ask_provider": "the breaker is everybody's",
    "note_provider_outcome": "the same",
    "move_annotations": "trigger: whoever makes collections need not be a reviewer",
    "keep_annotation_versions": "trigger: the only writer of earlier versions",
    "keep_deleted_annotations": "trigger: the same",
    "forget_annotations_of_image": "trigger: nothing stays of an image that is deleted",
    "fill_cache_metrics": "makes figures out of every row, for everybody",
    "last_turn_*": "the line is everybody's",
    "audits.log_truncate": "trigger: the writer of the audit log",
    "audits.record": "the writer of the audit log",
    "audits.record_all": "the writer of the audit log",
    "audits.make_months": "makes tables",
    "audits.empty_default": "moves entries between tables",
    "audits.current_era": "writes the first entry of an era",
    "audits.erase_personal": "the only one who deletes in the log",
}


def named(name: str) -> str:
    """The name as above: the functions of queues share one."""
    return "last_turn_*" if name.startswith("last_turn_") else name


def functions(intruder: Intruder, condition: str) -> set[str]:
    found = intruder.connection.execute(
        "SELECT CASE nspname WHEN 'public' THEN '' ELSE nspname || '.' END || proname"
        " FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
        f" WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' AND {condition}"
    ).fetchall()
    return {named(name) for (name,) in found}


@pytest.mark.parametrize("role", roles.SIGHTS)
def test_every_function_that_may_be_called_is_known(intruder: Intruder, role: str) -> None:
    callable_ = functions(
        intruder,
        "prorettype <> 'trigger'::regtype AND prorettype <> 'event_trigger'::regtype"
        f" AND has_function_privilege('{role}', p.oid, 'EXECUTE')",
    )

    assert callable_ == set(CALLABLE)


def test_every_function_that_works_as_its_owner_has_its_reason(intruder: Intruder) -> None:
    assert functions(intruder, "prosecdef") == set(DEFINERS)
    # ... and none of them may be tricked by an object of the caller's.
    loose = functions(
        intruder,
        "prosecdef AND NOT EXISTS (SELECT FROM unnest(proconfig) AS c"
        r" WHERE c ~ '^search_path=.*\mpg_temp$')",
    )
    assert loose == set()


def test_only_an_admin_changes_roles_by_the_function(intruder: Intruder) -> None:
    """ASVS 8.3.1: enforced where it cannot be passed by."""
    for person in PEOPLE:
        with intruder.person(person) as connection:
            call = "SELECT change_user_role(%s, 'viewer')"
            if person.is_admin:
                connection.execute(call, [OTHER])
                continue
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="Only an admin"):
                connection.execute(call, [OTHER])


def test_nobody_makes_themself_an_admin(intruder: Intruder) -> None:
    me = PERSON["analyst"]
    for statement in (
        "UPDATE users SET role = 'admin' WHERE id = app_user_id()",
        "UPDATE users SET is_active = false WHERE id = app_user_id()",
        "UPDATE users SET locked_until = NULL, lockout_count = 9 WHERE id = app_user_id()",
        "SELECT change_user_role(app_user_id(), 'admin')",
        "INSERT INTO users (email, role) VALUES ('x@example.org', 'admin')",
        "INSERT INTO role_permissions (role, permission) VALUES ('analyst', 'x.y')",
    ):
        with (
            intruder.person(me) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(statement)


def test_a_place_in_the_line_is_a_number_and_no_more(intruder: Intruder) -> None:
    with intruder.person(PERSON["stranger"]) as connection:
        answer = connection.execute("SELECT last_turn_processing_queue(%s, 5)", [OTHER]).fetchone()
        assert connection.execute("SELECT count(*) FROM processing_queue").fetchone() == (0,)

    assert answer is not None
    assert isinstance(answer[0], int)


def test_functions_that_do_not_work_as_their_owner_reach_what_the_caller_may(
    intruder: Intruder,
) -> None:
    intruder.connection.execute("UPDATE analysis_cache SET expires_at = '2000-01-01'")
    for name in ("viewer", "stranger", "nobody", "inactive admin"):
        with intruder.person(PERSON[name]) as connection:
            assert connection.execute("SELECT cleanup_expired_cache()").fetchone() == (0,)
            marked = connection.execute("SELECT mark_duplicate_images()").fetchone()
            assert marked == (0,)
    with intruder.person(PERSON["stranger"]) as connection:
        assert connection.execute("SELECT * FROM find_near_duplicates(0, 64)").fetchall() == []
    with intruder.role(roles.SYSTEM) as connection:
        assert connection.execute("SELECT cleanup_expired_cache()").fetchone() != (0,)


def test_counting_requests_shows_no_other_subject(intruder: Intruder) -> None:
    with intruder.person(PERSON["nobody"]) as connection:
        waits = [
            connection.execute("SELECT count_request('test', 'me', 2, 60)").fetchone()
            for _ in range(4)
        ]
        assert connection.execute("SELECT count(*) FROM throttles").fetchone() == (0,)

    assert waits[:2] == [(0,), (0,)]
    assert all(wait is not None and 0 < wait[0] <= 60 for wait in waits[2:])
