"""Images as programs see them, and by what a list of them can be narrowed."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Final

import django_filters
from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.utils import (
    OpenApiExample,
    extend_schema_field,
    extend_schema_serializer,
)
from rest_framework import serializers

from config.api.errors import wrong_parameter
from config.api.filters import (
    FilterSet,
    KeyFilter,
    MomentFilter,
    TextFilter,
    TruthFilter,
    WholeNumberFilter,
)
from imaging.actions.images import MEASURED
from imaging.api.fields import ObjectField, RowSerializer, key_field
from imaging.api.parameters import ParametersField, priority_field
from imaging.models import AnalysisStatus, Image

# No picture is longer; a side that plain SQL stored as something else is no side.
_LONGEST_SIDE: Final = 10**9
_HASH: Final = re.compile(r"[0-9a-f]{6,64}")

_ID: Final = "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e10"
_AT: Final = "2026-11-21T14:05:00.123456Z"
EXAMPLE: Final[dict[str, Any]] = {
    "id": _ID,
    "user_id": "01936f00-0000-7000-8000-000000000001",
    "file_name": "gallery-wall.jpg",
    "file_size": 2481093,
    "mime_type": "image/jpeg",
    "file_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "image_dimensions": {"width": 4000, "height": 3000},
    "analysis_status": "completed",
    "uploaded_at": _AT,
    "processed_at": "2026-11-21T14:05:01.502113Z",
    "created_at": _AT,
    "updated_at": "2026-11-21T14:05:01.502113Z",
    "upload_count": 1,
    "is_duplicate": False,
    "duplicate_of_id": None,
    "duplicate_distance": None,
    "duplicate_detected_at": None,
    "duplicate_dismissed_at": None,
    "links": {
        "self": f"/api/v1/images/{_ID}/",
        "original": f"/api/v1/images/{_ID}/original/",
        "preview": f"/api/v1/images/{_ID}/preview/",
        "thumbnail": f"/api/v1/images/{_ID}/thumbnail/",
        "result": f"/api/v1/images/{_ID}/result/",
    },
}
_DETAIL: Final = EXAMPLE | {"metadata": {"format": "JPEG", "frames": 1, "room": "north hall"}}


class LinksSerializer(serializers.Serializer[Any]):
    """Where the rest of an image is, as paths on this host."""

    self = serializers.CharField()
    original = serializers.CharField()
    preview = serializers.CharField()
    thumbnail = serializers.CharField()
    result = serializers.CharField()


@extend_schema_serializer(examples=[OpenApiExample("Image", EXAMPLE, response_only=True)])
class ImageSerializer(RowSerializer[Image]):
    """An image, without what is noted of it."""

    user_id = key_field(help_text="Who handed it in first.")
    duplicate_of_id = key_field(
        allow_null=True, help_text="The oldest of the images that it looks like."
    )
    image_dimensions = ObjectField(read_only=True, help_text="`width` and `height`, upright.")
    analysis_status = serializers.ChoiceField(choices=AnalysisStatus.choices, read_only=True)
    duplicate_distance = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="In how many of 64 bits the two differ."
    )
    upload_count = serializers.IntegerField(
        read_only=True, help_text="How often the same bytes were handed in."
    )
    links = serializers.SerializerMethodField()

    class Meta:
        model = Image
        fields: tuple[str, ...] = (
            "id",
            "user_id",
            "file_name",
            "file_size",
            "mime_type",
            "file_hash",
            "image_dimensions",
            "analysis_status",
            "uploaded_at",
            "processed_at",
            "created_at",
            "updated_at",
            "upload_count",
            "is_duplicate",
            "duplicate_of_id",
            "duplicate_distance",
            "duplicate_detected_at",
            "duplicate_dismissed_at",
            "links",
        )
        read_only_fields = fields

    @extend_schema_field(LinksSerializer)
    def get_links(self, image: Image) -> dict[str, str]:
        """The addresses of the image's files and of its result."""
        own = address(image)
        parts = ("original", "preview", "thumbnail", "result")
        return {"self": own} | {part: f"{own}{part}/" for part in parts}


