"""Annotations as programs see them, and by what a list of them can be narrowed."""

from __future__ import annotations

from typing import Any, ClassVar, Final

import django_filters
from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from annotations import comments
from annotations.actions.editing import LONGEST_NOTES
from annotations.api.fields import EXAMPLE_BOX, BoxField, label_field
from annotations.errors import CommentRefused
from annotations.models import (
    Annotation,
    AnnotationHistory,
    Decision,
    RejectionReason,
    ReviewStage,
    ReviewStatus,
)
from config.api.filters import FilterSet, KeyFilter, MomentFilter, NumberFilter, TruthFilter
from imaging.api.fields import RowSerializer, key_field, share_field

ID: Final = "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e20"
IMAGE: Final = "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e10"
PERSON: Final = "01936f00-0000-7000-8000-000000000001"
COLLECTION: Final = "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e30"
AT: Final = "2026-11-21T14:05:00.123456Z"
EXAMPLE: Final[dict[str, Any]] = {
    "id": ID,
    "image_id": IMAGE,
    "collection_id": COLLECTION,
    "user_id": PERSON,
    "label": "robin",
    "bounding_box": EXAMPLE_BOX,
    "notes": "",
    "vision_generated": True,
    "vision_confidence": 0.81,
    "calibrated_confidence": 0.74,
    "vision_provider": "local",
    "vision_model": "birds-3",
    "quality_score": None,
    "review_status": "pending",
    "review_stage": "final",
    "reviewed_by_id": None,
    "reviewed_at": None,
    "rejection_reason": "",
    "ai_job_id": "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e40",
    "version": 1,
    "created_at": AT,
    "updated_at": AT,
}
_DECIDED: Final = EXAMPLE | {
    "review_status": "approved",
    "reviewed_by_id": PERSON,
    "reviewed_at": "2026-11-21T14:09:11.502113Z",
    "version": 2,
    "updated_at": "2026-11-21T14:09:11.502113Z",
}


def example(name: str, values: dict[str, Any], *, asked: bool = False) -> Any:
    """A decorator: shows the values in the documentation, as an answer or as what is asked."""
    shown = OpenApiExample(name, values, request_only=asked, response_only=not asked)
    return extend_schema_serializer(examples=[shown])


@example("Annotation", EXAMPLE)
class AnnotationSerializer(RowSerializer[Annotation]):
    """A box in an image with a label, by a person or by an AI provider."""

    image_id = key_field()
    collection_id = key_field(allow_null=True)
    user_id = key_field(allow_null=True, help_text="Who made it, or had the provider asked.")
    bounding_box = BoxField(read_only=True)
    vision_generated = serializers.BooleanField(read_only=True, help_text="Whether by AI.")
    vision_confidence = share_field(help_text="What the provider said.")
    calibrated_confidence = share_field(help_text="What that has meant so far.")
    quality_score = share_field()
    review_status = serializers.ChoiceField(choices=ReviewStatus.choices, read_only=True)
    review_stage = serializers.ChoiceField(
        choices=ReviewStage.choices, read_only=True, help_text="Which decision it waits for."
    )
    reviewed_by_id = key_field(allow_null=True)
    rejection_reason = serializers.ChoiceField(
        choices=RejectionReason.choices, read_only=True, allow_blank=True
    )
    ai_job_id = key_field(allow_null=True)
    version = serializers.IntegerField(
        read_only=True, help_text="Counts the changes; a decision names it."
    )

    class Meta:
        model = Annotation
        fields: tuple[str, ...] = tuple(EXAMPLE)
        read_only_fields = fields


@extend_schema_serializer(
    component_name="DecidedAnnotation",
    examples=[OpenApiExample("Decided", _DECIDED, response_only=True)],
)
class DecidedSerializer(AnnotationSerializer):
    """An annotation as it stands after a decision."""


@example(
    "A robin",
    {"image_id": IMAGE, "label": "robin", "bounding_box": EXAMPLE_BOX, "notes": "behind the twig"},
    asked=True,
)
class NewAnnotationSerializer(serializers.Serializer[Any]):
    """Something to be marked in an image."""

    image_id = serializers.UUIDField()
    bounding_box = BoxField()
    label = label_field(default="")  # type: ignore[assignment] # a field of this name
    notes = serializers.CharField(max_length=LONGEST_NOTES, allow_blank=True, default="")


