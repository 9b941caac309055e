"""Requests that no honest program sends: each is refused in words, and changes nothing."""

from __future__ import annotations

import json
from typing import Any, Final
from uuid import uuid4

import pytest
from django.conf import settings

from accounts.models import ApiKey, User
from config.api.permissions import PUBLIC
from imaging.models import Image
from tests.api.asking import Asking, problem, routes
from tests.api.world import PASSWORD

pytestmark = pytest.mark.django_db

IMAGES: Final = "/api/v1/images/"
KEYS: Final = "/api/v1/api-keys/"
LOGIN: Final = "/api/v1/auth/login/"
_MIB: Final = 1_000_000

BODIES: Final[dict[str, bytes]] = {
    "a megabyte of brackets": b"[" * _MIB,
    "a megabyte of objects": b'{"a":' * (_MIB // 5),
    "closed brackets": b'{"name":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    "a key twice": b'{"name": "a", "name": "b", "scopes": ["read:people"]}',
    "a hundred thousand keys": json.dumps({str(i): i for i in range(100_000)}).encode(),
    "a number of a megabyte": b'{"rate_limit_per_minute": ' + b"9" * _MIB + b"}",
    "an exponent": b'{"rate_limit_per_minute": 1e999}',
    "NaN": b'{"rate_limit_per_minute": NaN}',
    "NUL": b'{"name": "a\\u0000b", "scopes": ["read:people"]}',
    "half a pair": b'{"name": "\\ud800", "scopes": ["read:people"]}',
    "no UTF-8": b'{"name": "\xff\xfe"}',
    "UTF-16": '{"name": "a"}'.encode("utf-16"),
    "a list": b"[]",
    "a text": b'"name"',
    "null": b"null",
    "nothing": b"",
    "a text for a list": b'{"name": "a", "scopes": "read:people"}',
    "an object for a text": b'{"name": {"$ne": ""}, "scopes": ["read:people"]}',
    "a number for a text": b'{"name": 5, "scopes": ["read:people"]}',
    "beyond a column": b'{"name": "a", "rate_limit_per_minute": 2147483648}',
    "__proto__": b'{"__proto__": {"is_admin": true}, "name": "a", "scopes": ["read:people"]}',
}


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("path", [KEYS, LOGIN, "/api/v1/analysis-jobs/"])
def test_a_body_that_means_no_good_is_refused(ask: Asking, path: str, name: str) -> None:
    told = problem(ask("admin", "POST", path, BODIES[name]), 400)

    assert len(json.dumps(told)) < 20_000, "the answer is no amplifier"


def test_a_body_beyond_the_limit_is_refused_wherever_a_body_is_read(ask: Asking) -> None:
    large = b'{"name": "' + b"a" * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0) + b'"}'

    for path in (KEYS, LOGIN, "/api/v1/auth/refresh/"):
        problem(ask("admin", "POST", path, large), 413, "too-large")


FORMATS: Final = (
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/xml",
    "application/x-yaml",
    "application/json; charset=utf-7",
    "application/json; charset=utf-16",
    "application/problem+json",
    "application/json, text/html",
    "json",
    "",
)


@pytest.mark.parametrize("content_type", FORMATS)
def test_a_body_in_another_format_is_not_read(ask: Asking, content_type: str) -> None:
    body = json.dumps({"name": "a", "scopes": ["read:people"]})

    answer = ask("admin", "POST", KEYS, body, content_type=content_type)

    problem(answer, 415, "unsupported-media-type")


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "image/png", "x", "a/b;q=1"])
def test_another_format_than_json_is_not_answered(ask: Asking, accept: str) -> None:
    problem(ask("admin", "GET", IMAGES, headers={"Accept": accept}), 406, "not-acceptable")


