"""OWASP ASVS 5.0, chapter V8 (authorization): each requirement that people and keys can show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.db.utils import ProgrammingError

from accounts.actions import api_keys, roles
from accounts.models import ApiKey, Session, User
from accounts.roles import SENTENCES, Role, allows
from config.api.permissions import NO_KEY, Open
from config.api.routes import api_routes
from database.actor import acting_as
from tests.accounts.api_keys.keys import ask, make_key
from tests.accounts.people.callers import Caller
from tests.factories import make_user

pytestmark = pytest.mark.django_db

PAGE = Path(settings.BASE_DIR) / "docs" / "authorization.md"


def test_8_1_1_the_rules_for_functions_and_rows_are_documented_as_they_are() -> None:
    """ASVS 8.1.1: documentation defines function-level and data-specific access."""
    page = PAGE.read_text(encoding="utf-8")

    assert "## Rows" in page
    for name, sentence in SENTENCES.items():
        marks = ["yes" if allows(role, name) else "no" for role in Role]
        assert f"| `{name}` | {sentence} | {' | '.join(marks)} |" in page


def test_8_1_2_the_rules_for_fields_are_documented() -> None:
    """ASVS 8.1.2: documentation defines field-level access, to read and to write."""
    fields = PAGE.read_text(encoding="utf-8").partition("## Fields")[2].partition("## ")[0]

    for field in ("e-mail address", "role", "active", "name", "scopes", "secret"):
        assert field in fields


def test_8_1_3_the_circumstances_that_count_are_documented() -> None:
    """ASVS 8.1.3: documentation defines the environmental and contextual attributes used."""
    told = PAGE.read_text(encoding="utf-8").partition("## Circumstances")[2].partition("## ")[0]

    assert all(word in told for word in ("networks", "a minute", "expire", "logged in"))


def test_8_2_1_every_endpoint_asks_for_an_explicit_permission() -> None:
    """ASVS 8.2.1: function-level access only with explicit permissions."""
    routes = list(api_routes())
    mine = [route for route in routes if route.path.startswith(("/api/v1/people", "/api/v1/api-k"))]

    assert len(mine) >= 13
    assert [f"{route.method} {route.path}" for route in routes if route.missing()] == []


@pytest.mark.parametrize("role", ["moderator", "analyst", "viewer", "api_user"])
def test_8_2_1_orders_about_people_are_the_admins(role: str) -> None:
    """ASVS 8.2.1: function-level access only with explicit permissions."""
    make_user("admin")
    caller, other = Caller(make_user(role)), make_user("viewer")
    for route in api_routes():
        if route.permission == "accounts.change_user":
            path = route.path.replace("<uuid:pk>", str(other.pk))
            assert caller.post(path, {"role": "admin"}).status_code == 403, path

    other.refresh_from_db()
    assert (other.role, other.is_active) == ("viewer", True)


def test_8_2_2_another_persons_row_is_not_reached_by_its_id() -> None:
    """ASVS 8.2.2: data-specific access (against IDOR and BOLA)."""
    key = make_key(make_user("analyst")).key
    caller = Caller(make_user("moderator"))
    path = f"/api/v1/api-keys/{key.pk}/"

    assert caller.get(path).status_code == 404
    assert caller.patch(path, {"is_active": False}).status_code == 404
    assert caller.delete(path).status_code == 404
    assert ApiKey.objects.get(pk=key.pk).is_active


def test_8_2_3_fields_are_read_and_written_by_those_they_are_for() -> None:
    """ASVS 8.2.3: field-level access (against BOPLA)."""
    admin, me = make_user("admin"), make_user("moderator")
    caller, own = Caller(me), f"/api/v1/people/{me.pk}/"

    assert caller.get(f"/api/v1/people/{admin.pk}/").json()["email"] is None
    for body in ({"role": "admin"}, {"is_active": True}, {"email": "x@example.org"}):
        assert caller.patch(own, body).status_code in {400, 403}, body
    assert User.objects.filter(pk=me.pk, role="moderator", email=me.email).exists()


def test_8_2_4_a_key_is_bound_to_where_it_is_used_from() -> None:
    """ASVS 8.2.4: controls by the consumer's environment, here the address."""
    here = make_key(make_user("viewer"), networks=["127.0.0.0/8"])
    elsewhere = make_key(make_user("viewer"), networks=["192.0.2.0/24"])

    assert ask(here.secret).status_code == 200
    assert ask(elsewhere.secret).status_code == 403