@example("It is a redstart", {"label": "redstart"}, asked=True)
class ChangesSerializer(serializers.Serializer[Any]):
    """What is to be said instead; what is left out stays."""

    label = label_field(required=False)  # type: ignore[assignment] # a field of this name
    bounding_box = BoxField(required=False)
    notes = serializers.CharField(max_length=LONGEST_NOTES, allow_blank=True, required=False)


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Approve",
            {"decision": "approved", "version": 1, "label": "redstart", "duration_ms": 2100},
            request_only=True,
        ),
        OpenApiExample(
            "Reject",
            {"decision": "rejected", "version": 1, "reason": "wrong_label"},
            request_only=True,
        ),
    ]
)
class VerdictSerializer(serializers.Serializer[Any]):
    """What a reviewer says of one annotation, with their own edits."""

    decision = serializers.ChoiceField(choices=[Decision.APPROVED, Decision.REJECTED])
    version = serializers.IntegerField(min_value=1, help_text="The one that was looked at.")
    reason = serializers.ChoiceField(
        choices=RejectionReason.choices, required=False, help_text="Of a rejection; it needs one."
    )
    comment = serializers.CharField(
        max_length=comments.LONGEST,
        allow_blank=True,
        default="",
        help_text="Plain text, kept with the decision.",
    )
    label = label_field(required=False, help_text="As it should be; left out: as it is.")  # type: ignore[assignment] # a field of this name
    bounding_box = BoxField(required=False)
    duration_ms = serializers.IntegerField(
        min_value=0, max_value=2**31 - 1, required=False, help_text="From showing to deciding."
    )

    def validate_comment(self, comment: str) -> str:
        """Plain text, its lines kept."""
        try:
            return comments.clean(comment)
        except CommentRefused as error:
            raise serializers.ValidationError(str(error)) from None

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A rejection has a reason, an approval none."""
        rejects = attrs["decision"] == Decision.REJECTED
        if rejects and "reason" not in attrs:
            words = ", ".join(RejectionReason.values)
            raise serializers.ValidationError({"reason": [f"A rejection has a reason: {words}."]})
        if not rejects and "reason" in attrs:
            raise serializers.ValidationError({"reason": ["An approval has no reason."]})
        return attrs


@example("Version", {"version": 2}, asked=True)
class AtVersionSerializer(serializers.Serializer[Any]):
    """Which version is meant."""

    version = serializers.IntegerField(min_value=1, help_text="The present one.")


@example("Back to the first", {"version": 3, "to_version": 1}, asked=True)
class RestoreSerializer(AtVersionSerializer):
    """Which version is to be said again."""

    to_version = serializers.IntegerField(min_value=1, help_text="An earlier one.")


@example(
    "Earlier version",
    {
        "id": "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e21",
        "annotation_id": ID,
        "version": 1,
        "image_id": IMAGE,
        "label": "robin",
        "bounding_box": EXAMPLE_BOX,
        "notes": "",
        "review_status": "pending",
        "review_stage": "final",
        "reviewed_by_id": None,
        "reviewed_at": None,
        "rejection_reason": "",
        "is_deleted": False,
        "changed_by_id": PERSON,
        "changed_at": "2026-11-21T14:09:11.502113Z",
        "reason": "approved",
    },
)
class VersionSerializer(RowSerializer[AnnotationHistory]):
    """An annotation as it was before a change."""

    bounding_box = BoxField(read_only=True)
    changed_by_id = key_field(allow_null=True, help_text="Who replaced this version.")

    class Meta:
        model = AnnotationHistory
        fields = (
            "id",
            "annotation_id",
            "version",
            "image_id",
            "label",
            "bounding_box",
            "notes",
            "review_status",
            "review_stage",
            "reviewed_by_id",
            "reviewed_at",
            "rejection_reason",
            "is_deleted",
            "changed_by_id",
            "changed_at",
            "reason",
        )
        read_only_fields = fields


class AnnotationFilters(FilterSet):
    """Filters of the list of annotations."""

    status = django_filters.MultipleChoiceFilter(
        field_name="review_status",
        choices=ReviewStatus.choices,
        distinct=False,
        help_text="May be given more than once.",
    )
    stage = django_filters.ChoiceFilter(field_name="review_stage", choices=ReviewStage.choices)
    image_id = KeyFilter()
    collection_id = KeyFilter()
    ai_job_id = KeyFilter()
    made_by = KeyFilter(field_name="user_id", help_text="The key of a person.")
    reviewed_by = KeyFilter(field_name="reviewed_by_id", help_text="The key of a person.")
    by_ai = TruthFilter(field_name="vision_generated")
    min_confidence = NumberFilter(
        field_name="review_rank",
        lookup_expr="gte",
        help_text="Of the calibrated confidence, where there is one; a person's marks count as 0.",
    )
    max_confidence = NumberFilter(field_name="review_rank", lookup_expr="lte")
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Annotation
        fields: ClassVar[dict[str, list[str]]] = {
            "label": ["exact"],
            "vision_provider": ["exact"],
            "vision_model": ["exact"],
        }
