"""Annotations with a known answer, by which reviewers are checked: listed, marked, withdrawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final
from uuid import UUID

import django_filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.asked import caller_of, checked
from annotations.actions import known_answers
from annotations.api.declared import READ, WRITE
from annotations.api.rows import AT, COLLECTION, ID, example
from annotations.models import Annotation, Decision, ReviewExtra, ReviewKind
from config.api import preconditions
from config.api.filters import FilterSet, KeyFilter
from config.api.views import Listed, Retrieved, RowViewSet
from imaging.api.fields import RowSerializer, key_field

# Who runs the review: whoever is checked by them is not to know them.
RUNS: Final = "annotations.change_imagecollection"
_CHOICES: Final = [(one.value, one.label) for one in (Decision.APPROVED, Decision.REJECTED)]
_EXAMPLE: Final[dict[str, Any]] = {
    "id": "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e80",
    "annotation_id": ID,
    "collection_id": COLLECTION,
    "expected_decision": "approved",
    "expected_label": "robin",
    "created_at": AT,
}


@example("Known answer", _EXAMPLE)
class KnownAnswerSerializer(RowSerializer[ReviewExtra]):
    """An annotation that is dealt to reviewers as if it waited, and what should be said of it."""

    annotation_id = key_field()
    collection_id = key_field(
        source="annotation.collection_id",
        allow_null=True,
        help_text="It is dealt at the desk of this collection; without one, nowhere.",
    )
    expected_decision = serializers.CharField(read_only=True, help_text="`approved` or `rejected`.")

    class Meta:
        model = ReviewExtra
        fields = tuple(_EXAMPLE)
        read_only_fields = fields


@example("This one", {"annotation_id": ID}, asked=True)
class NewKnownAnswerSerializer(serializers.Serializer[Any]):
    """A decided annotation; what was decided is the answer."""

    annotation_id = serializers.UUIDField()


class KnownAnswerFilters(FilterSet):
    """Filters of the list of known answers."""

    annotation_id = KeyFilter()
    collection_id = KeyFilter(field_name="annotation__collection_id")
    expected_decision = django_filters.ChoiceFilter(choices=_CHOICES)

    class Meta:
        model = ReviewExtra
        fields: ClassVar[list[str]] = []


class KnownAnswerViewSet(Listed, Retrieved, RowViewSet):
    """What reviewers are checked by; for whoever runs the review, and nobody else."""

    tag = "Known answers"
    queryset = ReviewExtra.objects.filter(kind=ReviewKind.GOLD, is_open=True).select_related(
        "annotation"
    )
    serializer_class = KnownAnswerSerializer
    filterset_class = KnownAnswerFilters
    orders: ClassVar[Mapping[str, Sequence[str]]] = {
        "newest": ("-created_at", "-pk"),
        "oldest": ("created_at", "pk"),
    }
    permission = RUNS
    scope: ClassVar[Mapping[str, str]] = {
        "list": READ,
        "retrieve": READ,
        "create": WRITE,
        "destroy": WRITE,
    }

    def etag(self, row: Any) -> str:
        """The answer, and where it is dealt."""
        return preconditions.etag_of(
            row, row.expected_decision, row.expected_label, row.annotation.collection_id
        )

    @extend_schema(
        request=NewKnownAnswerSerializer,
        responses={200: KnownAnswerSerializer, 201: KnownAnswerSerializer},
    )
    def create(self, request: Request) -> Response:
        """Deal a decided annotation as a check; what was decided on it is its answer.

        201 where it is new, 200 where it was one already. One that waits for review is refused:
        409 `conflict`. One that is reviewed anew is none any more.
        """
        key: UUID = checked(NewKnownAnswerSerializer(data=request.data))["annotation_id"]
        if not Annotation.objects.filter(pk=key).exists():
            raise ValidationError({"annotation_id": ["There is no annotation with this id."]})
        made = known_answers.make_known([key], by=caller_of(request))
        row = self.get_queryset().get(annotation_id=key)
        return self.made(row, "known-answer-detail") if made else self.shown(row)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: UUID) -> Response:
        """Deal it no more; the answers that were given stay, and so does the annotation."""
        with self.changing() as row:
            known_answers.forget(row.annotation, by=caller_of(request))
        return Response(status=204)
