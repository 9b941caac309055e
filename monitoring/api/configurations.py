"""Configurations: the parameters by which maps are made, one version after the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from django.urls import reverse
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.asked import caller_of, checked
from config.api.examples import answer, body
from config.api.filters import FilterSet, MomentFilter
from config.api.views import Listed, Retrieved, RowViewSet
from monitoring.actions import configuring
from monitoring.api import examples
from monitoring.api.declared import CONFIGURE, READ
from monitoring.api.fields import RowSerializer, key_field
from monitoring.errors import ConfigRefused
from monitoring.maps import CHOICES
from monitoring.models import EXPLAINED, MapConfig

_VIEW: Final = "monitoring.view_mapconfig"
_ADD: Final = "monitoring.add_mapconfig"
_WHOLE: Final = frozenset({"imax", "lowdim", "seed"})
_COLUMNS: Final = frozenset({"end_meta", "start_dim", "end_dim", "group_column"})
_LARGEST: Final = 2**63 - 1


def _field(name: str, **options: Any) -> Any:
    """The field of a parameter, explained."""
    options["help_text"] = EXPLAINED[name]
    if name in CHOICES:
        return serializers.ChoiceField(choices=list(CHOICES[name]), **options)
    if name in _COLUMNS:
        blank = name == "group_column"
        return serializers.CharField(max_length=255, allow_blank=blank, **options)
    if name in _WHOLE:
        return serializers.IntegerField(min_value=0, max_value=_LARGEST, **options)
    return serializers.FloatField(**options)


@answer("Parameters", examples.CONFIGURATION)
class ConfigurationSerializer(RowSerializer[MapConfig]):
    """One version of the parameters; none is ever changed, and the newest is in force."""

    warnings = serializers.SerializerMethodField(help_text="What is allowed, but unwise.")
    created_by_id = key_field(
        allow_null=True, help_text="Who put it in force; null for the documented defaults."
    )

    class Meta:
        model = MapConfig
        fields = tuple(examples.CONFIGURATION)
        read_only_fields = fields

    def get_fields(self) -> dict[str, Any]:
        """With what each parameter is for."""
        made: dict[str, Any] = super().get_fields()
        return made | {name: _field(name, read_only=True) for name in EXPLAINED}

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_warnings(self, config: MapConfig) -> list[str]:
        """Sentences."""
        return configuring.warnings(config)


@body("Fewer features, fewer alarms", examples.NEW_CONFIGURATION)
class NewConfigurationSerializer(serializers.Serializer[Any]):
    """Parameters to be put in force; what is left out stays as it is in force."""

    def get_fields(self) -> dict[str, Any]:
        """All parameters, each of which may be left out."""
        return {name: _field(name, required=False) for name in EXPLAINED}


class ConfigurationFilters(FilterSet):
    """Filters of the list of configurations."""

    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = MapConfig
        fields: ClassVar[list[str]] = []


class ConfigurationViewSet(Listed, Retrieved, RowViewSet):
    """The parameters by which maps are made, for everybody who works here."""

    tag = "Monitoring"
    queryset = MapConfig.objects.all()
    serializer_class = ConfigurationSerializer
    filterset_class = ConfigurationFilters
    lookup_value_converter = "int"  # documented as a whole number
    permission: ClassVar[Mapping[str, str]] = {
        "list": _VIEW,
        "retrieve": _VIEW,
        "newest": _VIEW,
        "create": _ADD,
    }
    scope: ClassVar[Mapping[str, str]] = {
        "list": READ,
        "retrieve": READ,
        "newest": READ,
        "create": CONFIGURE,
    }

    @extend_schema(responses=ConfigurationSerializer)
    @action(detail=False)
    def newest(self, request: Request) -> Response:
        """The parameters in force."""
        return Response(self.get_serializer(configuring.in_force()).data)

    @extend_schema(
        request=NewConfigurationSerializer,
        responses={201: ConfigurationSerializer, 200: ConfigurationSerializer},
    )
    def create(self, request: Request) -> Response:
        """Put a new version in force; maps that were made keep theirs.

        200, with its address, where every value is in force already. All that is wrong is told at
        once, by parameter.
        """
        values = checked(NewConfigurationSerializer(data=request.data))
        before = configuring.in_force().pk
        try:
            config = configuring.configure(values, by=caller_of(request))
        except ConfigRefused as refused:
            wrong: dict[str, list[str]] = {}
            for problem in refused.problems:
                wrong.setdefault(problem.field, []).append(problem.message)
            raise ValidationError(wrong) from None
        row = self.get_queryset().get(pk=config.pk)
        if config.pk != before:
            return self.made(row, "configuration-detail")
        response = self.shown(row)
        response["Content-Location"] = reverse("configuration-detail", kwargs={"pk": row.pk})
        return response
