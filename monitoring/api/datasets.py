"""Datasets: machines that are watched, and what is to be done with a file of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final
from uuid import UUID

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.asked import caller_of, checked
from accounts.models import User
from config.api.examples import answer, body
from config.api.filters import FilterSet, KeyFilter, MomentFilter, TextFilter, TruthFilter
from config.api.views import Listed, Retrieved, RowViewSet
from ingestion.models import FileUpload
from monitoring.actions import datasets, requesting
from monitoring.actions.requesting import Asked
from monitoring.api import examples
from monitoring.api.analyses import AnalysisSerializer, shown_analyses
from monitoring.api.declared import READ, WRITE
from monitoring.api.fields import (
    MomentField,
    ObjectField,
    RowSerializer,
    key_field,
    no_such,
    priority_field,
    words_field,
)
from monitoring.models import BaselineMap, Dataset, MapConfig

_VIEW: Final = "monitoring.view_dataset"
_ADD: Final = "monitoring.add_dataset"
_CHANGE: Final = "monitoring.change_dataset"
_ANALYSE: Final = "monitoring.add_analysis"
_LONGEST_DESCRIPTION: Final = 10_000
_LARGEST_KEY: Final = 2**31 - 1


@answer("A press", examples.DATASET)
class DatasetSerializer(RowSerializer[Dataset]):
    """A machine of one person, with its maps and analyses."""

    user_id = key_field(help_text="Its owner, who alone sees it beside the admins.")
    description = serializers.SerializerMethodField()
    tags = words_field()
    metadata = ObjectField(
        source="noted", read_only=True, help_text="What is noted of it, also where it is sealed."
    )
    is_active = serializers.BooleanField(
        read_only=True, help_text="False once it was put away: it takes no analyses."
    )
    last_analysis_at = MomentField(read_only=True, allow_null=True)

    class Meta:
        model = Dataset
        fields = tuple(examples.DATASET)
        read_only_fields = fields

    def get_description(self, dataset: Dataset) -> str:
        """Empty where nothing is said."""
        return dataset.description or ""

    def to_representation(self, instance: Dataset) -> dict[str, Any]:
        """The fields; no tags are an empty list."""
        shown: dict[str, Any] = super().to_representation(instance)
        return shown | {"tags": shown["tags"] or []}


class _GivenSerializer(serializers.Serializer[Any]):
    description = serializers.CharField(
        max_length=_LONGEST_DESCRIPTION, allow_blank=True, required=False
    )
    tags = serializers.ListField(
        child=serializers.CharField(max_length=datasets.LONGEST_TAG),
        max_length=datasets.MOST_TAGS,
        required=False,
    )
    metadata = ObjectField(required=False, help_text="Whatever is worth noting of the machine.")


@body("A press", examples.NEW_DATASET)
class NewDatasetSerializer(_GivenSerializer):
    """A dataset to be made; it is the caller's, unless an admin names another owner."""

    name = serializers.CharField(max_length=datasets.LONGEST_NAME)
    user_id = serializers.UUIDField(required=False, help_text="The owner; for admins alone.")


@body("Moved", examples.DATASET_CHANGES)
class DatasetChangesSerializer(_GivenSerializer):
    """What is to be different of a dataset; what is left out stays."""

    name = serializers.CharField(max_length=datasets.LONGEST_NAME, required=False)


@body("The healthy machine", examples.TO_FIT)
class MapToFitSerializer(serializers.Serializer[Any]):
    """A file of the healthy machine, of which a map is to be made."""

    file_id = serializers.UUIDField(help_text="A file of the dataset's owner that is ready.")
    configuration_id = serializers.IntegerField(
        min_value=1,
        max_value=_LARGEST_KEY,
        required=False,
        help_text="The parameters; left out: those in force.",
    )
    priority = priority_field()


@body("Last night", examples.TO_PLACE)
class SamplesToPlaceSerializer(serializers.Serializer[Any]):
    """A file with new samples, which are to be placed on a map and judged."""

    file_id = serializers.UUIDField(help_text="A file of the dataset's owner that is ready.")
    map_id = serializers.UUIDField(
        required=False, help_text="A map of the dataset; left out: the one that was made last."
    )
    alarm_level = serializers.FloatField(
        min_value=1e-12,
        max_value=0.999999,
        required=False,
        help_text="Share of healthy samples that may be called anomalous; left out: the map's.",
    )
    again = serializers.BooleanField(
        default=False, help_text="Place a file once more that was placed on this map already."
    )
    priority = priority_field()


class DatasetFilters(FilterSet):
    """Filters of the list of datasets."""

    name = TextFilter(lookup_expr="icontains", help_text="Text within the name.")
    tag = TextFilter(method="by_tag", help_text="One of its tags.")
    is_active = TruthFilter()
    user_id = KeyFilter(help_text="The owner; others' datasets are seen by admins alone.")
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Dataset
        fields: ClassVar[list[str]] = []

    def by_tag(self, rows: Any, name: str, value: str) -> Any:
        """Those that have the tag."""
        return rows.filter(tags__contains=[value])