@extend_schema_serializer(examples=[OpenApiExample("Image", _DETAIL, response_only=True)])
class ImageDetailSerializer(ImageSerializer):
    """An image with what is noted of it."""

    metadata = ObjectField(
        read_only=True, help_text="What the upload found in the file, and what was noted since."
    )

    class Meta(ImageSerializer.Meta):
        fields = (*ImageSerializer.Meta.fields, "metadata")
        read_only_fields = fields


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "New",
            _DETAIL | {"analysis_status": "pending", "created": True, "job_id": _ID},
            response_only=True,
            status_codes=["201"],
        ),
        OpenApiExample(
            "The same bytes were there already",
            _DETAIL | {"upload_count": 2, "created": False, "job_id": None},
            response_only=True,
            status_codes=["200"],
        ),
    ]
)
class UploadedSerializer(ImageDetailSerializer):
    """What became of an upload."""

    created = serializers.BooleanField(
        read_only=True, help_text="False where the same bytes were there already."
    )
    job_id = serializers.UUIDField(
        read_only=True, allow_null=True, help_text="The analysis that was queued for a new image."
    )

    class Meta(ImageDetailSerializer.Meta):
        fields = (*ImageDetailSerializer.Meta.fields, "created", "job_id")
        read_only_fields = fields


class UploadSerializer(serializers.Serializer[Any]):
    """A file to be taken in."""

    file = serializers.FileField(allow_empty_file=True, help_text="The picture, as it is.")
    priority = priority_field()
    parameters = ParametersField(required=False)


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Note one fact, remove another",
            {"metadata": {"room": "north hall", "draft": None}},
            request_only=True,
        )
    ]
)
class ImageChangesSerializer(serializers.Serializer[Any]):
    """What is to be noted of an image."""

    metadata = ObjectField(
        help_text="Facts to note, by name; null removes one. What the upload measured stays: "
        + ", ".join(f"`{name}`" for name in sorted(MEASURED))
        + "."
    )

    def validate_metadata(self, value: Any) -> dict[str, Any]:
        """An object; what it may hold is the action's to say."""
        if not isinstance(value, dict):
            raise serializers.ValidationError("It must be a JSON object: the facts by name.")
        return value


@extend_schema_serializer(
    examples=[OpenApiExample("Near duplicate", {"duplicate_of_id": _ID}, request_only=True)]
)
class DuplicateOfSerializer(serializers.Serializer[Any]):
    """What an image is a near duplicate of."""

    duplicate_of_id = serializers.UUIDField()


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Alike", {"results": [{"distance": 2, "image": EXAMPLE}]}, response_only=True
        )
    ]
)
class AlikeListSerializer(serializers.Serializer[Any]):
    """Images that look alike, the nearest first."""

    class AlikeSerializer(serializers.Serializer[Any]):
        """One of them."""

        distance = serializers.IntegerField(help_text="In how many of 64 bits the hashes differ.")
        image = ImageSerializer()

    results = AlikeSerializer(many=True)


def address(image: Image) -> str:
    """The image's own address."""
    return reverse("image-detail", kwargs={"pk": image.pk})


class _SideFilter(WholeNumberFilter):
    """A side of the picture, in pixels; what is stored there and is no number matches nothing."""

    def __init__(self, side: str, *, least: bool) -> None:
        super().__init__(min_value=0, max_value=_LONGEST_SIDE)
        self.side, self.least = f"image_dimensions__{side}", least

    def filter(self, qs: QuerySet[Any], value: int | None) -> QuerySet[Any]:
        """JSON orders texts before numbers and truths after them: both bounds leave them out."""
        if value is None:
            return qs
        low, high = (value, _LONGEST_SIDE) if self.least else (0, value)
        return qs.filter(**{f"{self.side}__gte": int(low), f"{self.side}__lte": int(high)})


class ImageFilters(FilterSet):
    """Filters of the list of images."""

    status = django_filters.MultipleChoiceFilter(
        field_name="analysis_status",
        choices=AnalysisStatus.choices,
        distinct=False,
        help_text="May be given more than once.",
    )
    uploaded_by = KeyFilter(field_name="user_id", help_text="The key of a person.")
    uploaded_after = MomentFilter(field_name="uploaded_at", lookup_expr="gte")
    uploaded_before = MomentFilter(field_name="uploaded_at", lookup_expr="lt")
    mime_type = TextFilter(help_text="Such as `image/png`.")
    is_duplicate = TruthFilter(help_text="Whether it is marked as a near duplicate.")
    min_width = _SideFilter("width", least=True)
    max_width = _SideFilter("width", least=False)
    min_height = _SideFilter("height", least=True)
    max_height = _SideFilter("height", least=False)
    hash = TextFilter(
        method="with_hash",
        help_text="The SHA-256, or its first 6 or more digits.",
    )
    name = TextFilter(
        field_name="file_name", lookup_expr="icontains", help_text="Text within the file's name."
    )

    class Meta:
        model = Image
        fields: ClassVar[list[str]] = []

    def with_hash(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """By prefix, which the index of hashes answers."""
        if not _HASH.fullmatch(value.lower()):
            raise wrong_parameter(
                name, "It must be the first 6 to 64 hexadecimal digits of a SHA-256."
            )
        return rows.filter(file_hash__startswith=value.lower())
