"""The index, the schema, the documentation, and the committed document."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from config.api import pages
from tests.config.api.conftest import Caller
from tests.config.api.test_problems import problem_in
from tests.factories import make_user

pytestmark = pytest.mark.django_db
of_the_tests = pytest.mark.urls("tests.config.api.urls")


@of_the_tests
def test_the_index_lists_what_the_caller_may_read(caller: Caller) -> None:
    index = caller("viewer").get("/api/v1/").json()

    assert index["resources"]["pictures"] == "http://testserver/api/v1/pictures/"
    assert "echo" not in index["resources"]
    assert index["scopes"]["read:pictures"] == "See the pictures of the tests."


@of_the_tests
def test_the_index_of_a_key_lists_what_its_scopes_reach(caller: Caller) -> None:
    reaching = caller("viewer", scopes={"read:api", "read:pictures"}).get("/api/v1/").json()
    not_reaching = caller("viewer", scopes={"read:api"}).get("/api/v1/").json()

    assert "pictures" in reaching["resources"]
    assert not_reaching["resources"] == {}


@pytest.fixture
def document(caller: Caller) -> Any:
    """The document of the site and the tests' resources."""
    pages.schema.cache_clear()
    yield caller("api_user").get("/api/schema/").json()
    pages.schema.cache_clear()


@of_the_tests
def test_the_schema_is_for_everybody_who_is_known(document: Any) -> None:
    assert document["openapi"] == "3.1.0"
    assert set(document["components"]["securitySchemes"]) == {"accessToken", "apiKey", "session"}
    problem_in(Client().get("/api/schema/"), 401, "not-authenticated")


@of_the_tests
def test_the_schema_says_what_the_conventions_add(document: Any) -> None:
    row = document["paths"]["/api/v1/pictures/{id}/"]
    listing = document["paths"]["/api/v1/pictures/"]

    def named(operation: Any) -> set[str]:
        return {
            part.get("name") or part["$ref"].rpartition("/")[2] for part in operation["parameters"]
        }

    assert {"cursor", "limit", "order", "analysis_status", "made_after"} <= named(listing["get"])
    assert "IdempotencyKey" in named(listing["post"])
    assert {"409", "422", "413", "415", "201"} <= set(listing["post"]["responses"])
    assert "IfNoneMatch" in named(row["get"])
    assert "304" in row["get"]["responses"]
    assert "ETag" in row["get"]["responses"]["200"]["headers"]
    assert "IfMatch" in named(row["patch"])
    assert {"404", "412", "428"} <= set(row["patch"]["responses"])
    assert row["get"]["x-scope"] == "read:pictures"
    assert row["delete"]["x-permission"] == ["imaging.delete_image", "imaging.change_image"]
    assert {"apiKey": []} in row["get"]["security"]
    secret = document["paths"]["/api/v1/pictures/secret/"]["post"]
    assert {"apiKey": []} not in secret["security"]
    assert document["paths"]["/api/v1/echo/"]["get"]["security"] == [{}]


@of_the_tests
def test_every_reference_in_the_schema_leads_somewhere(document: Any) -> None:
    def references(part: Any) -> set[str]:
        if isinstance(part, dict):
            own = {part["$ref"]} if isinstance(part.get("$ref"), str) else set()
            return own.union(*(references(inner) for inner in part.values()))
        return (
            set().union(*(references(inner) for inner in part)) if isinstance(part, list) else set()
        )

    found = references(document)

    assert found
    for reference in found:
        place = document
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]
        assert place


def test_the_committed_document_is_what_the_endpoints_say() -> None:
    out = StringIO()
    call_command("api_schema", "--check", stdout=out)

    assert "changed: False" in out.getvalue()


def test_a_document_that_differs_is_refused_with_the_difference(tmp_path: Path) -> None:
    file = tmp_path / "openapi.yaml"
    call_command("api_schema", file=file, stdout=StringIO())
    right = file.read_text()
    file.write_text(right.replace("title: Lacuna", "title: Other"))

    with pytest.raises(CommandError, match=re.escape("-  title: Other\n+  title: Lacuna")):
        call_command("api_schema", "--check", file=file)
    call_command("api_schema", file=file, stdout=StringIO())
    assert file.read_text() == right


def test_the_documentation_is_for_those_who_are_logged_in() -> None:
    client = Client()
    asked_to_log_in = client.get("/api/docs/")
    client.force_login(make_user("viewer"))
    page = client.get("/api/docs/")

    assert asked_to_log_in.status_code == 302
    assert asked_to_log_in["Location"] == "/login/?next=/api/docs/"
    assert page.status_code == 200
    assert "img-src 'self' data:" in page["Content-Security-Policy"]
    assert "default-src 'self'" in page["Content-Security-Policy"]
    assert "unsafe" not in page["Content-Security-Policy"]
    assert "data:" not in client.get("/")["Content-Security-Policy"]
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", page.text)


def test_the_documentation_opens_for_those_without_staff_pages_too() -> None:
    client = Client()
    client.force_login(make_user("api_user"))

    assert client.get("/api/docs/").status_code == 200
