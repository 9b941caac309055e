"""Changing one's own password, and giving somebody else one."""

from __future__ import annotations

import re
import secrets
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import PermissionDenied
from django.test import Client

from accounts.actions import log_in, passwords, sessions
from accounts.mail import settle
from accounts.models import Session, User
from audit.models import Entry
from database.actor import acting_as
from tests.accounts.login.conftest import PASSWORD, WRONG, MakePerson
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)

NEW = "vier Wörter ohne jeden Sinn"


def log_in_browser(person: User) -> Client:
    client = Client()
    client.post("/login/", {"username": person.email, "password": PASSWORD})
    assert client.get("/").status_code == 200
    return client


def change(client: Client, old: str = PASSWORD, new: str = NEW, again: str = "") -> Any:
    form = {"old_password": old, "new_password1": new, "new_password2": again or new}
    return client.post("/password_change/", form)


def test_it_takes_the_old_password_and_a_new_one(person: User) -> None:
    """ASVS 5.0 V6.2.2, V6.2.3."""
    client = log_in_browser(person)

    response = change(client)

    assert response["Location"] == "/password_change/done/"
    assert "Your new password is in force" in client.get(response["Location"]).content.decode()
    assert log_in.check(person.email, NEW, address="") == person
    person.refresh_from_db()
    assert person.password_changed_at is not None


def test_other_sessions_end_and_this_one_goes_on(person: User) -> None:
    here, there = log_in_browser(person), log_in_browser(person)
    with acting_as(person.pk):
        program = sessions.start_api(
            person, device_name="", user_agent="", address="", has_second_factor=False
        ).session

    change(here)

    assert here.get("/").status_code == 200
    assert there.get("/").status_code == 302
    program.refresh_from_db()
    assert program.end_reason == "password_changed"
    assert Session.objects.filter(user=person, ended_at=None).count() == 1


def test_the_person_gets_a_mail(person: User) -> None:
    """ASVS 5.0 V6.3.7."""
    change(log_in_browser(person))
    settle(10)

    (letter,) = mail.outbox
    assert letter.to == [person.email]
    assert "was changed" in letter.subject
    for secret in (PASSWORD, NEW):
        assert secret not in letter.body


def test_it_is_one_entry_of_the_person(person: User) -> None:
    change(log_in_browser(person))

    about = Entry.objects.filter(resource_id=str(person.pk), action__startswith="user.")
    entries = list(about.order_by("id"))
    changed = [entry for entry in entries if entry.action == "user.password_changed"]
    assert [entry.actor_id for entry in changed][-1] == person.pk
    assert not [entry for entry in entries if entry.action == "user.updated"]


def test_a_wrong_old_password_changes_nothing_and_counts(person: User) -> None:
    client = log_in_browser(person)

    page = change(client, old=WRONG).content.decode()

    person.refresh_from_db()
    assert "This is not your password" in page
    assert 'aria-describedby="id_old_password_error"' in page
    assert person.failed_login_count == 1
    assert person.check_password(PASSWORD)


def test_a_weak_new_password_is_refused_at_its_field(person: User) -> None:
    client = log_in_browser(person)

    page = change(client, new="Grace2026").content.decode()

    assert "would soon be guessed" in page
    assert re.search(r'id="id_new_password1_error"', page)
    assert "The password was not changed." in page
    assert User.objects.get(pk=person.pk).check_password(PASSWORD)


def test_two_different_new_passwords_are_refused(person: User) -> None:
    page = change(log_in_browser(person), again=NEW + "!").content.decode()

    assert "The two new passwords are not the same" in page


@pytest.mark.parametrize("length", [64, 128])
def test_long_passwords_pass_through_the_form_unshortened(person: User, length: int) -> None:
    """ASVS 5.0 V6.2.8, V6.2.9."""
    new = f" {secrets.token_hex(64)[: length - 2]} "

    assert change(log_in_browser(person), new=new).status_code == 302
    assert log_in.check(person.email, new, address="") == person
    for cut in (new.strip(), new[:-1]):
        with pytest.raises(log_in.LoginRefused):
            log_in.check(person.email, cut, address="")


def test_the_form_advises_and_demands_no_composition(person: User) -> None:
    page = log_in_browser(person).get("/password_change/").content.decode()

    assert "8 to 128 characters of any kind" in page
    assert "12 or more are advised" in page
    assert page.count('autocomplete="new-password"') == 2
    assert page.count('autocomplete="current-password"') == 1
    assert "maxlength" not in re.sub(r"<form[^>]*role=.search.*?</form>", "", page, flags=re.DOTALL)


def test_who_lost_the_race_is_told(person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    real = passwords.demand_strength

    def meanwhile(password: str, user: User) -> None:
        real(password, user)
        User.objects.filter(pk=person.pk).update(password="argon2$other")

    monkeypatch.setattr(passwords, "demand_strength", meanwhile)

    with pytest.raises(passwords.ChangedMeanwhile, match="Log in anew"):
        passwords.change(person, PASSWORD, NEW)


# --- By an admin ----------------------------------------------------------------------------------


def test_an_admin_gives_a_password_and_takes_it_away(person: User) -> None:
    client = log_in_browser(person)
    admin = make_user("admin")

    with acting_as(admin.pk):
        passwords.set_by_admin(person.pk, NEW, by=admin)
    assert client.get("/").status_code == 302
    assert log_in.check(person.email, NEW, address="") == person
    with acting_as(admin.pk):
        passwords.set_by_admin(person.pk, None, by=admin)
    settle(10)

    assert not User.objects.get(pk=person.pk).has_usable_password()
    details = [
        (entry.actor_id, entry.details["removed"])
        for entry in Entry.objects.filter(action="user.password_changed", actor_id=admin.pk)
    ]
    assert sorted(details) == [(admin.pk, False), (admin.pk, True)]
    assert len(mail.outbox) == 2


def test_the_rules_hold_for_what_an_admin_gives(person: User) -> None:
    with pytest.raises(passwords.WeakPassword, match="tried first"):
        passwords.set_by_admin(person.pk, "password1", by=make_user("admin"))


@pytest.mark.parametrize("role", ["moderator", "analyst", "viewer", "api_user"])
def test_nobody_but_an_admin_does(person: User, role: str) -> None:
    with pytest.raises(PermissionDenied):
        passwords.set_by_admin(person.pk, NEW, by=make_user(role))


def test_an_admin_changes_their_own_with_the_old_one(make_person: MakePerson) -> None:
    admin = make_person("admin")

    with pytest.raises(PermissionDenied):
        passwords.set_by_admin(admin.pk, NEW, by=admin)