QUERIES: Final = (
    "limit=0",
    "limit=-1",
    "limit=201",
    "limit=1e2",
    "limit=9223372036854775808",
    "limit=%D9%A1",  # an Arabic digit
    "limit=",
    "limit=10&limit=10",
    "cursor=",
    "cursor=n.",
    "cursor=n.eyJhIjoxfQ:1:x",
    "cursor=n." + "a" * 3_990,
    "order=id%3B--",
    "order=-pk",
    "unknown=1",
    "analysis_status=x%27%20OR%201=1",
    "analysis_status__in=pending",
    "user__password__startswith=a",
    "user=1.5",
    "user=%00",
    "uploaded_after=yesterday",
    "uploaded_after=99999-01-01T00:00:00Z",
    "%00=1",
    "format=json",
    "_method=DELETE",
    "page=2",
    "limit[]=5",
)


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_that_no_list_understands_is_refused(ask: Asking, query: str) -> None:
    problem(ask("admin", "GET", f"{IMAGES}?{query}"), 400)


def test_ten_thousand_filters_are_refused(ask: Asking) -> None:
    many = "&".join(f"f{number}={number}" for number in range(10_000))

    for path in (IMAGES, "/api/v1/", "/api/v1/auth/keys/"):
        answer = ask("admin", "GET", f"{path}?{many}")
        problem(answer, 400)
        assert len(answer.content) < 100_000, "the answer is no amplifier"


def test_a_query_is_refused_by_every_address_that_takes_none(ask: Asking) -> None:
    for route in routes():
        if route.method != "GET" or "{" in route.path:
            continue
        role = None if route.permission is PUBLIC else "admin"
        address = ask.world.address(route.path)
        problem(ask(role, "GET", f"{address}?no_such_thing=1"), 400, "invalid-input")


def test_a_cursor_belongs_to_its_list_and_order(ask: Asking) -> None:
    people = json.loads(ask("admin", "GET", "/api/v1/people/?limit=1").content)["next"]
    cursor = people.partition("cursor=")[2].partition("&")[0]

    assert ask("admin", "GET", f"/api/v1/people/?cursor={cursor}").status_code == 200
    for path in (IMAGES, KEYS, "/api/v1/auth/sessions/", "/api/v1/results/"):
        problem(ask("admin", "GET", f"{path}?cursor={cursor}"), 400, "wrong-cursor")


def test_the_cursor_of_somebody_who_sees_more_shows_no_more(ask: Asking) -> None:
    """ASVS 8.2.2: a cursor says where to go on, not what may be seen."""
    page = json.loads(ask("admin", "GET", f"{KEYS}?user=all&limit=1").content)
    assert page["results"]
    sessions = json.loads(
        ask("admin", "GET", f"/api/v1/auth/sessions/?user={ask.world.people['admin'].pk}").content
    )
    assert sessions["results"]
    everybody = json.loads(ask("admin", "GET", "/api/v1/people/?limit=1").content)
    query = everybody["next"].partition("?")[2]

    seen = json.loads(ask("api_user", "GET", f"/api/v1/people/?{query}").content)["results"]

    assert {row["id"] for row in seen} <= {str(ask.world.people["api_user"].pk)}


IDS: Final = (
    "1",
    "1.5",
    "-1",
    "null",
    "00000000-0000-0000-0000-000000000000",
    "%2e%2e",
    "..%2f..%2fetc%2fpasswd",
    "%00",
    "' OR '1'='1",
    "01936f1c7c2a7d4e9a513f0b6c8d2e10",
    "{01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e10}",
    "a" * 5_000,
    "%F0%9F%92%A9",
    "%0d%0aSet-Cookie:%20a=b",
)


@pytest.mark.parametrize("key", IDS)
def test_a_key_that_is_none_is_not_found(ask: Asking, key: str) -> None:
    for path in ("images", "people", "api-keys", "auth/sessions", "invitations", "results"):
        answer = ask("admin", "GET", f"/api/v1/{path}/{key}/")
        told = problem(answer, 404, "not-found")
        assert "Set-Cookie" not in answer
        assert told["instance"].isascii()


@pytest.mark.parametrize(
    "header",
    ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-Method"],
)
def test_a_method_cannot_be_overridden(ask: Asking, header: str) -> None:
    """ASVS 4.1.4."""
    address = ask.world.address("/api/v1/api-keys/{id}/")

    sent: dict[str, Any] = {"headers": {header: "DELETE", "If-Match": "*"}, "kept": True}
    problem(ask("admin", "POST", address, {"_method": "DELETE"}, **sent), 405)
    assert ask("admin", "GET", address, **sent).status_code == 200

    assert ApiKey.objects.get(pk=ask.world.rows["api-keys"]).revoked_at is None


