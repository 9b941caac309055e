"""Every operation of the document, asked with whatever the document allows and forbids.

Schemathesis makes the requests and judges the answers: no fault, no status, type, header or shape
that the document does not name, nothing taken that it forbids. What it asks is rolled back, so
that each request meets the same rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import hypothesis
import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from django.db import transaction
from hypothesis import HealthCheck, Phase, strategies
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi import checks

from config.api.pages import schema as document
from tests.api.world import World

# Left out of schemathesis' own, each for its reason:
# - positive_data_acceptance: what has the right shape can still be refused for what it says (a
#   network that is none, a scope that nobody declared), with 400, 409, 410, 412 or 422;
# - missing_required_header, unsupported_method, allow_header_conformance: they judge the requests
#   of another phase; test_hostile_requests asks every address with every method and without
#   If-Match;
# - ignored_auth: it asks everything a second time; test_hostile_requests walks all as a stranger;
# - ensure_resource_availability, use_after_free, object_level_authorization: they judge sequences
#   of requests, while here each is rolled back.
CHECKS: Final = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
# Fields of bodies that name a row, and the rows that they name.
KEYS: Final = {
    "user": "people",
    "image_id": "images",
    "duplicate_of_id": "images",
    "collection_id": "collections",
    "annotation_id": "annotations",
    "dataset_id": "datasets",
    "file_id": "files",
    "map_id": "maps",
}
# Whatever a form carries as a file of text is one: nothing that can be sent is forbidden.
TAKES_ANY_TEXT: Final = frozenset({"POST /api/v1/files/"})
_FEW, _MANY = 5, 15

pytestmark = pytest.mark.usefixtures("connections_stay")


class Fuzzed:
    """The operations of the document, asked by one person."""

    def __init__(self, world: World, role: str) -> None:
        self.world, self.role = world, role
        self.schema: Any = schemathesis.openapi.from_dict(document())
        self.schema.app = get_wsgi_application()
        self.schema.config.generation.update(with_security_parameters=False)  # headers() has them
        self.failures: dict[str, str] = {}
        self.answers: dict[int, int] = {}

    def ask_everything(self, examples: int) -> dict[str, str]:
        """What was wrong, by operation and title, with the first example of each."""
        for found in self.schema.get_all_operations():
            operation = found.ok()
            modes = [GenerationMode.POSITIVE]
            if operation.label not in TAKES_ANY_TEXT:
                modes.append(GenerationMode.NEGATIVE)
            for mode in modes:
                self._ask(operation, mode, examples)
        return self.failures

    def _ask(self, operation: Any, mode: GenerationMode, examples: int) -> None:
        try:
            cases = operation.as_strategy(mode)
        except hypothesis.errors.Unsatisfiable:  # nothing that the document would forbid
            return

        @hypothesis.settings(
            max_examples=examples,
            database=None,
            derandomize=True,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @hypothesis.given(case=cases, known=strategies.integers(0, 3))
        def once(case: Case[Any], known: int) -> None:
            if known:
                self._name_known(case)
            for failure in self._judged(case, mode):
                name = f"{operation.label} [{mode.value}] {type(failure).__name__}"
                self.failures.setdefault(name, f"{failure}\n{case.as_curl_command()}")

        try:
            once()
        except hypothesis.errors.Unsatisfiable:
            return

    def _name_known(self, case: Case[Any]) -> None:
        """Most requests name rows that there are, in the state that they have.

        What was made to be forbidden stays as it is.
        """
        address = self.world.address(case.operation.path)
        parts = zip(case.operation.path.split("/"), address.split("/"), strict=True)
        known = {name.strip("{}"): value for name, value in parts if name.startswith("{")}
        if known and not _is_forbidden(case, ParameterLocation.PATH):
            case.path_parameters = known
        if "If-Match" in (case.headers or {}) and not _is_forbidden(case, ParameterLocation.HEADER):
            case.headers["If-Match"] = "*"
        if isinstance(case.body, dict) and not _is_forbidden(case, ParameterLocation.BODY):
            case.body |= {
                name: self.world.rows[rows] for name, rows in KEYS.items() if name in case.body
            }

    def _judged(self, case: Case[Any], mode: GenerationMode) -> Iterator[Failure]:
        before = transaction.savepoint()  # no atomic block: what is durable would refuse to run
        response = case.call(headers=self.world.headers(self.role))
        transaction.savepoint_rollback(before)
        self.answers[response.status_code] = self.answers.get(response.status_code, 0) + 1
        try:
            # What the document allows may be taken, however schemathesis came by it.
            judges = [*CHECKS, checks.negative_data_rejection] if mode.is_negative else CHECKS
            case.validate_response(response, checks=judges)
        except FailureGroup as group:
            for failure in group.exceptions:
                assert isinstance(failure, Failure)
                yield failure


def _is_forbidden(case: Case[Any], where: ParameterLocation) -> bool:
    """Whether this part of the request is one that the document does not allow."""
    part = case.meta.components.get(where) if case.meta else None
    return part is not None and part.mode.is_negative


def _told(failures: dict[str, str]) -> str:
    return "\n\n".join(f"{name}\n{text}" for name, text in failures.items())


@pytest.mark.parametrize("role", ["admin", "analyst"])
@pytest.mark.heavy
def test_no_request_is_answered_otherwise_than_the_document_says(world: World, role: str) -> None:
    fuzzed = Fuzzed(world, role)

    failures = fuzzed.ask_everything(_FEW)

    assert not failures, _told(failures)
    assert {200, 400, 404} <= fuzzed.answers.keys(), fuzzed.answers


@pytest.mark.heavy
@pytest.mark.timeout(600)
@pytest.mark.parametrize("role", ["admin", "analyst"])
def test_nor_are_thousands_of_requests(world: World, role: str) -> None:
    fuzzed = Fuzzed(world, role)

    failures = fuzzed.ask_everything(_MANY)

    assert not failures, _told(failures)
