"""The OpenAPI document has every endpoint of images, with examples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from config.api.pages import schema
from config.api.problems import PROBLEMS
from config.api.scopes import SCOPES
from tests.imaging.api.conftest import CallerOf
from tests.imaging.api.test_rights import routes


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The document as it is served."""
    return schema()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Address, method and operation of each endpoint of this package."""
    for route in routes():
        path = route.path.replace("<uuid:pk>", "{id}")
        path = path.replace("<str:name>", "{name}").replace("<str:file_hash>", "{file_hash}")
        yield path, route.method, document["paths"][path][route.method.lower()]


def test_every_endpoint_names_its_permission_and_scope(document: dict[str, Any]) -> None:
    found = list(operations(document))

    assert len(found) == len(routes()) > 30
    for path, method, operation in found:
        assert operation["x-permission"], (path, method)
        assert operation["x-scope"] in SCOPES, (path, method)
        assert operation["description"], (path, method)


def test_every_answer_and_every_body_in_json_has_an_example(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        good = [response for status, response in operation["responses"].items() if status[0] == "2"]
        assert good, (path, method)
        told = [part for response in good for part in response["content"].items()]
        asked = list(operation.get("requestBody", {}).get("content", {}).items())
        for kind, content in told + asked:
            if kind == "application/json":
                assert content.get("examples"), (path, method)


def test_files_are_told_by_their_kinds(document: dict[str, Any]) -> None:
    def kinds(path: str) -> set[str]:
        response = document["paths"][f"/api/v1/{path}"]["get"]["responses"]["200"]
        return set(response["content"])

    assert kinds("images/{id}/preview/") == {"image/webp"}
    assert {"image/jpeg", "image/avif", "application/octet-stream"} <= kinds(
        "images/{id}/original/"
    )
    assert kinds("results/{id}/drawings/{name}/") == {"image/webp", "image/svg+xml"}


def test_the_upload_is_a_form_and_its_refusals_are_documented(document: dict[str, Any]) -> None:
    upload = document["paths"]["/api/v1/images/"]["post"]

    assert set(upload["requestBody"]["content"]) == {"multipart/form-data"}
    assert {"200", "201", "413", "415", "422", "503"} <= set(upload["responses"])
    for slug in ("file-too-large", "file-type-refused", "file-unreadable", "storage-failed"):
        assert slug in PROBLEMS
        assert slug in upload["description"]


@pytest.mark.django_db
def test_the_index_leads_to_every_list_that_the_caller_may_read(caller: CallerOf) -> None:
    admin = caller("admin").get("/api/v1/").json()["resources"]
    program = caller("api_user", scopes=["read:api", "read:images"]).get("/api/v1/").json()

    assert {"images", "results", "earlier-results", "analysis-jobs", "cached-results"} <= set(admin)
    assert "reports/user-activity-summary" in admin
    assert "images" in program["resources"]
    assert not {"results", "analysis-jobs", "cached-results"} & set(program["resources"])