@pytest.mark.parametrize(
    "header", ["X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Prefix", "X-Script-Name"]
)
def test_an_address_cannot_be_rewritten_by_a_header(ask: Asking, header: str) -> None:
    """ASVS 4.1.3: what a proxy would set, a caller cannot."""
    seen = ask("viewer", "GET", "/api/v1/auth/me/", headers={header: "/api/v1/invitations/"})

    assert json.loads(seen.content)["role"] == "viewer"


@pytest.mark.parametrize("header", ["X-User-ID", "X-Remote-User", "Remote-User", "X-Role", "From"])
def test_nobody_is_named_by_a_header(ask: Asking, header: str) -> None:
    """ASVS 4.1.3."""
    admin = str(ask.world.people["admin"].pk)

    problem(ask(None, "GET", "/api/v1/auth/me/", headers={header: admin}), 401)


def test_huge_headers_are_no_fault(ask: Asking) -> None:
    """The web server refuses them above 8 KiB; what stands behind it bears them all the same."""
    huge = "a" * 200_000
    headers = {
        "User-Agent": huge,
        "X-Request-ID": huge,
        "Accept-Language": huge,
        "Idempotency-Key": huge,
        "If-Match": huge,
        "If-None-Match": huge,
        "Cookie": f"a={huge}",
        "Referer": huge,
        "X-Forwarded-For": huge,
    }
    for name, value in headers.items():
        for method, path in (("GET", IMAGES), ("POST", LOGIN), ("POST", KEYS)):
            answer = ask("admin", method, path, headers={name: value})
            assert answer.status_code in {200, 400}, (name, method, path, answer.status_code)
            assert len(answer["X-Request-ID"]) <= 64


@pytest.mark.parametrize(
    ("tags", "status"),
    [
        ('"a", "b", "c"', 412),
        ('W/"a"', 412),
        ("a", 400),
        ("", 400),
        ('"', 400),
        (", ,", 400),
        ('"a" ' * 50_000, 412),
        ("**", 400),
        ("1970-01-01T00:00:00Z", 400),
    ],
)
def test_if_match_is_read_strictly(ask: Asking, tags: str, status: int) -> None:
    address = ask.world.address("/api/v1/images/{id}/")

    changes = {"metadata": {"a": 1}}
    problem(ask("admin", "PATCH", address, changes, headers={"If-Match": tags}), status)


def test_a_list_of_tags_with_the_right_one_matches_but_not_weakly(ask: Asking) -> None:
    address = ask.world.address("/api/v1/images/{id}/")
    tag = ask("admin", "GET", address)["ETag"]

    def status(header: str) -> int:
        changes = {"metadata": {"a": 1}}
        return int(
            ask("admin", "PATCH", address, changes, headers={"If-Match": header}).status_code
        )

    assert status(f'"a", {tag}') == 200
    assert status(f"W/{tag}") == 412


def test_an_idempotency_key_of_somebody_else_tells_nothing(ask: Asking) -> None:
    """ASVS 8.2.2."""
    sent: dict[str, Any] = {"headers": {"Idempotency-Key": "the-same"}, "kept": True}
    image = {"image_id": ask.world.rows["images"]}

    first = ask("admin", "POST", "/api/v1/analysis-jobs/", image, **sent)
    other = ask("analyst", "POST", "/api/v1/analysis-jobs/", {"image_id": str(uuid4())}, **sent)
    again = ask("admin", "POST", "/api/v1/analysis-jobs/", image, **sent)

    assert "Idempotency-Replayed" not in other
    assert other.status_code != 422
    assert again.status_code == first.status_code
    assert ("Idempotency-Replayed" in again) == (first.status_code < 400)


def test_ranges_are_not_served_and_do_no_harm(ask: Asking) -> None:
    for value in ("bytes=0-0", "bytes=-1", "bytes=0-,0-,0-,0-", "bytes=9-1", "rows=1-2"):
        answer = ask("admin", "GET", IMAGES, headers={"Range": value})
        assert answer.status_code == 200
        assert "Content-Range" not in answer


