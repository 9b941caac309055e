"""The OpenAPI document has every endpoint of annotations, with examples."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from config.api.pages import schema
from config.api.problems import PROBLEMS
from config.api.scopes import SCOPES
from tests.annotations.api.test_rights import routes


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The document as it is served."""
    return schema()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Address, method and operation of each endpoint of this package."""
    for route in routes():
        path = re.sub(r"<uuid:(\w+)>", r"{\1}", route.path).replace("{pk}", "{id}")
        yield path, route.method, document["paths"][path][route.method.lower()]


def test_every_endpoint_names_its_permission_and_scope(document: dict[str, Any]) -> None:
    found = list(operations(document))

    assert len(found) == len(routes()) > 30
    for path, method, operation in found:
        assert operation["x-permission"], (path, method)
        assert operation["x-scope"] in SCOPES, (path, method)
        assert operation["description"], (path, method)


def test_every_answer_and_every_body_has_an_example(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        good = [
            response
            for status, response in operation["responses"].items()
            if status[0] == "2" and status != "204"
        ]
        assert good or method == "DELETE", (path, method)
        told = [part for response in good for part in response["content"].items()]
        asked = list(operation.get("requestBody", {}).get("content", {}).items())
        for kind, content in told + asked:
            assert kind == "application/json"
            assert content.get("examples"), (path, method)


def test_the_refusals_of_a_decision_are_documented(document: dict[str, Any]) -> None:
    decide = document["paths"]["/api/v1/annotations/{id}/decide/"]["post"]

    for slug in ("changed-meanwhile", "held-by-other", "reviewed-before"):
        assert PROBLEMS[slug].status == 409
        assert slug in decide["description"]
