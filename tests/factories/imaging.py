"""Images, results and jobs, as rows alone: no file lies behind them."""

from __future__ import annotations

import hashlib
import itertools
from typing import Any

from imaging.models import AnalysisResult, Image, ProcessingJob
from tests.factories.accounts import make_user

_numbers = itertools.count(1)


def make_image(**fields: Any) -> Image:
    """A pending image of 640 by 480 pixels."""
    number = next(_numbers)
    digest = hashlib.sha256(f"image {number}".encode()).hexdigest()
    values = {
        "file_name": f"image-{number}.jpg",
        "file_path": f"originals/{digest}.jpg",
        "file_size": 1000 + number,
        "mime_type": "image/jpeg",
        "file_hash": digest,
        "image_dimensions": {"width": 640, "height": 480},
    }
    if "user" not in fields:
        fields["user"] = make_user()
    return Image.objects.create(**(values | fields))


def make_result(**fields: Any) -> AnalysisResult:
    """A result with a few findings."""
    if "image" not in fields:
        fields["image"] = make_image()
    values = {
        "user": fields["image"].user,
        "algorithm_version": "ns-1",
        "algorithm_parameters": {"method": "mbd"},
        "algorithm_fingerprint": "f" * 64,
        "negative_space_data": {"void_ratio": 0.5},
        "anomalies": [],
        "confidence_score": "0.9000",
        "processing_time_ms": 120,
    }
    return AnalysisResult.objects.create(**(values | fields))


def make_job(**fields: Any) -> ProcessingJob:
    """A queued job."""
    if "image" not in fields:
        fields["image"] = make_image()
    return ProcessingJob.objects.create(**({"user": fields["image"].user} | fields))
