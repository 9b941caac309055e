"""The OpenAPI document: whole, committed, valid, and with everything that a reader needs."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from django.conf import settings
from django.core.management import call_command
from jsonschema import Draft202012Validator  # type: ignore[import-untyped] # it has none
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from config.api.permissions import PUBLIC
from config.api.problems import MEDIA_TYPE, PROBLEMS
from config.api.routes import Route
from config.api.scopes import SCOPES
from tests.api.asking import JSON, routes

pytestmark = pytest.mark.django_db

FILE: Final = Path(settings.BASE_DIR) / "docs" / "openapi.yaml"
_CONVERTER: Final = re.compile(r"<(?:\w+:)?(\w+)>")
Operation = dict[str, Any]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The committed document."""
    read: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return read


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, Operation]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation


def _path(route: Route) -> str:
    return _CONVERTER.sub(r"{\1}", route.path).replace("{pk}", "{id}")


def _contents(operation: Operation) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Where, the media type and what stands there: of the body and of every good answer."""
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        yield "body", kind, content
    for status, response in operation["responses"].items():
        for kind, content in response.get("content", {}).items():
            if status.startswith("2"):
                yield status, kind, content


def test_the_committed_document_is_the_codes_valid_and_without_a_warning(tmp_path: Path) -> None:
    made = tmp_path / "openapi.yaml"

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        call_command("spectacular", file=str(made), fail_on_warn=True, validate=True)
        call_command("api_schema", "--check", stdout=StringIO())

    assert made.read_text(encoding="utf-8") == FILE.read_text(encoding="utf-8")


def test_every_route_is_documented_and_nothing_else(document: dict[str, Any]) -> None:
    served = set()
    for route in routes():
        if route.path.startswith("/api/v1/"):
            served.add(f"{route.method} {_path(route)}")

    assert {name for name, _ in _operations(document)} == served


def test_every_operation_says_what_it_is_for_and_for_whom(document: dict[str, Any]) -> None:
    named = set()
    for name, operation in _operations(document):
        assert 5 < len(operation["summary"]) <= 100, name
        assert operation["description"].rstrip().endswith("."), name
        assert len(operation["tags"]) == 1, name
        assert operation["security"], name
        assert operation["operationId"] not in named, name
        named.add(operation["operationId"])
        assert operation.get("x-scope", "read:api") in SCOPES, name


def test_every_way_in_is_the_one_that_the_endpoint_takes(document: dict[str, Any]) -> None:
    for route in routes():
        if not route.path.startswith("/api/v1/"):
            continue
        path = _path(route)
        operation = document["paths"][path][route.method.lower()]
        ways = {name for way in operation["security"] for name in way}
        if route.permission is PUBLIC:
            assert ways == set(), path
        else:
            keys = {"apiKey"} if isinstance(route.scope, str) else set()
            assert ways == {"accessToken", "session"} | keys, path


def test_every_operation_documents_its_refusals(document: dict[str, Any]) -> None:
    shared = document["components"]["responses"]
    for name, operation in _operations(document):
        refusals = {
            status: shared[response["$ref"].rpartition("/")[2]] if "$ref" in response else response
            for status, response in operation["responses"].items()
            if status[0] in "45"
        }
        needed = {"400", "406", "429", "500", "503"}
        needed |= {"401", "403"} if operation["security"] != [{}] else set()
        needed |= {"404"} if "{" in name else set()
        needed |= {"413", "415"} if "requestBody" in operation else set()
        assert needed <= set(refusals), (name, needed - set(refusals))
        for status, response in refusals.items():
            assert set(response["content"]) == {MEDIA_TYPE}, (name, status)
            slugs = re.findall(r"`([a-z-]+)`", response["description"])
            assert slugs, (name, status)
            assert {PROBLEMS[slug].status for slug in slugs} == {int(status)}, (name, status)


def _resolved(document: dict[str, Any], parameter: dict[str, Any]) -> dict[str, Any]:
    name = parameter.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = document["components"]["parameters"][name] if name else parameter
    return found


def _repeating() -> set[str]:
    """The operations that honour an ``Idempotency-Key``, as the views say."""
    return {
        f"POST {_path(route)}"
        for route in routes()
        if route.method == "POST"
        and route.permission is not PUBLIC
        and route.action not in route.view.never_repeated
    }


def test_what_repeats_and_what_changes_names_its_headers(document: dict[str, Any]) -> None:
    repeating = _repeating()
    for name, operation in _operations(document):
        headers = {
            found["name"]
            for found in (_resolved(document, one) for one in operation.get("parameters", ()))
            if found["in"] == "header"
        }
        repeats = name in repeating
        assert ("Idempotency-Key" in headers) == repeats, name
        replayed = [
            response
            for response in operation["responses"].values()
            if "Idempotency-Replayed" in response.get("headers", {})
        ]
        assert bool(replayed) == repeats, name
        assert not repeats or "422" in operation["responses"], name
        assert ("If-Match" in headers) == ("428" in operation["responses"]), name
        assert ("If-None-Match" in headers) == ("304" in operation["responses"]), name


def test_every_body_and_answer_in_json_has_an_example_that_fits_its_shape(
    document: dict[str, Any],
) -> None:
    shown = 0
    registry: Registry[Any] = Registry().with_resource(
        "urn:document", Resource.from_contents(document, default_specification=DRAFT202012)
    )
    for name, operation in _operations(document):
        for where, kind, content in _contents(operation):
            if kind != JSON:
                continue
            assert content.get("examples"), (name, where)
            schema = _absolute(content["schema"])
            validator = Draft202012Validator(
                schema,
                registry=registry,
                format_checker=Draft202012Validator.FORMAT_CHECKER,
            )
            for title, example in content["examples"].items():
                errors = [error.message for error in validator.iter_errors(example["value"])]
                assert errors == [], (name, where, title)
                shown += 1
    assert shown >= 90


def _absolute(part: Any) -> Any:
    """The same schema with references into the document."""
    if isinstance(part, dict):
        return {
            key: f"urn:document{value}" if key == "$ref" else _absolute(value)
            for key, value in part.items()
        }
    return [_absolute(item) for item in part] if isinstance(part, list) else part


def test_every_component_is_used(document: dict[str, Any]) -> None:
    told = FILE.read_text(encoding="utf-8")
    for kind, named in document["components"].items():
        if kind in {"securitySchemes", "responses"}:  # 405 answers what is not documented
            continue
        for name in named:
            assert f"'#/components/{kind}/{name}'" in told, (kind, name)
