"""Images: handing in, finding, describing, settling, and their files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet
from django.http import Http404, HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.asked import caller_of, checked
from config.api.parsers import MultiPartParser
from config.api.permissions import action_of
from config.api.views import Listed, Retrieved, RowViewSet
from imaging.actions import images
from imaging.api import files, uploads
from imaging.api.declared import READ_IMAGES, READ_RESULTS, WRITE_IMAGES
from imaging.api.image_rows import (
    AlikeListSerializer,
    DuplicateOfSerializer,
    ImageChangesSerializer,
    ImageDetailSerializer,
    ImageFilters,
    ImageSerializer,
    UploadedSerializer,
    UploadSerializer,
    address,
)
from imaging.api.result_rows import ResultDetailSerializer
from imaging.api.results import result_answer
from imaging.errors import MetadataRefused
from imaging.limits import SizeLimit
from imaging.models import AnalysisResult, Image

_VIEW: Final = "imaging.view_image"
_CHANGE: Final = "imaging.change_image"
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_FARTHEST: Final = 16
_MOST_ALIKE: Final = 200


class _AlikeQuery(serializers.Serializer[Any]):
    max_distance = serializers.IntegerField(min_value=0, max_value=_FARTHEST, default=3)
    limit = serializers.IntegerField(min_value=1, max_value=_MOST_ALIKE, default=50)


def _file_schema(*kinds: str) -> dict[Any, Any]:
    return {(200, kind): OpenApiTypes.BINARY for kind in kinds} | {
        304: OpenApiResponse(description="Unchanged.")
    }


class ImageViewSet(Listed, Retrieved, RowViewSet):
    """Images as they were handed in; the same bytes are one image."""

    tag = "Images"
    queryset = Image.objects.all()
    serializer_class = ImageDetailSerializer
    filterset_class = ImageFilters
    orders: ClassVar[Mapping[str, Sequence[str]]] = {
        "newest": ("-created_at", "-pk"),
        "oldest": ("created_at", "pk"),
        "name": ("file_name", "pk"),
        "largest": ("-file_size", "-pk"),
        "smallest": ("file_size", "pk"),
    }
    query_parameters: ClassVar[Mapping[str, Sequence[str]]] = {
        "near_duplicates": ("max_distance", "limit")
    }
    permission: ClassVar[Mapping[str, str]] = {
        "list": _VIEW,
        "retrieve": _VIEW,
        "by_hash": _VIEW,
        "near_duplicates": _VIEW,
        "original": _VIEW,
        "preview": _VIEW,
        "thumbnail": _VIEW,
        "result": "imaging.view_analysisresult",
        "create": "imaging.add_image",
        "partial_update": _CHANGE,
        "archive": _CHANGE,
        "dismiss_duplicate": _CHANGE,
        "mark_duplicate": _CHANGE,
    }
    scope: ClassVar[Mapping[str, str]] = {
        "list": READ_IMAGES,
        "retrieve": READ_IMAGES,
        "by_hash": READ_IMAGES,
        "near_duplicates": READ_IMAGES,
        "original": READ_IMAGES,
        "preview": READ_IMAGES,
        "thumbnail": READ_IMAGES,
        "result": READ_RESULTS,
        "create": WRITE_IMAGES,
        "partial_update": WRITE_IMAGES,
        "archive": WRITE_IMAGES,
        "dismiss_duplicate": WRITE_IMAGES,
        "mark_duplicate": WRITE_IMAGES,
    }

    # --- Reading --------------------------------------------------------------------------------

    def get_queryset(self) -> QuerySet[Image]:
        """Every image that the database shows the caller; a list leaves out what is noted."""
        rows = Image.objects.all()
        return rows.defer("metadata") if self.current_action() == "list" else rows

    def get_serializer_class(self) -> type[ImageSerializer]:
        """A list leaves out what is noted."""
        return ImageSerializer if self.current_action() == "list" else ImageDetailSerializer

    @extend_schema(responses=ImageDetailSerializer)
    @action(detail=False, url_path="by-hash/<str:file_hash>", url_name="by-hash")
    def by_hash(self, request: Request, file_hash: str) -> Response:
        """The image with these bytes, by their SHA-256: whether a file needs to be uploaded."""
        whole = _HASH.fullmatch(file_hash.lower())
        image = self.get_queryset().filter(file_hash=whole[0]).first() if whole else None
        if image is None:
            raise Http404
        response = self.shown(image)
        response["Content-Location"] = address(image)
        return response

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "max_distance",
                {"type": "integer", "minimum": 0, "maximum": _FARTHEST, "default": 3},
                description="In how many of 64 bits the hashes may differ. Up to 3 are found by"
                " index; for more, every image is compared.",
            ),
            OpenApiParameter(
                "limit", {"type": "integer", "minimum": 1, "maximum": _MOST_ALIKE, "default": 50}
            ),
        ],
        responses=AlikeListSerializer,
    )
    @action(detail=True, url_path="near-duplicates")
    def near_duplicates(self, request: Request, pk: UUID) -> Response:
        """Images that look like this one, marked as such or not; the nearest first."""
        image = self.get_object()
        asked = _AlikeQuery(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        near = _alike(image, **asked.validated_data)
        found = Image.objects.defer("metadata").in_bulk(list(near))
        shown = ImageSerializer(context=self.get_serializer_context())
        results = [
            {"distance": distance, "image": shown.to_representation(found[key])}
            for key, distance in near.items()
            if key in found
        ]
        return Response({"results": results})

    @extend_schema(responses=ResultDetailSerializer)
    @action(detail=True)
    def result(self, request: Request, pk: UUID) -> Response:
        """The result in force of this image; that it was read is noted in the audit log."""
        result = AnalysisResult.objects.filter(image_id=pk).first()
        if result is None:
            raise Http404
        return result_answer(request, result)

    # --- Files ----------------------------------------------------------------------------------

    @extend_schema(responses=_file_schema(*files.PICTURES, files.BYTES))
    @action(detail=True, renderer_classes=[files.FileRenderer])
    def original(self, request: Request, pk: UUID) -> HttpResponseBase:
        """The file as it was handed in, as a download."""
        return files.original(request, self.get_object())

    @extend_schema(responses=_file_schema(files.WEBP))
    @action(detail=True, renderer_classes=[files.FileRenderer])
    def preview(self, request: Request, pk: UUID) -> HttpResponseBase:
        """The picture, upright, at most 1600 pixels."""
        return files.small(request, self.get_object(), "preview")

    @extend_schema(responses=_file_schema(files.WEBP))
    @action(detail=True, renderer_classes=[files.FileRenderer])
    def thumbnail(self, request: Request, pk: UUID) -> HttpResponseBase:
        """The picture, upright, at most 256 pixels."""
        return files.small(request, self.get_object(), "thumbnail")

    # --- Handing in -----------------------------------------------------------------------------

    def initialize_request(self, request: Any, *args: Any, **kwargs: Any) -> Request:
        """The limit of a file's size is in place before anything reads the request's body."""
        self.size_limit = SizeLimit(alone=True)
        if request.method == "POST":
            request.upload_handlers.insert(0, self.size_limit)
        made: Request = super().initialize_request(request, *args, **kwargs)
        return made

    def get_parsers(self) -> list[BaseParser]:
        """Files are taken by the upload alone."""
        named = getattr(self, "action", None) or action_of(self, self.request.method or "")
        return [MultiPartParser()] if named == "create" else super().get_parsers()

    @extend_schema(
        request={"multipart/form-data": UploadSerializer},
        responses={201: UploadedSerializer, 200: UploadedSerializer},
    )
    def create(self, request: Request) -> Response:
        """Hand in a file, have it stored and analysed.

        201 for a new image; 200, with the image's address, for bytes that are there already.
        Problems: `file-too-large`, `file-type-refused`, `file-unreadable`, `storage-failed`.
        """
        upload = uploads.take(request, self.size_limit)
        image = self.get_queryset().get(pk=upload.image.pk)
        status, header = (201, "Location") if upload.created else (200, "Content-Location")
        response = self.shown(image, status=status)
        response[header] = address(image)
        job_id = str(upload.job.pk) if upload.job else None
        response.data = {**response.data, "created": upload.created, "job_id": job_id}
        return response

    # --- Changing -------------------------------------------------------------------------------

    @extend_schema(request=ImageChangesSerializer, responses=ImageDetailSerializer)
    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Note facts about the image beside its file."""
        with self.changing() as image:
            values = checked(ImageChangesSerializer(data=request.data))
            try:
                images.change_metadata(image.pk, values["metadata"], by=caller_of(request))
            except MetadataRefused as refused:
                place = f"metadata.{refused.key}" if refused.key else "metadata"
                raise ValidationError({place[:220]: [refused.reason]}) from None
        return self.changed(image)

    @extend_schema(request=None, responses=ImageDetailSerializer)
    @action(detail=True, methods=["post"])
    def archive(self, request: Request, pk: UUID) -> Response:
        """Put the image away for good: its results stay, its waiting jobs are cancelled."""
        return self.changed(images.archive(self.get_object().pk, by=caller_of(request)))

    @extend_schema(request=None, responses=ImageDetailSerializer)
    @action(detail=True, methods=["post"], url_path="dismiss-duplicate")
    def dismiss_duplicate(self, request: Request, pk: UUID) -> Response:
        """Say that the image only looks like another; it is not marked again by itself."""
        return self.changed(images.not_a_duplicate(self.get_object().pk, by=caller_of(request)))

    @extend_schema(request=DuplicateOfSerializer, responses=ImageDetailSerializer)
    @action(detail=True, methods=["post"], url_path="mark-duplicate")
    def mark_duplicate(self, request: Request, pk: UUID) -> Response:
        """Say that the image is a near duplicate of another."""
        image = self.get_object()
        of: UUID = checked(DuplicateOfSerializer(data=request.data))["duplicate_of_id"]
        if not Image.objects.filter(pk=of).exists():
            raise ValidationError({"duplicate_of_id": ["There is no image with this id."]})
        return self.changed(images.mark_duplicate(image.pk, of=of, by=caller_of(request)))


def _alike(image: Image, *, max_distance: int, limit: int) -> dict[UUID, int]:
    """Keys of images and their distance from this one, the nearest first."""
    if image.perceptual_hash is None:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT image_id, distance FROM find_near_duplicates(%s, %s)"
            " WHERE image_id <> %s ORDER BY distance, image_id LIMIT %s",
            [image.perceptual_hash, max_distance, image.pk, limit],
        )
        return dict(cursor.fetchall())
