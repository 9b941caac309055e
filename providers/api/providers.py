"""AI providers through the API: everybody who works here sees them, admins change them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import OuterRef, QuerySet, Subquery
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError as Refused
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.asked import caller_of, checked
from config.api.examples import answer, body
from config.api.filters import FilterSet
from config.api.permissions import NO_KEY
from config.api.preconditions import etag_of
from config.api.views import Listed, Retrieved, RowViewSet
from providers.actions import changing
from providers.api import examples
from providers.api.declared import READ_PROVIDERS
from providers.errors import NotPossible
from providers.models import HealthStatus, Provider, ProviderHealth


@answer("OpenAI", examples.PROVIDER)
class ProviderSerializer(serializers.ModelSerializer[Provider]):
    """A provider, whether it is asked, and what the last check found; never a key."""

    has_team_key = serializers.SerializerMethodField(help_text="Whether the team has a key there.")
    base_url = serializers.CharField(
        read_only=True, allow_null=True, help_text="Null for who may not change it."
    )
    health = serializers.ChoiceField(
        choices=HealthStatus.choices,
        read_only=True,
        allow_null=True,
        help_text="What the last check found; null before the first.",
    )
    checked_at = serializers.DateTimeField(read_only=True, allow_null=True)

    class Meta:
        model = Provider
        fields = (
            "id",
            "name",
            "display_name",
            "is_enabled",
            "default_model",
            "base_url",
            "timeout_seconds",
            "rank",
            "needs_key",
            "has_team_key",
            "breaker_state",
            "breaker_until",
            "health",
            "checked_at",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields

    def get_has_team_key(self, provider: Provider) -> bool:
        """Whether there is one, not what it is."""
        return provider.api_key is not None

    def to_representation(self, instance: Provider) -> dict[str, Any]:
        """The fields; a base URL may name a host inside, so it is the admins' to see."""
        shown: dict[str, Any] = super().to_representation(instance)
        if not caller_of(self.context["request"]).has_perm("providers.change_provider"):
            shown["base_url"] = None
        return shown


@body("Asked first, for longer", examples.PROVIDER_CHANGES)
class ProviderChangesSerializer(serializers.Serializer[Any]):
    """What is to be different of a provider."""

    display_name = serializers.CharField(required=False, max_length=120)
    is_enabled = serializers.BooleanField(required=False)
    default_model = serializers.CharField(required=False, max_length=120)
    base_url = serializers.CharField(
        required=False, allow_blank=True, max_length=500, help_text="Empty for the provider's own."
    )
    timeout_seconds = serializers.IntegerField(required=False, min_value=1, max_value=600)
    rank = serializers.IntegerField(
        required=False, min_value=0, max_value=10_000, help_text="Who is asked first: the lowest."
    )


class ProviderFilters(FilterSet):
    """Filters of the list."""

    class Meta:
        model = Provider
        fields: ClassVar[list[str]] = ["name", "is_enabled", "breaker_state"]


class ProviderViewSet(Listed, Retrieved, RowViewSet):
    """AI providers."""

    tag = "Providers"
    queryset = Provider.objects.all()
    serializer_class = ProviderSerializer
    filterset_class = ProviderFilters
    orders: ClassVar[dict[str, tuple[str, ...]]] = {"rank": ("rank", "pk"), "name": ("name", "pk")}
    permission: ClassVar[dict[str, Any]] = {
        "list": "providers.view_provider",
        "retrieve": "providers.view_provider",
        "partial_update": "providers.change_provider",
    }
    scope: ClassVar[dict[str, Any]] = {
        "list": READ_PROVIDERS,
        "retrieve": READ_PROVIDERS,
        "partial_update": NO_KEY,
    }

    def get_queryset(self) -> QuerySet[Provider]:
        """With what the last check found."""
        last = ProviderHealth.objects.filter(provider=OuterRef("pk")).order_by("-checked_at", "-pk")
        return Provider.objects.annotate(
            health=Subquery(last.values("status")[:1]),
            checked_at=Subquery(last.values("checked_at")[:1]),
        )

    def etag(self, row: Any) -> str:
        """Also what checks and the breaker change, which no moment of change tells."""
        moving = (row.breaker_state, row.breaker_until, row.health, row.checked_at)
        return etag_of(row, row.api_key is not None, *moving)

    @extend_schema(request=ProviderChangesSerializer, responses=ProviderSerializer)
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Switch a provider on or off, or change where and how it is asked."""
        with self.changing() as provider:
            values = checked(ProviderChangesSerializer(data=request.data, partial=True))
            try:
                changing.change(provider.name, by=caller_of(request), **values)
            except NotPossible as error:
                raise Refused(error.fields) from None
        return self.changed(provider)
