"""Annotations: making, finding, changing, deciding, taking back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Final
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.asked import caller_of, checked
from annotations.actions import deciding, editing
from annotations.actions.deciding import Verdict
from annotations.api.declared import READ, REVIEW, WRITE
from annotations.api.rows import (
    AnnotationFilters,
    AnnotationSerializer,
    AtVersionSerializer,
    ChangesSerializer,
    DecidedSerializer,
    NewAnnotationSerializer,
    RestoreSerializer,
    VerdictSerializer,
    VersionSerializer,
)
from annotations.errors import LabelRefused
from annotations.models import Annotation, AnnotationHistory, Decision
from config.api import preconditions
from config.api.views import Listed, Retrieved, RowViewSet
from imaging.models import Image

VIEW: Final = "annotations.view_annotation"
_CHANGE: Final = "annotations.change_annotation"
_REVIEW: Final = "annotations.review_annotation"


@contextmanager
def labels_by_name() -> Iterator[None]:
    """A label that is refused is told as the field it came in."""
    try:
        yield
    except LabelRefused as error:
        raise ValidationError({"label": [str(error)]}) from None


class AnnotationViewSet(Listed, Retrieved, RowViewSet):
    """What is in the images, as providers and people say."""

    tag = "Annotations"
    queryset = Annotation.objects.all()
    serializer_class = AnnotationSerializer
    filterset_class = AnnotationFilters
    orders: ClassVar[Mapping[str, Sequence[str]]] = {
        "newest": ("-created_at", "-pk"),
        "oldest": ("created_at", "pk"),
        "least_certain": ("review_rank", "pk"),
    }
    permission: ClassVar[Mapping[str, str]] = {
        "list": VIEW,
        "retrieve": VIEW,
        "create": "annotations.add_annotation",
        "partial_update": _CHANGE,
        "destroy": "annotations.delete_annotation",
        "decide": _REVIEW,
        "reopen": _REVIEW,
        "restore": _CHANGE,
    }
    scope: ClassVar[Mapping[str, str]] = {
        "list": READ,
        "retrieve": READ,
        "create": WRITE,
        "partial_update": WRITE,
        "destroy": WRITE,
        "decide": REVIEW,
        "reopen": REVIEW,
        "restore": WRITE,
    }

    def etag(self, row: Any) -> str:
        """The version, and what is learnt of an annotation without changing it."""
        learnt = (row.calibrated_confidence, row.quality_score)
        return preconditions.etag_of(row, row.version, row.collection_id, row.ai_job_id, *learnt)

    @extend_schema(request=NewAnnotationSerializer, responses={201: AnnotationSerializer})
    def create(self, request: Request) -> Response:
        """Mark something in an image; it waits for review as what AI proposes does."""
        values = checked(NewAnnotationSerializer(data=request.data))
        image = Image.objects.filter(pk=values["image_id"]).first()
        if image is None:
            raise ValidationError({"image_id": ["There is no image with this id."]})
        with labels_by_name():
            made = editing.make(
                image,
                values["bounding_box"],
                label=values["label"],
                notes=values["notes"],
                by=caller_of(request),
            )
        return self.made(self.get_queryset().get(pk=made.pk), "annotation-detail")

    @extend_schema(request=ChangesSerializer, responses=AnnotationSerializer)
    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Change the label, the box or the notes.

        With another label or box, a decision on it falls: it is reviewed anew.
        """
        with self.changing() as row:
            values = checked(ChangesSerializer(data=request.data))
            with labels_by_name():
                editing.change(
                    row,
                    label=values.get("label"),
                    box=values.get("bounding_box"),
                    notes=values.get("notes"),
                    by=caller_of(request),
                )
        return self.changed(row)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: UUID) -> Response:
        """Remove an annotation; its versions stay in the history."""
        with self.changing() as row:
            editing.remove(row, by=caller_of(request))
        return Response(status=204)

    @extend_schema(request=VerdictSerializer, responses=DecidedSerializer)
    @action(detail=True, methods=["post"])
    def decide(self, request: Request, pk: UUID) -> Response:
        """Approve or reject it at the stage it stands at, with the reviewer's own edits.

        The version is the one that was looked at: where it is not the present one, the answer is
        409 `changed-meanwhile`; while another reviewer has it open, 409 `held-by-other`; at the
        stage after one's own, 409 `reviewed-before`. Nothing is stored then.
        """
        annotation = self.get_object()
        values = checked(VerdictSerializer(data=request.data))
        verdict = Verdict(
            decision=Decision(values["decision"]),
            version=values["version"],
            label=values.get("label"),
            box=values.get("bounding_box"),
            reason=values.get("reason", ""),
            comment=values["comment"],
            duration_ms=values.get("duration_ms"),
        )
        with labels_by_name():
            deciding.decide(annotation.pk, verdict, by=caller_of(request))
        return self.changed(annotation)

    @extend_schema(request=AtVersionSerializer, responses=AnnotationSerializer)
    @action(detail=True, methods=["post"])
    def reopen(self, request: Request, pk: UUID) -> Response:
        """Have a decided annotation reviewed anew, from its first stage."""
        annotation = self.get_object()
        version: int = checked(AtVersionSerializer(data=request.data))["version"]
        deciding.reopen(annotation.pk, by=caller_of(request), version=version)
        return self.changed(annotation)

    @extend_schema(request=RestoreSerializer, responses=AnnotationSerializer)
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, pk: UUID) -> Response:
        """Say again what an earlier version said; that is a new version, and is reviewed anew."""
        annotation = self.get_object()
        values = checked(RestoreSerializer(data=request.data))
        deciding.restore(
            annotation.pk, values["to_version"], by=caller_of(request), version=values["version"]
        )
        return self.changed(annotation)


class VersionViewSet(Listed, RowViewSet):
    """The earlier versions of one annotation, also of one that was removed."""

    tag = "Annotations"
    queryset = AnnotationHistory.objects.all()
    serializer_class = VersionSerializer
    orders: ClassVar[Mapping[str, Sequence[str]]] = {
        "newest": ("-version", "-pk"),
        "oldest": ("version", "pk"),
    }
    permission = VIEW
    scope = READ

    def get_queryset(self) -> QuerySet[AnnotationHistory]:
        """Those of the annotation in the address."""
        rows = AnnotationHistory.objects.all()
        key = self.kwargs.get("annotation_id")
        return rows.filter(annotation_id=key) if key else rows.none()
