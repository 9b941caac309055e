"""People who are logged in, and images that went through analysis."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from imaging import handlers
from imaging.models import Image, ProcessingJob
from tests.factories import make_user
from tests.imaging.conftest import Receive

ClientFor = Callable[[str], Client]
Analyse = Callable[[ProcessingJob], None]

ROLES = ("admin", "moderator", "analyst", "viewer")


@pytest.fixture
def client_for(db: None) -> ClientFor:
    """Makes a person of the role and a client logged in as them."""

    def make(role: str) -> Client:
        client = Client()
        client.force_login(make_user(role))
        return client

    return make


def run_job(job: ProcessingJob) -> None:
    """Take a queued job as a worker would, in this process, and mark it done."""
    ProcessingJob.objects.filter(pk=job.pk).update(
        status="processing", attempt=job.attempt + 1, started_at=timezone.now()
    )
    handlers.analyse(ProcessingJob.objects.get(pk=job.pk))
    ProcessingJob.objects.filter(pk=job.pk).update(status="completed", completed_at=timezone.now())


@pytest.fixture
def analyse(db: None) -> Analyse:
    """Run a queued job."""
    return run_job


@pytest.fixture
def analysed(receive: Receive, analyse: Analyse) -> Image:
    """An image with its files, its result and its layers."""
    upload = receive()
    assert upload.job is not None
    analyse(upload.job)
    return Image.objects.get(pk=upload.image.pk)


@pytest.fixture
def failed_job(receive: Receive) -> ProcessingJob:
    """A job that failed for good, of an image that is in."""
    upload = receive(name="broken.jpg")
    assert upload.job is not None
    job = upload.job
    ProcessingJob.objects.filter(pk=job.pk).update(status="processing", started_at=timezone.now())
    ProcessingJob.objects.filter(pk=job.pk).update(
        status="failed",
        error_message="broken.jpg: the stored file is gone.",
        last_error_at=timezone.now(),
        completed_at=timezone.now(),
    )
    job.refresh_from_db()
    return job
