"""Collections: images that are reviewed together, and how."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Final
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.asked import caller_of, checked
from annotations.actions import collections
from annotations.api.annotations import VIEW
from annotations.api.declared import READ, WRITE
from annotations.api.fields import label_field
from annotations.api.rows import AT, COLLECTION, IMAGE, PERSON, example
from annotations.errors import LabelRefused
from annotations.models import CollectionImage, ImageCollection
from config.api.filters import FilterSet, KeyFilter, TextFilter, TruthFilter
from config.api.views import Listed, Retrieved, RowViewSet
from imaging.api.fields import RowSerializer, key_field
from imaging.models import Image

_CHANGE: Final = "annotations.change_imagecollection"
_MOST_IMAGES: Final = 1000
_MOST_LABELS: Final = 2000

_EXAMPLE: Final[dict[str, Any]] = {
    "id": COLLECTION,
    "name": "Garden birds, winter",
    "description": "",
    "labels": ["robin", "redstart"],
    "stages": ["L1", "final"],
    "spot_check_percent": 5.0,
    "gold_percent": 2.5,
    "created_by_id": PERSON,
    "is_archived": False,
    "created_at": AT,
    "updated_at": AT,
}


@example("Collection", _EXAMPLE)
class CollectionSerializer(RowSerializer[ImageCollection]):
    """Images that are reviewed together: their labels, their stages, the checks of reviewers."""

    labels = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="Empty: any label."
    )
    stages = serializers.ListField(child=serializers.CharField(), read_only=True)
    spot_check_percent = serializers.FloatField(read_only=True)
    gold_percent = serializers.FloatField(read_only=True)
    created_by_id = key_field(allow_null=True)

    class Meta:
        model = ImageCollection
        fields = tuple(_EXAMPLE)
        read_only_fields = fields


def _percent(help_text: str) -> serializers.DecimalField:
    return serializers.DecimalField(
        5,
        2,
        min_value=0,
        max_value=100,
        required=False,
        coerce_to_string=False,
        help_text=help_text,
    )


class _GivenSerializer(serializers.Serializer[Any]):
    description = serializers.CharField(max_length=10_000, allow_blank=True, required=False)
    labels = serializers.ListField(
        child=label_field(),
        max_length=_MOST_LABELS,
        required=False,
        help_text="The words to choose from; empty: any.",
    )
    stages = serializers.ListField(
        child=serializers.CharField(max_length=10),
        required=False,
        help_text=f"One of: {', '.join(f'`{stages}`' for stages in collections.STAGES.values())}.",
    )
    spot_check_percent = _percent("Of what is decided, so much is shown to somebody else as well.")
    gold_percent = _percent("Of what a reviewer is shown, so much has a known answer.")

    def validate_labels(self, value: list[str]) -> list[str]:
        """Each once."""
        try:
            return collections.cleaned_labels(value)
        except LabelRefused as error:
            raise serializers.ValidationError(str(error)) from None

    def validate_stages(self, value: list[str]) -> list[str]:
        """One of the orders that there are."""
        if value not in collections.STAGES.values():
            known = "; ".join(", ".join(stages) for stages in collections.STAGES.values())
            raise serializers.ValidationError(f"The stages are one of: {known}.")
        return value


@example("Two stages", {"name": "Garden birds, winter", "stages": ["L1", "final"]}, asked=True)
class NewCollectionSerializer(_GivenSerializer):
    """A collection to be made."""

    name = serializers.CharField(max_length=200)


@example("Put it away", {"is_archived": True}, asked=True)
class CollectionChangesSerializer(_GivenSerializer):
    """What is to be changed of a collection; what is left out stays."""

    name = serializers.CharField(max_length=200, required=False)
    is_archived = serializers.BooleanField(required=False)


@example("Images", {"image_ids": [IMAGE]}, asked=True)
class ImagesSerializer(serializers.Serializer[Any]):
    """Images, by their keys."""

    image_ids = serializers.ListField(
        child=serializers.UUIDField(), min_length=1, max_length=_MOST_IMAGES
    )


@example("One is new in it", {"changed": 1})
class ImagesChangedSerializer(serializers.Serializer[Any]):
    """How many images were put in or taken out; the others were so already."""

    changed = serializers.IntegerField()


@extend_schema_serializer(
    examples=[OpenApiExample("Image", {"image_id": IMAGE, "created_at": AT}, response_only=True)]
)
class MemberSerializer(RowSerializer[CollectionImage]):
    """An image in a collection, and since when."""

    image_id = key_field()

    class Meta:
        model = CollectionImage
        fields = ("image_id", "created_at")
        read_only_fields = fields


class CollectionFilters(FilterSet):
    """Filters of the list of collections."""

    name = TextFilter(lookup_expr="icontains", help_text="Text within the name.")
    is_archived = TruthFilter()

    class Meta:
        model = ImageCollection
        fields: ClassVar[list[str]] = []


class MemberFilters(FilterSet):
    """Filters of the list of a collection's images."""

    image_id = KeyFilter()

    class Meta:
        model = CollectionImage
        fields: ClassVar[list[str]] = []


