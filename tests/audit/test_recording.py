"""Writing entries: from Python, from plain SQL, from triggers."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from django.db import DataError, Error, connection, transaction

from audit import context, registry
from audit.errors import NotInTransaction, UnknownAction
from audit.models import Entry
from audit.proofs import entries
from audit.recording import record
from database.actor import acting_as
from database.models import SystemSetting
from tests.factories import make_user

pytestmark = pytest.mark.django_db

HERE = context.Context(
    source="admin", request_id="abc", ip_address="203.0.113.7", user_agent="Browser é"
)


def newest() -> Entry:
    return Entry.objects.order_by("-id").first() or pytest.fail("no entry")


def test_an_entry_says_who_did_what_to_what_from_where() -> None:
    user = make_user()
    with context.within(HERE):
        record(
            "setting.updated",
            by=user,
            subject=("setting", "max_file_size"),
            before={"value": 1},
            after={"value": 2},
            details={"share": Decimal("0.25")},
            duration_ms=12,
        )

    entry = newest()
    assert (entry.actor_id, entry.action, entry.outcome) == (user.pk, "setting.updated", "success")
    assert (entry.resource_type, entry.resource_id) == ("setting", "max_file_size")
    assert (entry.changes_before, entry.changes_after) == ({"value": 1}, {"value": 2})
    assert entry.details == {"share": "0.25"}
    assert (entry.source, entry.request_id) == ("admin", "abc")
    assert (entry.ip_address, entry.user_agent) == ("203.0.113.7", "Browser é")
    assert entry.duration_ms == 12
    assert entry.payload == (
        '{"changes":{"after":{"value":2},"before":{"value":1}},"details":{"share":"0.25"},'
        '"request_id":"abc","source":"admin"}'
    )


def test_an_entry_without_circumstances_holds_nothing_personal() -> None:
    record("setting.updated")

    entry = newest()
    assert (entry.personal, entry.ip_address, entry.payload) == (None, None, '{"source":"system"}')


def test_the_person_for_whom_the_database_works_is_the_one_who_did_it() -> None:
    user = make_user()
    with acting_as(user.pk):
        record("setting.updated")

    assert newest().actor_id == user.pk


def test_an_unknown_action_is_refused_in_python_and_in_sql() -> None:
    with pytest.raises(UnknownAction, match="knows no action 'setting.eaten'"):
        record("setting.eaten")
    with (
        pytest.raises(DataError, match=r"knows no action setting\.eaten"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT audits.record('setting.eaten')")


def test_many_rows_have_an_entry_each_with_what_was_done_to_all_of_them() -> None:
    with connection.cursor() as cursor, context.within(HERE):
        cursor.execute(
            "SELECT audits.record_all('setting.updated', 'setting', ARRAY['a', 'b'],"
            """ '{"before": {"x": null}, "after": {"x": 1}}', '{"batch": null}')"""
        )
        assert cursor.fetchone() == (2,)
        cursor.execute("SELECT entry_id, salt, data FROM audits.audit_personal")
        private = {key: (bytes(salt), data) for key, salt, data in cursor.fetchall()}

    found = list(Entry.objects.order_by("resource_id"))
    assert [(one.action, one.resource_type, one.resource_id) for one in found] == [
        ("setting.updated", "setting", "a"),
        ("setting.updated", "setting", "b"),
    ]
    for entry in found:
        assert (entry.changes_before, entry.changes_after) == ({"x": None}, {"x": 1})
        assert entry.details == {"batch": None}
        assert entry.personal is not None
        assert bytes(entry.personal) == entries.commitment(*private[entry.entry_id])
    assert len({salt for salt, _ in private.values()}) == 2, "one says nothing about another"


def test_many_rows_need_a_known_action_too() -> None:
    with (
        pytest.raises(DataError, match=r"knows no action setting\.eaten"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT audits.record_all('setting.eaten', 'setting', ARRAY['a'])")


def test_floats_are_refused_by_their_place() -> None:
    with pytest.raises(TypeError, match=r"details\.score"):
        record("setting.updated", details={"score": 0.5})


def test_personal_data_is_committed_to_and_can_be_erased() -> None:
    with context.within(HERE):
        record("setting.updated", personal={"email": "anna@example.org"})
    entry = newest()
    with connection.cursor() as cursor:
        cursor.execute("SELECT salt, data FROM audits.audit_personal")
        salt, data = cursor.fetchone()

        assert json.loads(data)["email"] == "anna@example.org"
        assert entry.personal is not None
        assert bytes(entry.personal) == entries.commitment(bytes(salt), data)

        cursor.execute("SELECT audits.erase_personal(%s, 'she asked')", [[entry.entry_id]])
        assert cursor.fetchone() == (1,)
        cursor.execute("SELECT count(*) FROM audits.audit_personal")
        assert cursor.fetchone() == (0,)
    erasure = newest()
    assert erasure.action == "audit_entry.erased"
    assert erasure.details == {"entries": [str(entry.entry_id)], "reason": "she asked"}
    assert Entry.objects.get(pk=entry.pk).leaf == entry.leaf


def test_erasing_needs_a_reason() -> None:
    with (
        pytest.raises(DataError, match="needs a reason"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT audits.erase_personal(ARRAY[gen_random_uuid()], ' ')")


@pytest.mark.django_db(transaction=True)
def test_an_entry_outside_a_transaction_is_refused() -> None:
    with pytest.raises(NotInTransaction, match=r"setting\.updated must be recorded"):
        record("setting.updated")


@pytest.mark.django_db(transaction=True)
def test_of_a_failed_transaction_nothing_remains_but_what_is_kept() -> None:
    with transaction.atomic():
        record("setting.updated")
        record("access.refused", outcome="failure", error="no")
        transaction.set_rollback(True)

    assert list(Entry.objects.values_list("action", flat=True)) == ["access.refused"]


def test_an_action_is_declared_once() -> None:
    known = registry.find("setting.updated")

    registry.register(known)
    with pytest.raises(ValueError, match="declared twice"):
        registry.register(registry.Action("setting.updated", "Something else."))
    with pytest.raises(ValueError, match="is no action"):
        registry.register(registry.Action("Setting updated", "No."))


def test_the_database_knows_every_action() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, coalesce(documented, '') FROM audits.audit_action")
        held = dict(cursor.fetchall())

    assert held == {action.name: action.word for action in registry.ACTIONS.values()}


def test_the_payload_is_limited_and_must_be_json() -> None:
    for payload in ("[]", "nonsense", '{"a": "' + "x" * 1_048_576 + '"}'):
        with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO audits.audit_log (action, payload) VALUES ('a.b', %s)", [payload]
            )
    assert not Entry.objects.exists()


def test_a_setting_changed_through_django_is_recorded_once_with_before_and_after() -> None:
    row = SystemSetting.objects.create(setting_key="max_file_size", setting_value=100)
    check_constraints()
    row.setting_value = 200
    row.save()
    check_constraints()

    made, changed = Entry.objects.order_by("id")
    assert (made.action, changed.action) == ("setting.inserted", "setting.updated")
    assert changed.resource_id == "max_file_size"
    assert (changed.changes_before, changed.changes_after) == (
        {"setting_value": 100},
        {"setting_value": 200},
    )


def check_constraints() -> None:
    """What a commit does: let deferred triggers speak."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def test_of_several_changes_in_one_transaction_each_is_recorded() -> None:
    row = SystemSetting.objects.create(setting_key="job_timeout", setting_value=1)
    for value in (2, 3):
        SystemSetting.objects.filter(pk=row.pk).update(setting_value=value)
    check_constraints()

    told = Entry.objects.order_by("id").values_list("action", "changes_after__setting_value")
    assert list(told) == [("setting.inserted", 1), ("setting.updated", 2), ("setting.updated", 3)]


def test_a_row_is_named_as_its_guard_names_it_so_that_there_is_no_second_entry() -> None:
    row = SystemSetting.objects.create(setting_key="job_timeout", setting_value=1)

    record("setting.updated", subject=row, after={"setting_value": 1})
    check_constraints()

    [entry] = Entry.objects.all()
    assert (entry.resource_type, entry.resource_id) == ("setting", "job_timeout")
