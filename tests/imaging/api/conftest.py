"""People and programs that ask, and images that went through analysis."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from accounts.models import User
from imaging.models import AnalysisCacheEntry, AnalysisResult, Image, ProcessingJob
from tests.accounts.api_keys.keys import make_key
from tests.factories import make_image, make_job, make_result, make_user
from tests.imaging.admin.conftest import run_job
from tests.imaging.conftest import Receive

ROLES: Final = ("admin", "moderator", "analyst", "viewer", "api_user")


class Caller:
    """Somebody who asks the API: a person in their browser, or a program with a key."""

    def __init__(self, user: User | None, *, scopes: list[str] | None = None) -> None:
        self.user = user
        self.client = Client()
        self.headers: dict[str, str] = {}
        if user is None:
            return
        if scopes is None:
            self.client.force_login(user)
        else:
            key = make_key(user, scopes=scopes)
            self.headers["Authorization"] = f"Api-Key {key.secret}"

    def get(self, path: str, query: Any = None, **headers: str) -> Any:
        """The answer to reading."""
        return self.client.get(path, query or {}, headers=self._with(headers))

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        """The answer to an order."""
        return self._send("post", path, body, headers)

    def patch(self, path: str, body: Any, **headers: str) -> Any:
        """The answer to a change."""
        return self._send("patch", path, body, headers)

    def put(self, path: str, body: Any, **headers: str) -> Any:
        """The answer to a replacement."""
        return self._send("put", path, body, headers)

    def upload(self, data: bytes, name: str = "disc.jpg", *, key: str = "", **fields: Any) -> Any:
        """The answer to handing in a file."""
        form = {"file": SimpleUploadedFile(name, data), **fields}
        headers = self._with({"Idempotency_Key": key} if key else {})
        return self.client.post("/api/v1/images/", form, headers=headers)

    def _with(self, headers: dict[str, str]) -> dict[str, str]:
        return self.headers | {name.replace("_", "-"): value for name, value in headers.items()}

    def _send(self, verb: str, path: str, body: Any, headers: dict[str, str]) -> Any:
        sent = body if isinstance(body, str | bytes) else json.dumps(body or {})
        ask = getattr(self.client, verb)
        return ask(path, sent, content_type="application/json", headers=self._with(headers))


CallerOf = Callable[..., Caller]


@pytest.fixture
def caller(db: None) -> CallerOf:
    """Makes a person of the role who asks; with ``scopes``, by a key."""

    def make(role: str = "analyst", *, scopes: list[str] | None = None) -> Caller:
        return Caller(make_user(role), scopes=scopes)

    return make


@pytest.fixture
def analysed(receive: Receive) -> Image:
    """An image with its files, its result and its layers."""
    upload = receive()
    assert upload.job is not None
    run_job(upload.job)
    return Image.objects.get(pk=upload.image.pk)


@pytest.fixture
def failed_job(receive: Receive) -> ProcessingJob:
    """A job that failed for good, of an image that is in."""
    job = receive(name="broken.jpg").job
    assert job is not None
    fail(job, "broken.jpg: the stored file is gone.")
    return job


def fail(job: ProcessingJob, reason: str) -> None:
    """Let a job end badly, as a worker would."""
    ProcessingJob.objects.filter(pk=job.pk).update(status="processing", started_at=timezone.now())
    ProcessingJob.objects.filter(pk=job.pk).update(
        status="failed",
        error_message=reason,
        last_error_at=timezone.now(),
        completed_at=timezone.now(),
    )
    job.refresh_from_db()


def problem(answer: Any, status: int, slug: str) -> dict[str, Any]:
    """The problem document of the answer, which must be of this kind."""
    told: dict[str, Any] = answer.json()
    assert (answer.status_code, told.get("type")) == (status, f"/api/problems/{slug}"), told
    assert answer["Content-Type"].startswith("application/problem+json")
    return told


def wrong_fields(answer: Any) -> set[str]:
    """The fields that the answer names as wrong."""
    return {error["field"] for error in problem(answer, 400, "invalid-input")["errors"]}


@pytest.fixture
def rows_of_every_kind(db: None) -> Callable[[int], None]:
    """Makes so many rows of each table and report."""

    def make(count: int) -> None:
        for number in range(count):
            image = make_image(is_duplicate=True, upload_count=2, metadata={"number": number})
            result = make_result(image=image, anomalies=[{"code": "blurred", "severity": "info"}])
            AnalysisResult.objects.filter(pk=result.pk).update(confidence_score="0.4000")
            make_job(image=image)
            AnalysisCacheEntry.objects.create(
                cache_key=f"{image.file_hash}:f",
                image=image,
                algorithm_fingerprint="f",
                cached_result={},
            )

    return make