def test_8_3_1_the_database_holds_the_rules_where_the_pages_are_passed_by() -> None:
    """ASVS 8.3.1: rules are enforced at a trusted layer."""
    make_user("admin")
    intruder, other = make_user("viewer"), make_user("viewer")
    key = make_key(other).key

    with acting_as(intruder.pk):
        with pytest.raises(ProgrammingError, match="Only an admin"), transaction.atomic():
            connection.cursor().execute(
                "UPDATE users SET role = 'admin' WHERE id = %s", [intruder.pk]
            )
        with connection.cursor() as cursor:
            cursor.execute("UPDATE api_keys SET scopes = '[\"write:people\"]'")
            assert cursor.rowcount == 0
        with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            connection.cursor().execute(
                "INSERT INTO api_keys (user_id, key_hash, name) VALUES (%s, 'x', 'x')", [other.pk]
            )
    key.refresh_from_db()
    assert key.scopes == ["read:people"]


def test_8_3_2_what_is_taken_away_is_gone_with_the_next_request() -> None:
    """ASVS 8.3.2: changes to what decisions rest on apply at once."""
    admin, demoted, shut_out = make_user("admin"), make_user("admin"), make_user("viewer")
    writes = make_key(demoted, scopes=["write:people"]).secret
    reads = make_key(shut_out).secret
    order = f"/api/v1/people/{make_user('viewer').pk}/unlock/"
    assert ask(writes, order, method="POST").status_code == 200
    assert ask(reads).status_code == 200

    roles.change(demoted.pk, "viewer", by=admin)
    User.objects.filter(pk=shut_out.pk).update(is_active=False)

    assert ask(writes, order, method="POST").status_code == 403
    assert ask(reads).status_code == 401


def test_8_3_2_a_withdrawn_key_is_over_with_the_next_request() -> None:
    """ASVS 8.3.2: changes to what decisions rest on apply at once."""
    person = make_user("viewer")
    new = make_key(person)
    assert ask(new.secret).status_code == 200
    api_keys.revoke(new.key.pk, by=person)

    assert ask(new.secret).status_code == 401


def test_8_3_3_a_program_sees_what_its_person_sees() -> None:
    """ASVS 8.3.3: access rests on the originating subject's permissions, not the program's."""
    viewer, other = make_user("viewer"), make_user("viewer")
    everything = ["read:people", "write:people"]
    whole = make_key(viewer, scopes=everything).secret

    assert ask(whole, f"/api/v1/people/{other.pk}/").json()["email"] is None
    order = f"/api/v1/people/{other.pk}/deactivate/"
    assert ask(whole, order, method="POST").status_code == 403


TABLES: list[tuple[str, type[Any]]] = [("api_keys", ApiKey), ("sessions", Session)]


@pytest.mark.parametrize(("table", "model"), TABLES)
def test_8_4_1_rows_of_one_person_are_kept_from_all_others(table: str, model: type[Any]) -> None:
    """ASVS 8.4.1: controls between consumers, so that none affects another's rows."""
    owner, other = make_user("analyst"), make_user("analyst")
    make_key(owner)
    Session.objects.create(user=owner, kind="api", expires_at="2100-01-01T00:00:00Z")

    def seen() -> int:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {table}")
            found: int = cursor.fetchone()[0]
        return found

    for person, expected in ((owner, 1), (other, 0), (make_user("admin"), 1)):
        with acting_as(person.pk):
            assert seen() == model.objects.count() == expected
    with acting_as(None):
        assert seen() == 0


def test_what_needs_a_log_in_is_closed_to_every_key() -> None:
    """A key never makes keys, gives roles, or changes passwords and second factors."""
    closed = ("/api/v1/api-keys", "/role/", "password", "second-factor")
    routes = [
        route
        for route in api_routes()
        if any(word in route.path for word in closed)
        and route.permission is not Open.PUBLIC
        and route.method != "GET"
    ]

    assert len(routes) >= 4
    assert [f"{r.method} {r.path}" for r in routes if r.scope is not NO_KEY] == []
