"""Who reaches what: every operation asked by every role and by a stranger, and every other method.

``rights.txt`` is what is expected, to be read and committed; a change of it is a change of rights.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from config.api.permissions import PUBLIC
from tests.accounts.api_keys.keys import make_key
from tests.api.asking import Asking, problem, routes
from tests.api.world import ROLES, World

pytestmark = pytest.mark.django_db

EXPECTED: Final = Path(__file__).with_name("rights.txt")
_HEADING: Final = "# Operation, then " + ", ".join(ROLES) + "."
_WORDS: Final = """\
# yes: done, or refused for what was (not) said, never for who asks; no: 403, the role lacks the
# permission; hidden: 404, the row is somebody else's (or the result has no such drawing).
"""
_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")


def _answer(status: int, content: bytes) -> str:
    if b"/file-gone" in content:  # found, and may be read, if it were there
        return "yes"
    return {403: "no", 404: "hidden"}.get(status, "yes")


def _table(ask: Asking) -> Iterator[str]:
    for route in sorted(routes(), key=lambda route: (route.path, route.method)):
        if route.permission is PUBLIC:
            continue
        address = ask.world.address(route.path)
        headers = {"If-Match": "*"}
        answers = [ask(role, route.method, address, headers=headers) for role in ROLES]
        statuses = [answer.status_code for answer in answers]
        assert not {401, 405, 429, 500} & set(statuses), (route.path, route.method, statuses)
        words = [
            _answer(answer.status_code, b"" if answer.streaming else answer.content)
            for answer in answers
        ]
        row = " ".join(f"{word:6}" for word in words)
        yield f"{route.method:6} {route.path:54} {row}".rstrip()


def test_every_role_reaches_what_is_written_and_nothing_else(ask: Asking) -> None:
    """ASVS 8.2.1, 8.2.2: functions need a permission, rows of others are not found."""
    made = "\n".join([_HEADING, _WORDS.rstrip(), *_table(ask), ""])

    assert made == EXPECTED.read_text(encoding="utf-8")


def test_a_stranger_reaches_what_is_public_alone(ask: Asking) -> None:
    """ASVS 8.2.1."""
    for route in routes():
        if route.permission is PUBLIC:
            continue
        answer = ask(None, route.method, ask.world.address(route.path))
        told = problem(answer, 401, "not-authenticated")
        assert answer["WWW-Authenticate"].startswith("Bearer "), route
        assert not set(told) & {"errors"}, route


@pytest.mark.parametrize(
    "header",
    ["Bearer x", "Bearer ", "Api-Key x.y", "Api-Key", "Basic YWRtaW46YWRtaW4=", "Token x", "é"],
)
def test_what_is_no_credential_opens_nothing(ask: Asking, header: str) -> None:
    for path in ("/api/v1/", "/api/v1/people/", "/api/schema/", "/api/v1/auth/me/"):
        problem(ask(None, "GET", path, headers={"Authorization": header}), 401)


def test_a_method_that_is_not_offered_is_refused_and_told_which_are(ask: Asking) -> None:
    """ASVS 4.1.4: only methods that are explicitly supported can be used."""
    offered: dict[str, set[str]] = {}
    for route in routes():
        offered.setdefault(route.path, set()).add(route.method)
    for path, methods in offered.items():
        for method in _METHODS:
            if method in methods or (method == "HEAD" and "GET" in methods):
                continue
            answer = ask("admin", method, ask.world.address(path))
            if method != "HEAD":
                problem(answer, 405, "method-not-allowed")
            assert answer.status_code == 405, (method, path)
            allowed = {name.strip() for name in answer["Allow"].split(",")}
            assert allowed - {"HEAD"} == methods, (method, path)


def test_the_head_of_what_can_be_read_is_the_same_without_its_body(ask: Asking) -> None:
    for route in routes():
        if route.method != "GET":
            continue
        address = ask.world.address(route.path)
        read, head = (ask("admin", method, address) for method in ("GET", "HEAD"))
        assert head.status_code == read.status_code, address
        assert b"".join(head) == b"", address
        for name in ("Content-Type", "ETag", "Cache-Control"):
            assert head.headers.get(name) == read.headers.get(name), (address, name)


def test_a_key_without_a_scope_reaches_nothing_that_names_one(world: World, ask: Asking) -> None:
    """ASVS 8.2.1, for programs; the key is an admin's, so that only its scopes can be missing."""
    some = {"read:people", "read:reports"}
    key = make_key(world.people["admin"], scopes=sorted(some)).secret
    for route in routes():
        if route.permission is PUBLIC:
            continue
        headers = {"Authorization": f"Api-Key {key}"}
        answer = ask(None, route.method, world.address(route.path), headers=headers)
        if route.scope in some:
            assert answer.status_code not in {401, 403}, route
        else:
            problem(answer, 403, "scope-missing")


def test_rows_of_others_are_not_found_whatever_is_asked_of_them(ask: Asking) -> None:
    """ASVS 8.2.2: keys and sessions of somebody else do not exist for whoever asks."""
    for path in ("/api/v1/api-keys/{id}/", "/api/v1/auth/sessions/{id}/"):
        address = ask.world.address(path)
        for role in ("moderator", "analyst", "viewer", "api_user"):
            for method in ("GET", "PATCH", "DELETE"):
                if method == "PATCH" and "sessions" in path:
                    continue
                problem(ask(role, method, address, headers={"If-Match": "*"}), 404, "not-found")
        assert ask("admin", "GET", address).status_code == 200
