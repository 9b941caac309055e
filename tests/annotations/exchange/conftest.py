"""People and annotated images."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.db import connection

from accounts.models import User
from annotations.actions import exchange
from annotations.models import Annotation
from database.actor import acting_as
from imaging.models import Image
from tests.annotations.making import make_annotation
from tests.factories import make_image, make_user

Export = Callable[..., bytes]
TakeIn = Callable[..., exchange.Imported]


def forget_boxes() -> None:
    """Delete all annotations; what hangs on them goes by the database's own rules."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM annotations")


@pytest.fixture
def admin(db: None) -> User:
    return make_user("admin")


@pytest.fixture
def analyst(db: None) -> User:
    return make_user("analyst")


@pytest.fixture
def images(analyst: User) -> Sequence[Image]:
    """Two images with boxes, one of them reviewed; one without."""
    first, second, empty = (
        make_image(user=analyst, file_name=name)
        for name in ("first.jpg", "second.jpg", "empty.jpg")
    )
    make_annotation(image=first, label="robin")
    make_annotation(image=first, label="=wren", user=analyst, vision_generated=False)
    decided = make_annotation(image=second, label="gull")
    Annotation.objects.filter(pk=decided.pk).update(
        review_status="rejected",
        review_stage="final",
        reviewed_by=analyst,
        reviewed_at="2026-11-21T10:00:00Z",
        rejection_reason="wrong_box",
        notes="too large,\nby far",
    )
    return first, second, empty


@pytest.fixture
def export(admin: User) -> Export:
    """Export as the admin, as a command does; returns the bytes."""

    def run(kind: str, by: User = admin, **conditions: Any) -> bytes:
        output = io.BytesIO()
        with acting_as(by.pk):
            exchange.export(exchange.Selection(**conditions), kind=kind, output=output, by=by)
        return output.getvalue()

    return run


@pytest.fixture
def take_in(admin: User) -> TakeIn:
    """Import as the admin."""

    def run(kind: str, data: bytes, by: User = admin, **options: Any) -> exchange.Imported:
        with acting_as(by.pk):
            return exchange.take_in(
                io.BytesIO(data),
                kind=kind,
                name=f"file.{kind}",
                by=by,
                options=exchange.Options(**options),
            )

    return run
