"""Refresh tokens: each is used once, and one that comes again ends its session."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail as outbox
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from accounts.actions import sessions
from accounts.actions.sessions import RefreshedAlready, SessionOver, TokenReused, Tokens
from accounts.models import RefreshToken, Session, SessionEnd
from accounts.tokens import opaque
from audit.models import Entry
from tests.accounts.sessions.devices import ask_with, only_session, program, refresh_with
from tests.factories import make_user

AT = {"address": "192.0.2.8", "user_agent": "lab-script/1.0"}
CHAIN = 1000


def refreshed(token: str) -> Tokens:
    return sessions.refresh(token, **AT)


def age_uses(seconds: int = 60) -> None:
    """Let all uses have happened so many seconds earlier."""
    for token in RefreshToken.objects.filter(used_at__isnull=False):
        token.used_at = token.used_at and token.used_at - timedelta(seconds=seconds)
        token.save(update_fields=["used_at"])


@pytest.mark.django_db
def test_a_refresh_gives_new_tokens_of_the_same_session() -> None:
    first = program(make_user())

    second = refreshed(first.refresh)

    assert second.session.pk == first.session.pk
    assert second.refresh != first.refresh
    assert ask_with(second) == 200
    session = only_session()
    assert (session.ip_address, session.user_agent) == ("192.0.2.8", "lab-script/1.0")
    entry = Entry.objects.get(action="session.refreshed")
    assert (entry.resource_type, entry.resource_id) == ("session", str(session.pk))
    assert entry.actor_id == session.user_id
    assert entry.ip_address is None or entry.ip_address not in entry.payload


@pytest.mark.django_db
def test_each_token_has_one_successor() -> None:
    tokens = program(make_user())
    for _ in range(3):
        tokens = refreshed(tokens.refresh)

    rows = list(RefreshToken.objects.order_by("created_at", "pk"))
    assert [row.successor_id for row in rows] == [*(row.pk for row in rows[1:]), None]
    assert [row.used_at is None for row in rows] == [False, False, False, True]


@pytest.mark.django_db
def test_the_same_token_at_once_again_is_refused_without_punishment() -> None:
    first = program(make_user())
    second = refreshed(first.refresh)

    with pytest.raises(RefreshedAlready, match="a moment ago"):
        refreshed(first.refresh)

    assert only_session().ended_at is None
    assert refreshed(second.refresh).session.pk == first.session.pk


@pytest.mark.django_db
def test_the_same_token_later_ends_the_session() -> None:
    tokens = program(make_user())
    successor = refreshed(tokens.refresh)
    age_uses(11)

    with pytest.raises(TokenReused):
        refreshed(tokens.refresh)

    assert only_session().end_reason == SessionEnd.TOKEN_REUSED
    assert ask_with(successor) == 401
    with pytest.raises(SessionOver):
        refreshed(successor.refresh)


@pytest.mark.django_db
def test_the_same_token_after_its_successor_was_used_ends_the_session_at_once() -> None:
    tokens = program(make_user())
    refreshed(refreshed(tokens.refresh).refresh)

    with pytest.raises(TokenReused):
        refreshed(tokens.refresh)

    assert only_session().end_reason == SessionEnd.TOKEN_REUSED


@pytest.mark.django_db
def test_a_theft_is_recorded_and_the_person_told(
    django_capture_on_commit_callbacks: Any, settings: Any
) -> None:
    settings.EMAIL_IN_BACKGROUND = False
    tokens = program(make_user(email="ada@example.org"), device_name="Ada's script")
    refreshed(tokens.refresh)
    age_uses()

    with django_capture_on_commit_callbacks(execute=True), pytest.raises(TokenReused):
        refreshed(tokens.refresh)

    entry = Entry.objects.get(action="session.token_reused")
    assert entry.outcome == "failure"
    assert (entry.resource_type, entry.resource_id) == ("session", str(tokens.session.pk))
    assert "Ada's script" not in entry.payload
    (letter,) = outbox.outbox
    assert letter.to == ["ada@example.org"]
    assert "Ada's script" in letter.body
    assert tokens.refresh not in letter.body


@pytest.mark.django_db
def test_a_second_theft_of_the_same_session_tells_nobody_again() -> None:
    tokens = program(make_user())
    refreshed(tokens.refresh)
    age_uses()

    for expected in (TokenReused, SessionOver, SessionOver):
        with pytest.raises(SessionOver) as refusal:
            refreshed(tokens.refresh)
        assert refusal.type is expected

    assert Entry.objects.filter(action="session.token_reused").count() == 1


@pytest.mark.django_db
def test_other_sessions_of_the_person_go_on() -> None:
    person = make_user()
    stolen, other = program(person), program(person)
    refreshed(stolen.refresh)
    age_uses()

    with pytest.raises(TokenReused):
        refreshed(stolen.refresh)

    assert ask_with(other) == 200
    assert refreshed(other.refresh).session.pk == other.session.pk


# --- A long life ----------------------------------------------------------------------------------


@pytest.fixture
def chain(db: None) -> tuple[Session, list[str]]:
    """A session that was refreshed a thousand times in the last fortnight, and all its tokens."""
    session = program(make_user()).session
    RefreshToken.objects.all().delete()
    secrets = [opaque.new_refresh_token() for _ in range(CHAIN)]
    now = timezone.now()
    rows = [
        RefreshToken(
            session=session,
            user_id=session.user_id,
            token_hash=opaque.refresh_token_hash(secret),
            created_at=now - timedelta(minutes=15 * (CHAIN - place)),
            expires_at=now + timedelta(days=14) - timedelta(minutes=15 * (CHAIN - place)),
            used_at=now - timedelta(minutes=15 * (CHAIN - place - 1), seconds=30),
        )
        for place, secret in enumerate(secrets)
    ]
    rows[-1].used_at = None
    for row, successor in itertools.pairwise(rows):
        row.successor = successor
    RefreshToken.objects.bulk_create(reversed(rows))
    return session, secrets


def replayed(token: str) -> str:
    """Why the session has ended after the token came again; undone."""
    with transaction.atomic():
        try:
            refreshed(token)
        except TokenReused:
            reason = only_session().end_reason
        else:
            reason = "refreshed"
        transaction.set_rollback(True)
    return reason


def test_any_of_a_thousand_used_tokens_ends_the_session(chain: tuple[Session, list[str]]) -> None:
    _, secrets = chain
    sample = [*secrets[:20], *secrets[20:-20:17], *secrets[-20:-1]]

    reasons = {replayed(secret) for secret in sample}

    assert len(sample) > 90
    assert reasons == {"token_reused"}
    assert replayed(secrets[-1]) == "refreshed", "the last is the only one that was not used"


@pytest.mark.heavy
def test_each_of_a_thousand_used_tokens_ends_the_session(
    chain: tuple[Session, list[str]],
) -> None:
    _, secrets = chain

    assert {replayed(secret) for secret in secrets[:-1]} == {"token_reused"}


@pytest.mark.heavy
@pytest.mark.django_db
def test_after_a_thousand_refreshes_one_old_token_ends_the_family() -> None:
    tokens = [program(make_user())]
    for _ in range(CHAIN):
        tokens.append(refreshed(tokens[-1].refresh))
    assert ask_with(tokens[-1]) == 200

    with pytest.raises(TokenReused):
        refreshed(tokens[417].refresh)

    assert RefreshToken.objects.filter(session=only_session()).count() == CHAIN + 1
    assert only_session().end_reason == SessionEnd.TOKEN_REUSED
    assert {ask_with(each) for each in (tokens[0], tokens[417], tokens[-1])} == {401}
    with pytest.raises(SessionOver) as refusal:
        refreshed(tokens[-1].refresh)
    assert refusal.type is SessionOver, "the newest is no theft, but opens nothing any more"


def test_expired_tokens_leave_with_the_next_refresh_and_without_entries(
    chain: tuple[Session, list[str]],
) -> None:
    session, secrets = chain
    long_ago = timezone.now() - timedelta(seconds=1)
    old = RefreshToken.objects.order_by("created_at").values_list("pk", flat=True)[:300]
    RefreshToken.objects.filter(pk__in=list(old)).update(expires_at=long_ago)

    refreshed(secrets[-1])

    assert RefreshToken.objects.filter(session=session).count() == CHAIN - 300 + 1
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what the guards have to say
    covered = RefreshToken.objects.exclude(expires_at__lt=long_ago)
    assert covered.count() == CHAIN - 300 + 1
    assert not Entry.objects.filter(action="refresh_token.updated").exclude(
        resource_id__in=[str(key) for key in old]
    )
    with pytest.raises(SessionOver) as refusal:
        refreshed(secrets[0])
    assert refusal.type is SessionOver, "what has expired is unknown, and no theft"


# --- In transactions of its own -------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_what_a_refresh_changes_is_one_entry() -> None:
    tokens = program(make_user())
    before = set(Entry.objects.values_list("pk", flat=True))

    refreshed(tokens.refresh)

    made = Entry.objects.exclude(pk__in=before).values_list("action", flat=True)
    assert list(made) == ["session.refreshed"]


@pytest.mark.django_db(transaction=True)
def test_an_end_stands_although_the_request_is_refused() -> None:
    tokens = program(make_user())
    refresh_with(tokens.refresh)
    age_uses()

    response = refresh_with(tokens.refresh)

    assert response.status_code == 401
    assert response.json()["type"] == "/api/problems/refresh-refused"
    assert only_session().end_reason == SessionEnd.TOKEN_REUSED


# --- Ends and limits ------------------------------------------------------------------------------


@pytest.fixture
def tokens(db: None) -> Tokens:
    return program(make_user())


def expire_token() -> None:
    RefreshToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))


def expire_session() -> None:
    Session.objects.update(expires_at=timezone.now() - timedelta(seconds=1))


def deactivate() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE users SET is_active = false")


def delete_session() -> None:
    Session.objects.all().delete()


@pytest.mark.parametrize("over", [expire_token, expire_session, deactivate, delete_session])
def test_a_token_that_is_over_is_refused_and_nobody_alarmed(tokens: Tokens, over: Any) -> None:
    over()

    with pytest.raises(SessionOver, match="Log in again") as refusal:
        refreshed(tokens.refresh)

    assert refusal.type is SessionOver
    assert not Entry.objects.filter(action="session.token_reused").exists()


@pytest.mark.parametrize(
    "text", ["", "x", "lrt_", "lrt_" + "A" * 43, "lrt_" + "A" * 44, "\x00" * 47, "lrt_" + "é" * 43]
)
def test_what_is_no_token_is_refused(tokens: Tokens, text: str) -> None:
    with pytest.raises(SessionOver):
        refreshed(text)


def test_a_token_is_valid_for_a_fortnight_and_never_beyond_its_session(
    tokens: Tokens, settings: Any
) -> None:
    """Decision 16: 14 days unused, 90 days in all."""
    now = timezone.now()
    assert abs(tokens.refresh_expires_at - now - timedelta(days=14)) < timedelta(minutes=1)
    assert abs(tokens.session.expires_at - now - timedelta(days=90)) < timedelta(minutes=1)

    Session.objects.update(expires_at=now + timedelta(minutes=5))
    last = refreshed(tokens.refresh)

    assert last.refresh_expires_at == now + timedelta(minutes=5)
    assert last.access_expires_at <= now + timedelta(minutes=5)


def test_the_lengths_are_settings(db: None, settings: Any) -> None:
    settings.ACCESS_TOKEN_MINUTES, settings.REFRESH_IDLE_DAYS, settings.REFRESH_MAX_DAYS = 5, 2, 3

    tokens = program(make_user())

    now = timezone.now()
    assert tokens.access_expires_at <= now + timedelta(minutes=5)
    assert tokens.refresh_expires_at <= now + timedelta(days=2)
    assert tokens.session.expires_at <= now + timedelta(days=3)


@pytest.fixture
def answers(tokens: Tokens) -> list[Any]:
    return [refresh_with(tokens.refresh), refresh_with(tokens.refresh)]


def test_the_api_answers_a_refresh_with_tokens_that_nobody_may_keep(answers: list[Any]) -> None:
    first, second = answers

    assert first.status_code == 200
    assert first.headers["Cache-Control"] == "no-store"
    assert set(first.json()) == {
        "access_token",
        "token_type",
        "expires_in",
        "access_expires_at",
        "refresh_token",
        "refresh_expires_at",
        "session",
    }
    assert second.status_code == 409
    assert second.headers["Retry-After"] == "1"
    assert second.json()["type"] == "/api/problems/refreshed-already"


def test_refreshing_needs_no_access_token_that_is_still_good(tokens: Tokens) -> None:
    response = Client().post(
        "/api/v1/auth/refresh/",
        {"refresh_token": tokens.refresh},
        content_type="application/json",
        headers={"authorization": "Bearer expired.long.ago"},
    )

    assert response.status_code == 200
