"""Keys: tested on entry, encrypted, and shown to nobody."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from database.actor import acting_as
from providers.actions import asking, keys
from providers.actions.access import key_for
from providers.errors import KeyNotTaken, KeyNotTested, NoSuchKey, NoSuchProvider, NotAllowed
from providers.interface import Access, KeyRefused, ProviderDown
from providers.models import KeyStatus, Provider, UserProvider
from tests.factories import make_own_key, make_price, make_provider, make_user
from tests.providers.fake import PICTURE, PROMPT, SCHEMA, Fake
from tests.providers.standing_in import revealed

pytestmark = pytest.mark.django_db

StandIn = Callable[..., Fake]
SECRET = "sk-live-Zq7xWv0123456789"


def test_a_key_is_tested_and_stored_with_its_last_four(fake: StandIn) -> None:
    user, stand_in = make_user(), fake("openai")
    make_provider("openai")

    with acting_as(user.pk):
        row = keys.enter_own(user, "openai", f"  {SECRET}\n", by=user)

    assert stand_in.checked == [SECRET]
    assert (row.key_hint, row.status, row.is_active) == ("6789", KeyStatus.WORKS, True)
    assert revealed(row) == SECRET
    assert row.tested_at is not None


def test_a_new_key_takes_the_place_of_the_one_before(fake: StandIn) -> None:
    user = make_user()
    fake("openai")
    first = make_own_key(user=user, status=KeyStatus.REFUSED, is_active=False, error_message="No.")

    second = keys.enter_own(user, "openai", SECRET, by=user)

    assert first.pk == second.pk
    assert (second.status, second.is_active, second.error_message) == (KeyStatus.WORKS, True, "")
    assert revealed(UserProvider.objects.get()) == SECRET


def test_a_key_that_the_provider_refuses_is_not_stored(fake: StandIn) -> None:
    user = make_user()
    make_provider("openai")
    fake("openai").health = KeyRefused("OpenAI refuses the key (HTTP 401).")

    for untested in (False, True):
        with pytest.raises(KeyNotTaken, match="was not stored. OpenAI refuses the key"):
            keys.enter_own(user, "openai", SECRET, by=user, even_untested=untested)

    assert not UserProvider.objects.exists()


def test_a_key_that_cannot_be_tested_is_stored_only_when_that_is_said(fake: StandIn) -> None:
    user = make_user()
    make_provider("openai")
    fake("openai").health = ProviderDown("OpenAI cannot be reached.")

    with pytest.raises(KeyNotTested, match="or store it untested"):
        keys.enter_own(user, "openai", SECRET, by=user)
    assert not UserProvider.objects.exists()

    row = keys.enter_own(user, "openai", SECRET, by=user, even_untested=True)
    assert (row.status, row.tested_at) == (KeyStatus.UNTESTED, None)


@pytest.mark.parametrize("text", ["", "short", "with a space in it", "x" * 513, "schlüssel-12345"])
def test_what_is_no_key_is_refused_without_asking(fake: StandIn, text: str) -> None:
    user, stand_in = make_user(), fake("openai")

    with pytest.raises(KeyNotTaken, match="This is no key") as caught:
        keys.enter_own(user, "openai", text, by=user)

    assert stand_in.checked == []
    assert not text or text not in str(caught.value)


def test_providers_without_keys_and_unknown_ones_take_none(fake: StandIn) -> None:
    user = make_user()
    with pytest.raises(KeyNotTaken, match="Local needs no key"):
        keys.enter_own(user, "local", SECRET, by=user)
    with pytest.raises(NoSuchProvider, match="There are: anthropic, google, local, openai"):
        keys.enter_own(user, "acme", SECRET, by=user)


@pytest.mark.django_db(transaction=True)
def test_a_key_is_not_tested_inside_a_transaction_nor_stored_in_one(fake: StandIn) -> None:
    user = make_user()
    fake("openai")

    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        keys.enter_own(user, "openai", SECRET, by=user)


# --- Who may --------------------------------------------------------------------------------------


def test_nobody_enters_a_key_for_somebody_else(fake: StandIn) -> None:
    fake("openai")
    for by in (make_user(), make_user("admin")):
        with pytest.raises(NotAllowed):
            keys.enter_own(make_user(), "openai", SECRET, by=by)


def test_the_teams_key_is_the_admins(fake: StandIn) -> None:
    admin, analyst = make_user("admin"), make_user()
    fake("openai")

    with acting_as(admin.pk):
        provider = keys.enter_team("openai", SECRET, by=admin)
    assert revealed(provider) == SECRET
    assert (provider.key_hint, provider.key_error) == ("6789", "")
    with acting_as(analyst.pk):
        for attempt in (
            lambda: keys.enter_team("openai", SECRET, by=analyst),
            lambda: keys.remove_team("openai", by=analyst),
            lambda: keys.test_team("openai", by=analyst),
        ):
            with pytest.raises(NotAllowed):
                attempt()

    with acting_as(admin.pk):
        assert keys.remove_team("openai", by=admin).api_key is None
        assert keys.remove_team("openai", by=admin).key_hint == ""


def test_others_neither_see_nor_move_a_key(fake: StandIn) -> None:
    own, other = make_own_key(), make_user()
    fake("openai")

    with acting_as(other.pk):
        assert not UserProvider.objects.exists()
        for attempt in (
            lambda: keys.switch_own(own.pk, on=False, by=other),
            lambda: keys.remove_own(own.pk, by=other),
            lambda: keys.test_own(own.pk, by=other),
        ):
            with pytest.raises(NoSuchKey):
                attempt()
        with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
            UserProvider.objects.create(user=own.user, provider=Provider.objects.get(name="google"))


def test_its_owner_switches_it_and_removes_it() -> None:
    own, admin = make_own_key(), make_user("admin")

    with acting_as(admin.pk), pytest.raises(NoSuchKey):  # an admin says why, see others_keys
        keys.remove_own(own.pk, by=admin)
    with acting_as(own.user_id):
        assert not keys.switch_own(own.pk, on=False, by=own.user).is_active
        assert keys.switch_own(own.pk, on=True, by=own.user).is_active
        keys.remove_own(own.pk, by=own.user)

    assert not UserProvider.objects.exists()


def test_a_stored_key_is_tested_again(fake: StandIn) -> None:
    own, stand_in = make_own_key(status=KeyStatus.REFUSED), fake("openai")

    assert keys.test_own(own.pk, by=own.user).status == KeyStatus.WORKS
    own.refresh_from_db()
    assert own.status == KeyStatus.WORKS

    stand_in.health = KeyRefused("No.")
    assert keys.test_own(own.pk, by=own.user).status == KeyStatus.REFUSED
    stand_in.health = ProviderDown("Down.")
    assert keys.test_own(own.pk, by=own.user).status == KeyStatus.UNTESTED
    own.refresh_from_db()
    assert own.status == KeyStatus.REFUSED


# --- Nobody is shown it ---------------------------------------------------------------------------


def audit_entries() -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what triggers record
        cursor.execute(
            "SELECT action, payload::text FROM audits.audit_log ORDER BY created_at, action"
        )
        return list(cursor.fetchall())


def test_the_audit_log_says_who_did_what_and_nothing_of_the_key(fake: StandIn) -> None:
    user, admin = make_user(), make_user("admin")
    fake("openai")
    row = keys.enter_own(user, "openai", SECRET, by=user)
    keys.switch_own(row.pk, on=False, by=user)
    keys.remove_own(row.pk, by=user)
    keys.enter_team("openai", SECRET, by=admin)
    keys.remove_team("openai", by=admin)
    with connection.cursor() as cursor:  # by plain SQL, which only triggers notice
        cursor.execute("UPDATE providers SET key_hint = '6789', rank = 7 WHERE name = 'openai'")

    entries = audit_entries()

    actions = {action for action, _ in entries}
    assert {
        "user_provider.entered",
        "user_provider.changed",
        "user_provider.removed",
        "provider.key_entered",
        "provider.key_removed",
    } <= actions
    assert [text for _, text in entries if SECRET in text or '"6789"' in text] == []


def test_no_table_holds_a_key_in_the_clear(fake: StandIn) -> None:
    user = make_user()
    make_price(make_provider("openai"))
    fake("openai")
    keys.enter_own(user, "openai", SECRET, by=user)
    keys.enter_team("openai", SECRET, by=make_user("admin"))
    asking.ask(user.pk, PICTURE, PROMPT, SCHEMA, purpose="test", choices=[asking.Choice("openai")])

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
            " WHERE schemaname IN ('public', 'audits')"
            " AND has_table_privilege(format('%I.%I', schemaname, tablename), 'SELECT')"
        )
        tables = [name for (name,) in cursor.fetchall()]
        holding = []
        for table in tables:
            cursor.execute(
                f"SELECT count(*) FROM {table} t WHERE strpos(t::text, %s) > 0"
                " OR strpos(t::text, %s) > 0",
                [SECRET, SECRET.encode().hex()],
            )
            holding += [table] if cursor.fetchone() != (0,) else []
    assert {"public.user_providers", "public.providers", "public.usage_ledger"} <= set(tables)
    assert holding == []


def test_neither_a_text_nor_a_traceback_nor_the_log_shows_a_key(
    fake: StandIn, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    user = make_user()
    make_price(make_provider("openai"))
    stand_in = fake("openai")
    caplog.set_level(logging.DEBUG)
    row = keys.enter_own(user, "openai", SECRET, by=user)
    key = key_for(user.pk, row.provider)
    stand_in.replies = [ProviderDown("Down."), KeyRefused("No."), ZeroDivisionError()]
    shown = [repr(row), str(row), repr(key), repr(row.api_key), repr(Access(key=SECRET))]
    for _ in range(3):
        try:
            asking.ask(
                user.pk, PICTURE, PROMPT, SCHEMA, purpose="x", choices=[asking.Choice("openai")]
            )
        except Exception:
            shown.append(traceback.format_exc())
        keys.test_own(row.pk, by=user)
    captured = capsys.readouterr()
    shown += [caplog.text, captured.out, captured.err]

    assert stand_in.keys == [SECRET] * 3
    assert [text for text in shown if SECRET in text] == []


def test_reports_cannot_read_the_columns() -> None:
    make_own_key()
    with connection.cursor() as cursor:
        for table in ("user_providers", "providers"):
            cursor.execute(
                "SELECT has_column_privilege('lacuna_readonly', %s, 'api_key', 'SELECT')", [table]
            )
            assert cursor.fetchone() == (False,)


def test_what_is_said_of_a_key_is_not_noted_at_the_one_that_took_its_place(
    fake: StandIn,
) -> None:
    make_provider("openai")
    user, ends = make_user(), "-0123456789"  # both end alike, so the last four tell nothing
    make_own_key(f"sk-first{ends}", user=user)
    fake("openai")
    with acting_as(user.pk):
        first = key_for(user.pk, Provider.objects.get(name="openai"))
        keys.enter_own(user, "openai", f"sk-second{ends}", by=user)

        first.note_refused(KeyRefused("No."))

    assert UserProvider.objects.get().status == KeyStatus.WORKS
