"""Hashes from other systems, inserted by plain SQL: they open once and become ours."""

from __future__ import annotations

import argon2
import bcrypt
import pytest
from django.db import connection

from accounts.actions import log_in, sessions
from accounts.models import User
from accounts.passwords import Argon2idHasher
from audit.models import Entry
from database.actor import acting_as
from tests.accounts.login.conftest import PASSWORD, WRONG, MakePerson

pytestmark = pytest.mark.django_db(transaction=True)


def insert(encoded: str, email: str = "ada@example.org") -> User:
    """As an operator moves people over: nothing of Django's, only the two columns."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO users (email, password_hash) VALUES (%s, %s)", [email, encoded])
    return User.objects.get(email=email)


def hash_of(password: str, kind: str = "$2b$", cost: int = 4) -> str:
    return kind + bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(cost)).decode()[4:]


def entries(action: str, person: User) -> list[Entry]:
    return list(Entry.objects.filter(action=action, resource_id=str(person.pk)))


@pytest.mark.parametrize("kind", ["$2a$", "$2b$", "$2y$"])
def test_a_hash_of_bcrypt_opens_and_becomes_ours(kind: str) -> None:
    person = insert(hash_of(PASSWORD, kind))

    with acting_as(None):  # as in a request
        found = log_in.check(person.email, PASSWORD, address="")

    person.refresh_from_db()
    assert person.password.startswith("argon2$argon2id$")
    assert found.password == person.password
    assert log_in.check(person.email, PASSWORD, address="") == person
    (entry,) = entries("user.password_rehashed", person)
    assert entry.actor_id == person.pk
    assert entries("user.updated", person) == []


def test_a_wrong_password_leaves_the_hash_as_it_is() -> None:
    person = insert(encoded := hash_of(PASSWORD))

    with pytest.raises(log_in.LoginRefused):
        log_in.check(person.email, WRONG, address="")

    person.refresh_from_db()
    assert (person.password, person.failed_login_count) == (encoded, 1)


@pytest.mark.parametrize("change", ["is_active = false", "locked_until = now() + interval '1 h'"])
def test_who_may_not_come_in_gets_no_new_hash(change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time that it takes would tell that the password was right."""
    person = insert(encoded := hash_of(PASSWORD))
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE users SET {change}")
    monkeypatch.setattr(Argon2idHasher, "encode", None)

    with pytest.raises(log_in.LoginRefused):
        log_in.check(person.email, PASSWORD, address="")

    person.refresh_from_db()
    assert person.password == encoded


def test_what_bcrypt_cut_off_counts_after_the_first_log_in() -> None:
    long = "x" * 72 + " and more"
    person = insert(hash_of(long))

    log_in.check(person.email, long, address="")

    with pytest.raises(log_in.LoginRefused):
        log_in.check(person.email, "x" * 72, address="")
    assert log_in.check(person.email, long, address="") == person


def test_a_hash_of_argon2_from_elsewhere_becomes_ours() -> None:
    plain = argon2.PasswordHasher(time_cost=1, memory_cost=32, parallelism=1).hash(PASSWORD)
    person = insert(plain)

    log_in.check(person.email, PASSWORD, address="")

    person.refresh_from_db()
    assert person.password.startswith("argon2$argon2id$v=19$m=64,")


def test_a_better_hash_of_the_same_password_ends_no_session(
    make_person: MakePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = make_person()
    with acting_as(person.pk):
        tokens = sessions.start_api(
            person, device_name="a script", user_agent="", address="", has_second_factor=False
        )
    monkeypatch.setattr(Argon2idHasher, "memory_cost", 128)

    log_in.check(person.email, PASSWORD, address="")

    person.refresh_from_db()
    tokens.session.refresh_from_db()
    assert "m=128," in person.password
    assert tokens.session.ended_at is None
    assert len(entries("user.password_rehashed", person)) == 1


def test_another_password_in_the_same_place_does_end_them(make_person: MakePerson) -> None:
    """That a rehash was allowed must not be left over for what comes after it."""
    person = make_person()
    User.objects.filter(pk=person.pk).update(password=hash_of(PASSWORD))
    user = log_in.check(person.email, PASSWORD, address="")
    with acting_as(person.pk):
        tokens = sessions.start_api(
            user, device_name="a script", user_agent="", address="", has_second_factor=False
        )

    with connection.cursor() as cursor:
        cursor.execute("UPDATE users SET password_hash = %s", [hash_of(WRONG)])

    tokens.session.refresh_from_db()
    assert tokens.session.end_reason == "password_changed"


@pytest.mark.parametrize("cost", [4, 6])
def test_as_long_as_somebody_has_one_everybody_waits_alike(
    make_person: MakePerson, monkeypatch: pytest.MonkeyPatch, cost: int
) -> None:
    """Who still has an old hash cannot be told from the time of a refusal."""
    people = {
        "ours": make_person(email="ours@example.org"),
        "imported": insert(hash_of(PASSWORD, cost=4)),
        "imported, dearer": insert(hash_of(PASSWORD, cost=cost), "dear@example.org"),
        "deactivated": make_person(email="gone@example.org", is_active=False),
    }
    rounds: list[int] = []
    real = bcrypt.checkpw

    def checkpw(password: bytes, encoded: bytes) -> bool:
        rounds.append(1 << int(encoded[4:6]))
        return real(password, encoded)

    monkeypatch.setattr(bcrypt, "checkpw", checkpw)
    done = {}
    emails = {name: one.email for name, one in people.items()} | {"unknown": "no@example.org"}
    for name, email in emails.items():
        rounds.clear()
        with pytest.raises(log_in.LoginRefused):
            log_in.check(email, WRONG, address="")
        done[name] = sum(rounds)

    assert set(done.values()) == {1 << cost}


def test_without_any_nobody_waits_for_bcrypt(person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bcrypt, "checkpw", None)

    assert log_in.check(person.email, PASSWORD, address="") == person
