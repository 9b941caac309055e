"""Changing people through the actions: what is saved, what is refused, what is recorded."""

from __future__ import annotations

import uuid

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.actions import people, roles
from accounts.models import Session, User
from audit.models import Entry
from database.actor import acting_as
from tests.audit.capture.told import everything
from tests.factories import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin() -> User:
    return make_user("admin")


def told(person: User) -> list[str]:
    """The actions recorded of the person, but for their row's insertion by the factory."""
    found = Entry.objects.filter(resource_type="user", resource_id=str(person.pk)).order_by("id")
    return [entry.action for entry in found if not entry.action.endswith("inserted")]


def test_a_form_that_changes_role_and_access_is_two_entries(admin: User) -> None:
    person = make_user("viewer")
    person.role, person.is_active = "moderator", False
    with acting_as(admin.pk):
        people.change(person, by=admin)

    person.refresh_from_db()
    assert (person.role, person.is_active) == ("moderator", False)
    assert told(person) == ["user.role_changed", "user.deactivated"]


def test_what_happened_to_a_person_since_they_were_read_stays(admin: User) -> None:
    person = make_user("viewer")
    User.objects.filter(pk=person.pk).update(password="a newer hash", failed_login_count=4)
    person.full_name = "Grace"
    people.change(person, by=admin)

    person.refresh_from_db()
    assert (person.password, person.failed_login_count) == ("a newer hash", 4)
    assert person.full_name == "Grace"


def test_a_refused_role_changes_nothing_else(admin: User) -> None:
    admin.role, admin.full_name = "viewer", "Other"
    make_user("admin")

    with pytest.raises(roles.OwnStanding):
        people.change(admin, by=admin)
    assert User.objects.get(pk=admin.pk).full_name != "Other"


def test_deactivating_ends_sessions_and_reactivating_lets_in_again(admin: User) -> None:
    person = make_user("viewer")
    session = Session.objects.create(user=person, kind="api", expires_at="2100-01-01T00:00:00Z")

    assert not people.deactivate(person.pk, by=admin).is_active
    session.refresh_from_db()
    assert session.end_reason == "deactivated"
    assert people.reactivate(person.pk, by=admin).is_active
    assert told(person) == ["user.deactivated", "user.reactivated"]
    people.reactivate(person.pk, by=admin)
    assert told(person) == ["user.deactivated", "user.reactivated"]


def test_nobody_shuts_themself_out_and_only_admins_shut_out(admin: User) -> None:
    person = make_user("moderator")

    with pytest.raises(roles.OwnStanding, match="cannot deactivate yourself"):
        people.deactivate(admin.pk, by=admin)
    with pytest.raises(roles.NotAnAdmin):
        people.deactivate(admin.pk, by=person)
    with pytest.raises(roles.NotAnAdmin):
        people.reactivate(admin.pk, by=person)
    with pytest.raises(roles.NoSuchPerson):
        people.deactivate(uuid.uuid4(), by=admin)


def test_the_last_admin_is_not_deactivated_by_one_who_was_demoted_meanwhile() -> None:
    """Two admins shut each other out: who read their own role before is stopped by the database."""
    ada, grace = make_user("admin"), make_user("admin")
    people.deactivate(grace.pk, by=ada)

    with pytest.raises(roles.LastAdmin, match="last active admin"):
        people.deactivate(ada.pk, by=grace)
    assert User.objects.get(pk=ada.pk).is_active


def test_another_address_is_not_verified_unless_that_is_said(admin: User) -> None:
    person = make_user("viewer", is_email_verified=True)

    assert not people.edit(person.pk, by=admin, email="new@example.org").is_email_verified
    both = people.edit(person.pk, by=admin, email="newer@example.org", is_email_verified=True)
    assert both.is_email_verified
    assert "new@example.org" not in Entry.objects.filter(action="user.changed").latest("id").payload
    assert "new@example.org" in everything(), "where it can be erased"


def test_people_change_their_own_name_and_nothing_else(admin: User) -> None:
    person, other = make_user("viewer"), make_user("viewer")

    with acting_as(person.pk):
        assert people.edit(person.pk, by=person, full_name="Grace").full_name == "Grace"
        for changes in ({"email": "x@example.org"}, {"is_email_verified": True}):
            with pytest.raises(roles.NotAnAdmin):
                people.edit(person.pk, by=person, **changes)
        with pytest.raises(roles.NotAnAdmin):
            people.edit(other.pk, by=person, full_name="Mine")


def test_a_taken_or_wrong_address_is_refused(admin: User) -> None:
    person, other = make_user("viewer"), make_user("viewer")

    for email in (other.email.upper(), "nonsense", ""):
        with pytest.raises(ValidationError), transaction.atomic():
            people.edit(person.pk, by=admin, email=email)


def test_an_error_that_is_no_refusal_is_let_be_seen(admin: User) -> None:
    person, other = make_user("viewer"), make_user("viewer")
    person.email = other.email

    with pytest.raises(IntegrityError, match="users_email"):
        people.change(person, by=admin)