class DatasetViewSet(Listed, Retrieved, RowViewSet):
    """Machines that are watched. Everybody sees their own; admins see all."""

    tag = "Monitoring"
    queryset = Dataset.objects.all()
    serializer_class = DatasetSerializer
    filterset_class = DatasetFilters
    orders: ClassVar[Mapping[str, Sequence[str]]] = {
        "newest": ("-created_at", "-pk"),
        "oldest": ("created_at", "pk"),
        "name": ("name", "pk"),
    }
    permission: ClassVar[Mapping[str, str]] = {
        "list": _VIEW,
        "retrieve": _VIEW,
        "create": _ADD,
        "partial_update": _CHANGE,
        "archive": _CHANGE,
        "reopen": _CHANGE,
        "fit": _ANALYSE,
        "place": _ANALYSE,
    }
    scope: ClassVar[Mapping[str, str]] = {
        "list": READ,
        "retrieve": READ,
        "create": WRITE,
        "partial_update": WRITE,
        "archive": WRITE,
        "reopen": WRITE,
        "fit": WRITE,
        "place": WRITE,
    }

    @extend_schema(request=NewDatasetSerializer, responses={201: DatasetSerializer})
    def create(self, request: Request) -> Response:
        """Make a dataset."""
        values = checked(NewDatasetSerializer(data=request.data))
        caller = caller_of(request)
        owner = _owner(values.pop("user_id", None), caller)
        made = datasets.make(values.pop("name"), by=caller, owner=owner, **values)
        return self.made(self.get_queryset().get(pk=made.pk), "dataset-detail")

    @extend_schema(request=DatasetChangesSerializer, responses=DatasetSerializer)
    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Change the name, the description, the tags or what is noted of a dataset."""
        with self.changing() as dataset:
            values = checked(DatasetChangesSerializer(data=request.data))
            if values:
                datasets.change(dataset.pk, by=caller_of(request), **values)
        return self.changed(dataset)

    @extend_schema(request=None, responses=DatasetSerializer)
    @action(detail=True, methods=["post"])
    def archive(self, request: Request, pk: UUID) -> Response:
        """Put the dataset away; it stays, but takes no analyses, and those that wait end."""
        return self.changed(datasets.archive(self.get_object().pk, by=caller_of(request)))

    @extend_schema(request=None, responses=DatasetSerializer)
    @action(detail=True, methods=["post"])
    def reopen(self, request: Request, pk: UUID) -> Response:
        """Use a dataset again that was put away."""
        return self.changed(datasets.reopen(self.get_object().pk, by=caller_of(request)))

    @extend_schema(
        request=MapToFitSerializer, responses={201: AnalysisSerializer, 200: AnalysisSerializer}
    )
    @action(detail=True, methods=["post"])
    def fit(self, request: Request, pk: UUID) -> Response:
        """Have a map made of a file of the healthy machine.

        201 for a new analysis; 200 where the same waits or runs already, with that one. 409 says
        why the file cannot be used.
        """
        dataset = self.get_object()
        values = checked(MapToFitSerializer(data=request.data))
        config = None
        if (key := values.get("configuration_id")) is not None:
            config = MapConfig.objects.filter(pk=key).first()
            if config is None:
                raise no_such("configuration_id", "configuration")
        asked = requesting.request_fit(
            dataset,
            _file(values["file_id"]),
            by=caller_of(request),
            config=config,
            priority=values["priority"],
        )
        return self._asked(asked)

    @extend_schema(
        request=SamplesToPlaceSerializer,
        responses={201: AnalysisSerializer, 200: AnalysisSerializer},
    )
    @action(detail=True, methods=["post"])
    def place(self, request: Request, pk: UUID) -> Response:
        """Have new samples placed on the dataset's map and judged.

        201 for a new analysis; 200 where the same waits or runs already, with that one. 409 says
        why the file cannot be used: there is no map, its columns are others, it was placed before.
        """
        dataset = self.get_object()
        values = checked(SamplesToPlaceSerializer(data=request.data))
        chosen = None
        if (key := values.get("map_id")) is not None:
            maps = BaselineMap.objects.defer("baseline", "detector", "x_values", "y_values")
            chosen = maps.select_related("config").filter(pk=key).first()
            if chosen is None:
                raise no_such("map_id", "map")
        asked = requesting.request_place(
            dataset,
            _file(values["file_id"]),
            by=caller_of(request),
            map=chosen,
            alarm_level=values.get("alarm_level"),
            priority=values["priority"],
            again=values["again"],
        )
        return self._asked(asked)

    def _asked(self, asked: Asked) -> Response:
        """The analysis as it stands now, triggers included."""
        row = shown_analyses().get(pk=asked.analysis.pk)
        data = AnalysisSerializer(row, context=self.get_serializer_context()).data
        response = Response(data, status=201 if asked.created else 200)
        address = reverse("analysis-detail", kwargs={"pk": row.pk})
        response["Location" if asked.created else "Content-Location"] = address
        return response


def _file(key: UUID) -> FileUpload:
    file = FileUpload.objects.filter(pk=key).first()
    if file is None:
        raise no_such("file_id", "file")
    return file


def _owner(key: UUID | None, caller: User) -> User:
    if key is None or key == caller.pk:
        return caller
    owner = User.objects.filter(pk=key).first() if caller.is_superuser else None
    if owner is None:
        raise no_such("user_id", "person whose datasets you may make")
    return owner
