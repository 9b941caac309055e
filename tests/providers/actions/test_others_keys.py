"""Other people's keys: stopped and removed by admins, with a reason, and never seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.core import mail
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from database.actor import acting_as
from providers.actions import keys, others_keys
from providers.actions.access import key_for
from providers.errors import KeyNotTaken, KeyStopped, NoSuchKey, NotAllowed, ReasonMissing
from providers.models import KeyStatus, UserProvider
from tests.factories import make_own_key, make_provider, make_user
from tests.providers.fake import Fake
from tests.providers.standing_in import revealed

pytestmark = pytest.mark.django_db

StandIn = Callable[..., Fake]
# Its end is nothing that a key of a row could hold by chance.
SECRET = "sk-own-secret-WxYz"
WHY = "It stood in a public notebook."


@pytest.fixture
def admin() -> User:
    return make_user("admin", full_name="Ada")


def entries(action: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            "SELECT actor_id, resource_id, payload::text FROM audits.audit_log WHERE action = %s",
            [action],
        )
        return list(cursor.fetchall())


def test_a_stopped_key_is_used_no_more_and_its_owner_cannot_switch_it_on(admin: User) -> None:
    provider = make_provider("openai", key="sk-team-0123456789")
    own = make_own_key(SECRET, provider=provider)
    with acting_as(admin.pk):
        stopped = others_keys.stop(own.pk, reason=f"  {WHY}\n", by=admin)

    assert (stopped.is_active, stopped.stopped_by, stopped.stopped_reason) == (False, admin, WHY)
    with acting_as(own.user_id):
        assert key_for(own.user_id, provider).own is None  # the team's
        with pytest.raises(KeyStopped, match="public notebook. Ask them, or enter another key"):
            keys.switch_own(own.pk, on=True, by=own.user)
    with acting_as(admin.pk):
        with pytest.raises(KeyStopped):
            others_keys.stop(own.pk, reason=WHY, by=admin)
        others_keys.start(own.pk, by=admin)
        with pytest.raises(NoSuchKey):
            others_keys.start(own.pk, by=admin)
    own.refresh_from_db()
    assert (own.is_active, own.stopped_at, own.stopped_reason) == (True, None, "")
    assert revealed(own) == SECRET


def test_a_removed_key_is_erased_and_its_row_tells_of_it_until_that_is_noted(admin: User) -> None:
    own = make_own_key(SECRET, error_message="Refused.")
    with acting_as(admin.pk):
        others_keys.take_away(own.pk, reason=WHY, by=admin)
        with pytest.raises(NoSuchKey, match="removed already"):
            others_keys.take_away(own.pk, reason=WHY, by=admin)
        with pytest.raises(NoSuchKey):
            others_keys.start(own.pk, by=admin)

    own.refresh_from_db()
    assert (own.api_key, own.key_hint, own.error_message) == (None, "", "")
    assert (own.is_active, own.status, own.stopped_reason) == (False, KeyStatus.UNTESTED, WHY)
    with acting_as(own.user_id):
        with pytest.raises(KeyStopped):
            keys.switch_own(own.pk, on=True, by=own.user)
        with pytest.raises(NoSuchKey):
            keys.test_own(own.pk, by=own.user)
        keys.remove_own(own.pk, by=own.user)
    assert not UserProvider.objects.exists()
    assert len(entries("user_provider.noted")) == 1
    assert entries("user_provider.removed") == []


def test_another_key_takes_the_place_of_a_stopped_one_but_not_the_same(
    fake: StandIn, admin: User
) -> None:
    fake("openai")
    own = make_own_key(SECRET)
    others_keys.stop(own.pk, reason=WHY, by=admin)

    with pytest.raises(KeyNotTaken, match="this very key"):
        keys.enter_own(own.user, "openai", SECRET, by=own.user)
    with acting_as(own.user_id):
        entered = keys.enter_own(own.user, "openai", "sk-another-98765", by=own.user)

    assert (entered.is_active, entered.stopped_at, entered.stopped_by) == (True, None, None)


def test_the_owner_is_told_by_a_letter_and_the_log_says_who_and_why(
    admin: User, django_capture_on_commit_callbacks: Any
) -> None:
    one, other = make_own_key(SECRET), make_own_key(SECRET)
    with django_capture_on_commit_callbacks(execute=True):
        others_keys.stop(one.pk, reason=WHY, by=admin)
        others_keys.take_away(other.pk, reason=WHY, by=admin)
        others_keys.start(one.pk, by=admin)

    assert [letter.to for letter in mail.outbox] == [[one.user.email], [other.user.email]]
    assert "was switched off" in mail.outbox[0].subject
    assert "was removed" in mail.outbox[1].subject
    for letter in mail.outbox:
        assert WHY in letter.body
        assert "WxYz" not in letter.body
    for action, row in (("stopped", one), ("taken_away", other), ("started", one)):
        [(actor, subject, said)] = entries(f"user_provider.{action}")
        assert (str(actor), str(subject)) == (str(admin.pk), str(row.pk))
        assert "public notebook" in said
        assert "WxYz" not in said


def test_who_is_no_admin_gives_no_reason_or_means_their_own_is_refused(admin: User) -> None:
    own, moderator = make_own_key(), make_user("moderator")

    for by in (own.user, moderator):
        for attempt in (others_keys.stop, others_keys.take_away):
            with acting_as(by.pk), pytest.raises(NotAllowed):
                attempt(own.pk, reason=WHY, by=by)
        with pytest.raises(NotAllowed):
            others_keys.start(own.pk, by=by)
    for reason, sentence in (
        (" \n", "Say why"),
        ("x" * 501, "at most 500 characters; this one has 501"),
    ):
        with pytest.raises(ReasonMissing, match=sentence):
            others_keys.stop(own.pk, reason=reason, by=admin)
    with pytest.raises(NoSuchKey):
        others_keys.stop(uuid4(), reason=WHY, by=admin)
    mine = make_own_key(user=admin)
    with pytest.raises(NotAllowed, match="your own"):
        others_keys.take_away(mine.pk, reason=WHY, by=admin)
    assert not UserProvider.objects.exclude(stopped_at=None).exists()


def test_nothing_of_a_key_is_read_for_others(admin: User) -> None:
    own = make_own_key(SECRET)
    with CaptureQueriesContext(connection) as caught, acting_as(admin.pk):
        [row] = others_keys.listed()
        others_keys.stop(own.pk, reason=WHY, by=admin)
        others_keys.take_away(own.pk, reason=WHY, by=admin)

    assert row.has_key  # type: ignore[attr-defined] # annotated
    read = [one["sql"] for one in caught if one["sql"].startswith("SELECT")]
    assert [sql for sql in read if "key_hint" in sql] == []
    assert [sql for sql in read if '"api_key"' in sql.replace('"api_key" IS NOT NULL', "")] == []


# --- By plain SQL ---------------------------------------------------------------------------------


def _rows(key: UserProvider) -> QuerySet[UserProvider]:
    return UserProvider.objects.filter(pk=key.pk)


def test_by_plain_sql_an_owner_neither_starts_a_stopped_key_nor_stops_one(admin: User) -> None:
    stopped, free = make_own_key(SECRET), make_own_key(SECRET)
    others_keys.stop(stopped.pk, reason=WHY, by=admin)

    for values in (
        {"stopped_at": None, "stopped_by": None, "stopped_reason": ""},
        {"stopped_reason": "No reason."},
    ):
        with (
            acting_as(stopped.user_id),
            pytest.raises(DatabaseError, match="An admin stopped this key"),
            transaction.atomic(),
        ):
            _rows(stopped).update(**values)
    with acting_as(stopped.user_id), pytest.raises(IntegrityError), transaction.atomic():
        _rows(stopped).update(is_active=True)
    with (
        acting_as(free.user_id),
        pytest.raises(DatabaseError, match="Only an admin stops"),
        transaction.atomic(),
    ):
        _rows(free).update(
            is_active=False, stopped_at=free.created_at, stopped_reason="Ada said so."
        )


@pytest.mark.parametrize(
    "values",
    [
        {"stopped_reason": WHY},
        {"is_active": False, "stopped_reason": ""},
        {"is_active": True, "stopped_reason": WHY},
        {"is_active": False, "stopped_reason": "x" * 501},
    ],
)
def test_who_when_and_why_stand_together(values: dict[str, Any], admin: User) -> None:
    own = make_own_key()
    moment = {} if len(values) == 1 else {"stopped_at": own.created_at, "stopped_by": admin}

    with pytest.raises(IntegrityError, match="user_providers_stopped_check"), transaction.atomic():
        _rows(own).update(**(values | moment))
