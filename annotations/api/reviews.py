"""Reviews: reading what was decided, and taking what comes next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.asked import caller_of, checked
from annotations.actions import claims, deciding
from annotations.actions.claims import Place
from annotations.api.annotations import VIEW
from annotations.api.declared import READ, REVIEW
from annotations.api.fields import EXAMPLE_BOX, BoxField, SelectionSerializer, filters_of
from annotations.api.known_answers import RUNS
from annotations.api.rows import AT, EXAMPLE, ID, PERSON, AnnotationSerializer, example
from annotations.models import (
    Annotation,
    AnnotationReview,
    Decision,
    RejectionReason,
    ReviewClaim,
    ReviewKind,
    ReviewStage,
)
from config.api.filters import FilterSet, KeyFilter, MomentFilter, TruthFilter
from config.api.permissions import may
from config.api.views import Listed, Retrieved, RowViewSet
from imaging.api.fields import MomentField, RowSerializer, key_field

_REVIEW: Final = "annotations.review_annotation"


@example(
    "Review",
    {
        "id": "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e50",
        "annotation_id": ID,
        "reviewer_id": PERSON,
        "kind": "review",
        "stage": "final",
        "decision": "approved",
        "rejection_reason": "",
        "comment": "",
        "label": "robin",
        "bounding_box": EXAMPLE_BOX,
        "was_edited": False,
        "agrees": None,
        "version": 1,
        "duration_ms": 2100,
        "created_at": AT,
    },
)
class ReviewSerializer(RowSerializer[AnnotationReview]):
    """One decision of one reviewer."""

    annotation_id = key_field()
    reviewer_id = key_field()
    bounding_box = BoxField(read_only=True)
    kind = serializers.ChoiceField(choices=ReviewKind.choices, read_only=True)
    stage = serializers.ChoiceField(choices=ReviewStage.choices, read_only=True)
    decision = serializers.ChoiceField(choices=Decision.choices, read_only=True)
    rejection_reason = serializers.ChoiceField(
        choices=RejectionReason.choices, read_only=True, allow_blank=True
    )
    version = serializers.IntegerField(read_only=True, help_text="The one that was decided upon.")

    class Meta:
        model = AnnotationReview
        fields = (
            "id",
            "annotation_id",
            "reviewer_id",
            "kind",
            "stage",
            "decision",
            "rejection_reason",
            "comment",
            "label",
            "bounding_box",
            "was_edited",
            "agrees",
            "version",
            "duration_ms",
            "created_at",
        )
        read_only_fields = fields


class ReviewFilters(FilterSet):
    """Filters of the list of reviews."""

    annotation_id = KeyFilter()
    reviewer_id = KeyFilter()
    kind = django_filters.ChoiceFilter(choices=ReviewKind.choices)
    stage = django_filters.ChoiceFilter(choices=ReviewStage.choices)
    decision = django_filters.ChoiceFilter(choices=Decision.choices)
    was_edited = TruthFilter()
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = AnnotationReview
        fields: ClassVar[list[str]] = []


@example("The least certain robin", {"label": "robin", "max_confidence": 0.6}, asked=True)
class NextSerializer(SelectionSerializer):
    """What is wanted next."""

    after_id = serializers.UUIDField(
        required=False, help_text="The annotation seen last; without it the queue begins anew."
    )


@example("Next", {"annotation": EXAMPLE, "claimed_until": "2026-11-21T14:15:00.000000Z"})
class ClaimedSerializer(serializers.Serializer[Any]):
    """What comes next, shown to nobody else for a while; both null where nothing waits."""

    annotation = AnnotationSerializer(allow_null=True)
    claimed_until = MomentField(allow_null=True)


@example("Released", {"released": 1})
class ReleasedSerializer(serializers.Serializer[Any]):
    """What others may see again."""

    released = serializers.IntegerField()


@example("One of them", {"annotation_id": ID}, asked=True)
class ReleaseSerializer(serializers.Serializer[Any]):
    """Which annotation to let go of; without one, all."""

    annotation_id = serializers.UUIDField(required=False)


class ReviewViewSet(Listed, Retrieved, RowViewSet):
    """Decisions of reviewers, and the queue of what waits for them.

    Answers to checks (`kind` is not `review`) are told to whoever runs the review, not to others.
    """

    tag = "Reviews"
    queryset = AnnotationReview.objects.all()
    serializer_class = ReviewSerializer
    filterset_class = ReviewFilters
    orders: ClassVar[Mapping[str, Sequence[str]]] = {
        "newest": ("-created_at", "-pk"),
        "oldest": ("created_at", "pk"),
    }
    permission: ClassVar[Mapping[str, str]] = {
        "list": VIEW,
        "retrieve": VIEW,
        "claim_next": _REVIEW,
        "undo": _REVIEW,
        "release": _REVIEW,
    }
    scope: ClassVar[Mapping[str, str]] = {
        "list": READ,
        "retrieve": READ,
        "claim_next": REVIEW,
        "undo": REVIEW,
        "release": REVIEW,
    }

    def get_queryset(self) -> QuerySet[AnnotationReview]:
        """Checks of reviewers are told only to whoever sets them up: others are checked by them."""
        rows = super().get_queryset()
        return rows if may(self.request, RUNS) else rows.filter(kind=ReviewKind.REVIEW)

    @extend_schema(request=NextSerializer, responses=ClaimedSerializer)
    @action(detail=False, methods=["post"], url_path="next", url_name="next")
    def claim_next(self, request: Request) -> Response:
        """Claim what waits next, the least certain first; for ten minutes nobody else is shown it.

        At the end of the queue it begins anew. Checks of reviewers are the pages' alone.
        """
        values = checked(NextSerializer(data=request.data))
        caller = caller_of(request)
        found = claims.next_for(caller, filters_of(values), after=_place(values.get("after_id")))
        if found is None:
            return Response({"annotation": None, "claimed_until": None})
        held = ReviewClaim.objects.get(annotation=found.pk)
        told = {"annotation": found, "claimed_until": held.expires_at}
        return Response(ClaimedSerializer(told, context=self.get_serializer_context()).data)

    @extend_schema(request=None, responses=AnnotationSerializer)
    @action(detail=False, methods=["post"])
    def undo(self, request: Request) -> Response:
        """Take back one's last decision; the annotation stands as before, and is claimed anew."""
        annotation = deciding.undo(by=caller_of(request))
        row = Annotation.objects.get(pk=annotation.pk)
        return Response(AnnotationSerializer(row, context=self.get_serializer_context()).data)

    @extend_schema(request=ReleaseSerializer, responses=ReleasedSerializer)
    @action(detail=False, methods=["post"])
    def release(self, request: Request) -> Response:
        """Let go of what was claimed: others may see it again."""
        key: UUID | None = checked(ReleaseSerializer(data=request.data)).get("annotation_id")
        caller = caller_of(request)
        if key is None:
            return Response({"released": claims.release_all(by=caller)})
        held = ReviewClaim.objects.filter(annotation_id=key, reviewer=caller)
        removed, _ = held.delete()
        return Response({"released": removed})


def _place(key: UUID | None) -> Place | None:
    if key is None:
        return None
    rank = Annotation.objects.filter(pk=key).values_list("review_rank", flat=True).first()
    if rank is None:
        raise ValidationError({"after_id": ["There is no annotation with this id."]})
    return Place(rank, key)
