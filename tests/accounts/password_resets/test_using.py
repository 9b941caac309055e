"""Setting a new password with a link: once, and what it does and does not do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session as BrowserData
from django.core import mail
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.actions import log_in, password_resets, second_factor
from accounts.actions.passwords import WeakPassword
from accounts.link_tokens import DeadLink
from accounts.models import PasswordReset, Session, User
from audit.models import Entry
from database.actor import acting_as
from tests.accounts.invitations.letters import last_token
from tests.accounts.second_factor.factors import stop_the_clock, turn_on
from tests.accounts.stored import places_of
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)

OLD = "violet anvil harbour tulip"
NEW = "copper lantern meadow orbit"


def make_person(role: str = "analyst") -> User:
    user = make_user(role)
    user.set_password(OLD)
    user.save()
    return user


def ask(user: User) -> PasswordReset:
    password_resets.request(user.email, address="")
    found = password_resets.find(last_token())
    assert found is not None
    return found


def test_the_new_password_is_in_force_and_every_session_ends() -> None:
    user = make_person()
    session = Session.objects.create(
        user=user, kind="api", expires_at=timezone.now() + timedelta(days=1)
    )
    reset = ask(user)

    with acting_as(None):  # as in a request of a stranger
        password_resets.use(reset, NEW)

    session.refresh_from_db()
    user.refresh_from_db()
    assert session.end_reason == "password_changed"
    assert user.check_password(NEW)
    assert user.is_email_verified
    assert user.password_changed_at is not None
    assert user.last_login_at is None
    assert mail.outbox[-1].subject == "Your password was changed"
    said = list(Entry.objects.filter(resource_id=str(user.pk)).order_by("id"))
    assert [entry.action for entry in said[-2:]] == ["user.password_changed", "password_reset.used"]
    assert {entry.actor_id for entry in said[-2:]} == {user.pk}


def test_a_link_works_once() -> None:
    user = make_person()
    reset, token = ask(user), last_token()
    password_resets.use(reset, NEW)

    assert password_resets.find(token) is None
    with pytest.raises(DeadLink):
        password_resets.use(reset, "another copper lantern 5")
    user.refresh_from_db()
    assert user.check_password(NEW)


def test_of_twenty_that_use_it_at_once_one_sets_the_password() -> None:
    user = make_person()
    ask(user)
    token = last_token()

    def use(number: int) -> str:
        password = f"copper lantern meadow {number}"
        try:
            reset = password_resets.find(token)
            if reset is None:
                return ""
            password_resets.use(reset, password)
        except DeadLink:
            return ""
        else:
            return password
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as threads:
        used = [password for password in threads.map(use, range(20)) if password]

    user.refresh_from_db()
    assert len(used) == 1
    assert user.check_password(used[0])


def test_a_weak_password_leaves_the_link_open() -> None:
    reset, token = ask(make_person()), last_token()

    for weak in ["short", "password1", "x" * 129]:
        with pytest.raises(WeakPassword):
            password_resets.use(reset, weak)

    assert password_resets.find(token) is not None


def expire(user: User) -> None:
    PasswordReset.objects.update(expires_at=timezone.now())


def deactivate(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def change_password(user: User) -> None:
    user.set_password("another copper lantern 5")
    user.save()


def change_role(user: User) -> None:
    User.objects.filter(pk=user.pk).update(role="viewer")


@pytest.mark.parametrize("happens", [expire, deactivate, change_password, change_role])
def test_what_happens_meanwhile_makes_the_link_dead(happens: Any) -> None:
    user = make_person()
    reset, token = ask(user), last_token()

    happens(user)

    assert password_resets.find(token) is None
    with pytest.raises(DeadLink):
        password_resets.use(reset, NEW)
    assert not User.objects.get(pk=user.pk).check_password(NEW)


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "A" * 5000, "\x00" * 43, "é" * 43])
def test_unknown_tokens_open_nothing(token: str) -> None:
    ask(make_person())

    with acting_as(None):
        assert password_resets.find(token) is None


def lock(user: User) -> None:
    for _ in range(log_in.FAILURES_TO_LOCK):
        with pytest.raises(log_in.LoginRefused):
            log_in.check(user.email, "wrong", address="")


def test_the_owner_of_the_mailbox_lifts_a_lock() -> None:
    user = make_person()
    lock(user)

    password_resets.use(ask(user), NEW)

    assert log_in.check(user.email, NEW, address="") == user


def test_where_codes_are_asked_for_a_lock_stays_and_so_do_the_codes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stop_the_clock(monkeypatch)
    user = make_person()
    turn_on(user)
    lock(user)

    password_resets.use(ask(user), NEW)

    user.refresh_from_db()
    assert user.locked_until is not None
    assert second_factor.is_on(user)
    with pytest.raises(log_in.LoginRefused):
        log_in.check(user.email, NEW, address="")


# --- The pages ------------------------------------------------------------------------------------


def test_the_pages_lead_from_the_link_to_the_log_in() -> None:
    user = make_person()
    ask(user)
    token, client = last_token(), Client()

    moved = client.get(f"/password_reset/link/{token}/")

    assert (moved.status_code, moved["Location"]) == (302, "/password_reset/new/")
    assert moved["Referrer-Policy"] == "no-referrer"
    data = [row.get_decoded() for row in BrowserData.objects.all()]
    assert token not in str(data)
    form = client.get("/password_reset/new/")
    assert user.email.encode() in form.content
    assert token.encode() not in form.content
    done = client.post(
        "/password_reset/new/", {"new_password1": NEW, "new_password2": NEW}, follow=True
    )
    assert b"Your password is set" in done.content
    assert client.get("/").status_code == 302, "nobody is logged in"
    user.refresh_from_db()
    assert user.check_password(NEW)
    assert places_of(token, NEW) == []


def test_whoever_is_logged_in_as_the_person_is_logged_out() -> None:
    user = make_person("viewer")
    client = Client()
    client.force_login(user)
    assert client.get("/").status_code == 200
    ask(user)
    client.get(f"/password_reset/link/{last_token()}/")

    done = client.post(
        "/password_reset/new/", {"new_password1": NEW, "new_password2": NEW}, follow=True
    )

    assert b"Your password is set" in done.content
    assert client.get("/").status_code == 302


def test_what_is_wrong_stands_at_its_field() -> None:
    ask(make_person())
    client = Client()
    client.get(f"/password_reset/link/{last_token()}/")

    differ = client.post("/password_reset/new/", {"new_password1": NEW, "new_password2": "x"})
    weak = client.post(
        "/password_reset/new/", {"new_password1": "password1", "new_password2": "password1"}
    )

    assert b"not the same" in differ.content
    assert b"stolen ones" in weak.content
    assert NEW.encode() not in differ.content


def test_dead_links_all_get_the_same_calm_page() -> None:
    user = make_person()

    def page(token: str) -> bytes:
        answer: bytes = Client().get(f"/password_reset/link/{token}/", follow=True).content
        return answer

    pages = {"unknown": page("A" * 43), "none": Client().get("/password_reset/new/").content}
    ask(user)
    replaced = last_token()
    ask(user)
    pages["replaced"] = page(replaced)
    expire(user)
    pages["expired"] = page(last_token())
    reset = ask(user)
    password_resets.use(reset, NEW)
    pages["used"] = page(next(word for word in _tokens() if word))

    assert len(set(pages.values())) == 1, sorted(pages)
    assert b"This link does not work" in pages["unknown"]


def _tokens() -> list[str]:
    letters = [letter for letter in mail.outbox if "/link/" in str(letter.body)]
    return [str(letter.body).partition("/link/")[2].partition("/")[0] for letter in letters[::-1]]