class CollectionViewSet(Listed, Retrieved, RowViewSet):
    """Collections of images; none is deleted, an old one is put away (`is_archived`)."""

    tag = "Collections"
    queryset = ImageCollection.objects.all()
    serializer_class = CollectionSerializer
    filterset_class = CollectionFilters
    orders: ClassVar[Mapping[str, Sequence[str]]] = {
        "newest": ("-created_at", "-pk"),
        "name": ("name", "pk"),
    }
    permission: ClassVar[Mapping[str, str]] = {
        "list": VIEW,
        "retrieve": VIEW,
        "create": _CHANGE,
        "partial_update": _CHANGE,
        "add_images": _CHANGE,
        "remove_images": _CHANGE,
    }
    scope: ClassVar[Mapping[str, str]] = {
        "list": READ,
        "retrieve": READ,
        "create": WRITE,
        "partial_update": WRITE,
        "add_images": WRITE,
        "remove_images": WRITE,
    }

    @extend_schema(request=NewCollectionSerializer, responses={201: CollectionSerializer})
    def create(self, request: Request) -> Response:
        """Make a collection."""
        values = checked(NewCollectionSerializer(data=request.data))
        with _names_once(values["name"], None):
            made = collections.create(ImageCollection(**values), by=caller_of(request))
        return self.made(self.get_queryset().get(pk=made.pk), "collection-detail")

    @extend_schema(request=CollectionChangesSerializer, responses=CollectionSerializer)
    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Change a collection; what waits keeps the stage it stands at."""
        with self.changing() as row:
            values = checked(CollectionChangesSerializer(data=request.data))
            for name, value in values.items():
                setattr(row, name, value)
            with _names_once(values.get("name"), row.pk):
                collections.change(row, by=caller_of(request))
        return self.changed(row)

    @extend_schema(request=ImagesSerializer, responses=ImagesChangedSerializer)
    @action(detail=True, methods=["post"], url_path="add-images")
    def add_images(self, request: Request, pk: UUID) -> Response:
        """Put images into the collection, out of any other; their annotations go with them."""
        collection = self.get_object()
        keys = _keys(request)
        there = set(Image.objects.filter(pk__in=keys).values_list("pk", flat=True))
        for number, key in enumerate(keys):
            if key not in there:
                raise ValidationError({f"image_ids.{number}": ["There is no image with this id."]})
        changed = collections.add_images(collection, keys, by=caller_of(request))
        return Response({"changed": changed})

    @extend_schema(request=ImagesSerializer, responses=ImagesChangedSerializer)
    @action(detail=True, methods=["post"], url_path="remove-images")
    def remove_images(self, request: Request, pk: UUID) -> Response:
        """Take images out of the collection; their annotations stay, in no collection."""
        collection = self.get_object()
        changed = collections.remove_images(collection, _keys(request), by=caller_of(request))
        return Response({"changed": changed})


class MemberViewSet(Listed, RowViewSet):
    """The images of one collection."""

    tag = "Collections"
    queryset = CollectionImage.objects.all()
    serializer_class = MemberSerializer
    filterset_class = MemberFilters
    permission = VIEW
    scope = READ

    def get_queryset(self) -> QuerySet[CollectionImage]:
        """Those of the collection in the address."""
        rows = CollectionImage.objects.all()
        key = self.kwargs.get("collection_id")
        return rows.filter(collection_id=key) if key else rows.none()


def _keys(request: Request) -> list[UUID]:
    keys: list[UUID] = checked(ImagesSerializer(data=request.data))["image_ids"]
    return list(dict.fromkeys(keys))


@contextmanager
def _names_once(name: str | None, own: UUID | None) -> Iterator[None]:
    """Two collections of one name would be taken for each other."""
    others = ImageCollection.objects.filter(name=name)
    if name and (others if own is None else others.exclude(pk=own)).exists():
        raise ValidationError({"name": ["There is a collection of this name already."]})
    yield