MASS: Final[dict[str, Any]] = {
    "id": "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e10",
    "role": "admin",
    "is_active": True,
    "is_superuser": True,
    "is_staff": True,
    "user_id": "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e10",
    "password": "x",
    "permissions": ["imaging.delete_image"],
    "created_at": "2000-01-01T00:00:00Z",
    "key_hash": "0" * 64,
    "scopes": ["write:people"],
    "locked_until": None,
}


def test_what_is_not_offered_cannot_be_written_along(ask: Asking) -> None:
    """ASVS 8.2.3: fields beyond those that are offered are refused by name, not ignored."""
    me = ask.world.people["analyst"]
    own = make_own_key(ask)
    changes = {
        f"/api/v1/people/{me.pk}/": "full_name",
        f"/api/v1/api-keys/{own}/": "name",
    }
    for path, writable in changes.items():
        for name, value in MASS.items():
            if "api-keys" in path and name == "is_active":
                continue
            body = {writable: "another", name: value}
            answer = ask("analyst", "PATCH", path, body, headers={"If-Match": "*"}, kept=True)
            told = problem(answer, 400, "invalid-input")
            assert [error["field"] for error in told["errors"]] == [name]

    after = User.objects.get(pk=me.pk)
    assert (after.role, after.full_name, after.is_superuser) == ("analyst", me.full_name, False)
    assert ApiKey.objects.get(pk=own).scopes == ["read:people"]


def make_own_key(ask: Asking) -> str:
    """The key of a new API key of the analyst, made as a program makes it."""
    body = {"name": "own", "scopes": ["read:people"]}
    return str(json.loads(ask("analyst", "POST", KEYS, body, kept=True).content)["id"])


def test_creating_takes_no_more_than_is_offered_either(ask: Asking) -> None:
    """ASVS 8.2.3."""
    creates: dict[str, dict[str, Any]] = {
        KEYS: {"name": "a", "scopes": ["read:people"]},
        "/api/v1/people/": {"email": "new@example.org"},
        "/api/v1/invitations/": {"email": "new@example.org"},
        "/api/v1/analysis-jobs/": {"image_id": ask.world.rows["images"]},
        LOGIN: {"email": "new@example.org", "password": PASSWORD},
        "/api/v1/auth/refresh/": {"refresh_token": "x"},
        "/api/v1/auth/password-resets/": {"email": "new@example.org"},
        "/api/v1/auth/password-resets/confirm/": {"token": "x", "new_password": PASSWORD},
        "/api/v1/invitations/accept/": {"token": "x", "full_name": "x", "password": PASSWORD},
    }
    for path, body in creates.items():
        told = problem(ask("admin", "POST", path, body | {"is_superuser": True}), 400)
        assert [error["field"] for error in told["errors"]] == ["is_superuser"], path


def test_nobody_gives_themself_what_only_an_admin_gives(ask: Asking) -> None:
    """ASVS 8.2.1, 8.3.1."""
    for role in ("moderator", "analyst", "viewer", "api_user"):
        me = ask.world.people[role].pk
        problem(ask(role, "POST", f"/api/v1/people/{me}/role/", {"role": "admin"}), 403)
        wanted = {"email": "other@example.org"}
        match = {"If-Match": "*"}
        answer = ask(role, "PATCH", f"/api/v1/people/{me}/", wanted, headers=match)
        assert answer.status_code == 403, role
        body = {"name": "a", "scopes": ["read:people"], "user": str(ask.world.people["admin"].pk)}
        problem(ask(role, "POST", KEYS, body), 403, "not-allowed")
        assert ask(role, "GET", f"{KEYS}?user=all").status_code == 403
        bystander = ask.world.rows["people"]
        assert ask(role, "GET", f"/api/v1/auth/sessions/?user={bystander}").status_code == 403


def test_rows_stay_as_they_were_after_all_of_it(ask: Asking) -> None:
    before = set(Image.objects.values_list("pk", "updated_at"))

    for name in BODIES:
        ask("admin", "PATCH", ask.world.address("/api/v1/images/{id}/"), BODIES[name], kept=True)

    assert set(Image.objects.values_list("pk", "updated_at")) == before
