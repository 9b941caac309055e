"""What other sites, and pages of other sites in the browser of somebody logged in, can do here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest
from django.test import Client

from accounts.models import ApiKey
from tests.accounts.sessions.devices import FIREFOX
from tests.api.asking import JSON, Asking, problem, routes
from tests.api.world import World

pytestmark = pytest.mark.django_db

KEYS: Final = "/api/v1/api-keys/"
BODY: Final = json.dumps({"name": "a", "scopes": ["read:people"]})
ELSEWHERE: Final = "https://attacker.example"


@pytest.fixture
def browser(world: World) -> Iterator[Client]:
    """The browser of an analyst who is logged in; it checks for the token as in production."""
    client = Client(enforce_csrf_checks=True, headers={"user-agent": FIREFOX})
    client.force_login(world.people["analyst"])
    yield client
    assert not ApiKey.objects.filter(name="a").exists(), "something was changed from elsewhere"


def _with_token(client: Client, **options: Any) -> Any:
    client.get("/account/", follow=True)
    client.get("/api/docs/")
    token = client.cookies["csrftoken"].value
    headers = {"X-CSRFToken": token} | options.pop("headers", {})
    return client.post(KEYS, BODY, content_type=JSON, headers=headers, **options)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": ELSEWHERE},
        {"Origin": "null"},
        {"Referer": f"{ELSEWHERE}/a"},
        {"X-CSRFToken": "a" * 64},
        {"X-Requested-With": "XMLHttpRequest"},
        {"Sec-Fetch-Site": "same-origin"},
    ],
)
@pytest.mark.parametrize("content_type", [JSON, "text/plain", "multipart/form-data; boundary=a"])
def test_a_change_with_a_cookie_needs_the_token(
    browser: Client, headers: dict[str, str], content_type: str
) -> None:
    """ASVS 3.5.1: a form, an image or a script of another site changes nothing."""
    problem(browser.post(KEYS, BODY, content_type=content_type, headers=headers), 403)


def test_every_change_with_a_cookie_needs_the_token(browser: Client, world: World) -> None:
    """ASVS 3.5.1."""
    asked = 0
    for route in routes():
        if route.method == "GET" or route.view.authentication_classes == ():
            continue
        address = world.address(route.path)
        answer = browser.generic(
            route.method, address, "{}", content_type=JSON, headers={"If-Match": "*"}
        )
        problem(answer, 403, "not-allowed")
        asked += 1
    assert asked > 25


def test_the_token_of_the_page_from_another_site_is_worth_nothing(browser: Client) -> None:
    problem(_with_token(browser, headers={"Origin": ELSEWHERE}), 403)


def test_no_other_site_may_read_an_answer(ask: Asking) -> None:
    """ASVS 3.4.2: there is no CORS here, so a browser shows our answers to our own pages alone."""
    for origin in (ELSEWHERE, "null", "http://testserver.attacker.example"):
        asked = {"Origin": origin, "Access-Control-Request-Method": "DELETE"}
        answers = [
            ask("admin", "GET", "/api/v1/people/", headers={"Origin": origin}),
            ask("admin", "POST", KEYS, {}, headers={"Origin": origin}),
            ask(None, "OPTIONS", KEYS, headers=asked),
            ask(None, "GET", "/api/v1/auth/keys/", headers={"Origin": origin}),
        ]
        for answer in answers:
            named = {name.lower() for name in answer.headers}
            assert not any(name.startswith("access-control-") for name in named)
        problem(answers[2], 401 if answers[2].status_code == 401 else 405)


@pytest.mark.parametrize(
    "host", ["attacker.example", "testserver.attacker.example", "testserver:a", "a b", "", "[::1"]
)
def test_a_host_that_is_not_served_is_refused(ask: Asking, host: str) -> None:
    answer = ask("admin", "GET", "/api/v1/images/", headers={"Host": host})

    assert "attacker" not in json.dumps(problem(answer, 400, "malformed-request"))


def test_addresses_in_answers_name_no_host_that_a_caller_made_up(ask: Asking) -> None:
    """ASVS 4.1.3: X-Forwarded-Host is a proxy's to set, where the settings trust one."""
    sent = {
        "X-Forwarded-Host": "attacker.example",
        "X-Forwarded-Proto": "gopher",
        "Forwarded": "host=attacker.example",
    }
    page = ask("admin", "GET", "/api/v1/people/?limit=1", headers=sent)

    assert json.loads(page.content)["next"].startswith("http://testserver/api/v1/people/?")
    assert b"attacker" not in page.content


def test_every_answer_tells_browsers_to_take_it_for_what_it_is(ask: Asking) -> None:
    """ASVS 3.4.4, 3.4.6, 4.1.1: also errors, which are made elsewhere."""
    answers = [
        ask("admin", "GET", "/api/v1/images/"),
        ask("admin", "GET", "/api/v1/images/1/"),
        ask(None, "GET", "/api/v1/images/"),
        ask(None, "GET", "/api/v1/nothing/%0a"),
        ask(None, "GET", "/api/v1/images/", headers={"Host": "attacker.example"}),
        ask("admin", "POST", KEYS, "{"),
    ]
    for answer in answers:
        assert answer["Content-Type"] in {JSON, "application/problem+json"}
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
        assert "no-store" in answer["Cache-Control"] or "private" in answer["Cache-Control"]
        assert "Server" not in answer
        assert "X-Powered-By" not in answer


def test_what_is_private_is_kept_by_nobody_in_between(ask: Asking) -> None:
    for route in routes():
        if route.method != "GET":
            continue
        answer = ask("admin", "GET", ask.world.address(route.path))
        told = answer["Cache-Control"]
        if route.path == "/api/v1/auth/keys/":
            assert told == "public, max-age=300"
            continue
        assert "public" not in told, route.path
        assert "no-store" in told or "private" in told, route.path
        if "no-store" not in told:
            assert {"Authorization", "Cookie"} <= {
                name.strip() for name in answer["Vary"].split(",")
            }, route.path
