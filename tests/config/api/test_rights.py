"""Who may do what: every endpoint says so, and what is not said is closed."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client, override_settings

from config.api.checks import every_endpoint_declares_its_rights
from config.api.permissions import PUBLIC, Open
from config.api.routes import Route, api_routes
from config.api.scopes import SCOPES, declare_scope
from config.api.throttles import network_of
from tests.config.api.conftest import Caller
from tests.config.api.test_problems import problem_in
from tests.factories import make_image

pytestmark = pytest.mark.django_db
of_the_tests = pytest.mark.urls("tests.config.api.urls")


def test_every_endpoint_declares_its_permission_and_scope() -> None:
    routes = list(api_routes("config.urls"))

    assert len(routes) > 2
    assert [(route.path, route.method) for route in routes if route.missing()] == []
    unknown = {route.scope for route in routes if not isinstance(route.scope, Open | None)}
    assert unknown <= set(SCOPES)


def test_every_endpoint_is_closed_to_strangers_or_says_that_it_is_not() -> None:
    """ASVS 8.2.1: function-level access is restricted to callers with explicit permission."""
    for route in api_routes("config.urls"):
        if route.permission is PUBLIC:
            continue
        response = Client().generic(route.method, _some_address(route))
        assert response.status_code == 401, (route.method, route.path)


def _some_address(route: Route) -> str:
    parts = []
    for part in route.path.split("/"):
        if part.startswith("<uuid"):
            parts.append("00000000-0000-7000-8000-000000000000")
        elif part.startswith("<int"):
            parts.append("1")
        else:
            parts.append("x" if part.startswith("<") else part)
    return "/".join(parts)


@of_the_tests
def test_a_check_finds_what_declares_nothing() -> None:
    found = {(error.id, str(error.msg)) for error in every_endpoint_declares_its_rights(None)}

    missing = {text for code, text in found if code == "api.E001"}
    assert missing == {
        "GET /api/v1/undeclared/ (Undeclared.get) declares no permission and no scope."
    }


@of_the_tests
def test_what_declares_nothing_is_closed_to_everybody(caller: Caller) -> None:
    problem_in(caller("admin").get("/api/v1/undeclared/"), 403, "not-allowed")
    problem_in(Client().get("/api/v1/undeclared/"), 401, "not-authenticated")


@of_the_tests
def test_a_role_without_the_permission_is_refused_by_its_name(caller: Caller) -> None:
    image = make_image()

    told = problem_in(
        caller("viewer").patch(f"/api/v1/pictures/{image.pk}/", {}, format="json"),
        403,
        "not-allowed",
    )
    assert told["detail"] == "Your role lacks the permission imaging.change_image."


@of_the_tests
def test_one_of_several_permissions_is_enough(caller: Caller) -> None:
    where = f"/api/v1/pictures/{make_image().pk}/"

    problem_in(caller("viewer").delete(where), 403, "not-allowed")
    assert caller("moderator").delete(where, headers={"If-Match": "*"}).status_code == 204


@of_the_tests
def test_a_key_reaches_what_its_scopes_and_its_role_both_allow(caller: Caller) -> None:
    where = f"/api/v1/pictures/{make_image().pk}/"

    assert caller(scopes={"read:pictures"}).get(where).status_code == 200
    told = problem_in(caller(scopes={"write:pictures"}).get(where), 403, "scope-missing")
    assert told["detail"] == "The API key lacks the scope read:pictures."
    without_role = caller("viewer", scopes={"write:pictures"})
    problem_in(without_role.patch(where, {}, format="json"), 403, "not-allowed")


@of_the_tests
def test_no_key_reaches_what_is_for_persons_alone(caller: Caller) -> None:
    every = caller("admin", scopes=set(SCOPES))

    problem_in(every.post("/api/v1/pictures/secret/"), 403, "scope-missing")
    assert caller("admin").post("/api/v1/pictures/secret/").status_code == 201


@of_the_tests
def test_handlers_run_for_the_person_who_asks(caller: Caller) -> None:
    seen = caller("viewer").get("/api/v1/who/").json()

    assert seen["acting"] == seen["user"]


def test_a_scope_has_one_meaning_and_a_name_that_tells_it() -> None:
    with pytest.raises(ImproperlyConfigured, match="must look like"):
        declare_scope("images", "See images.")
    with pytest.raises(ImproperlyConfigured, match="two different sentences"):
        declare_scope("read:api", "Something else.")


@of_the_tests
def test_a_limit_says_how_long_to_wait(caller: Caller) -> None:
    stranger = Client(REMOTE_ADDR="192.0.2.7")
    for _ in range(3):
        assert stranger.get("/api/v1/limited/").status_code == 200

    refused = stranger.get("/api/v1/limited/")

    problem_in(refused, 429, "too-many-requests")
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert Client(REMOTE_ADDR="192.0.2.8").get("/api/v1/limited/").status_code == 200
    assert caller().get("/api/v1/limited/", REMOTE_ADDR="192.0.2.7").status_code == 200


@of_the_tests
@override_settings(BEHIND_PROXY=True)
def test_behind_a_proxy_the_address_is_the_one_it_saw() -> None:
    proxy = Client(REMOTE_ADDR="127.0.0.1")
    for number in range(3):
        header = f"198.51.100.{number}, 203.0.113.9"  # the first word is the caller's own invention
        proxy.get("/api/v1/limited/", headers={"X-Forwarded-For": header})

    problem_in(
        proxy.get("/api/v1/limited/", headers={"X-Forwarded-For": "203.0.113.9"}),
        429,
        "too-many-requests",
    )


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", "unknown"),
    ],
)
def test_an_ipv6_network_is_counted_as_one_caller(address: str, counted: str) -> None:
    assert network_of(address) == counted
