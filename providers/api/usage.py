"""What calls to AI providers cost, through the API: everybody their own, admins everybody's."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.asked import caller_of
from config.api.examples import answer
from config.api.filters import DayFilter, FilterSet, KeyFilter, MomentFilter, TextFilter
from config.api.permissions import LOGGED_IN
from config.api.preconditions import etag_of
from config.api.views import ApiView, Listed, Retrieved, RowViewSet
from providers import limits
from providers.api import examples
from providers.api.declared import READ_USAGE
from providers.models import UsageEntry, UsageTracking


@answer("A call", examples.CALL)
class UsageSerializer(serializers.ModelSerializer[UsageEntry]):
    """One call in the ledger; amounts in US dollars."""

    provider = serializers.CharField(source="provider.name", read_only=True)

    class Meta:
        model = UsageEntry
        fields = (
            "id",
            "user",
            "provider",
            "model",
            "purpose",
            "input_tokens",
            "cached_input_tokens",
            "output_tokens",
            "images",
            "cost",
            "is_assumed",
            "outcome",
            "request_id",
            "duration_ms",
            "price",
            "created_at",
        )
        read_only_fields = fields


class UsageFilters(FilterSet):
    """Whose, at whom, when."""

    user = KeyFilter(field_name="user_id", help_text="Whose calls; others are seen by admins.")
    provider = TextFilter(field_name="provider__name")
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = UsageEntry
        fields = ("model", "outcome", "is_assumed")


class UsageViewSet(Listed, Retrieved, RowViewSet):
    """Calls to AI providers, each with what it cost."""

    tag = "Providers"
    queryset = UsageEntry.objects.select_related("provider")
    serializer_class = UsageSerializer
    filterset_class = UsageFilters
    orders: ClassVar[dict[str, tuple[str, ...]]] = {"newest": ("-created_at", "-pk")}
    permission = LOGGED_IN
    scope = READ_USAGE


@answer("A day", examples.DAY)
class UsageByDaySerializer(serializers.ModelSerializer[UsageTracking]):
    """A person's calls to one model in one day (UTC)."""

    provider = serializers.CharField(source="provider.name", read_only=True)

    class Meta:
        model = UsageTracking
        fields = (
            "id",
            "user",
            "provider",
            "model",
            "usage_date",
            "request_count",
            "failure_count",
            "input_tokens",
            "cached_input_tokens",
            "output_tokens",
            "images",
            "total_cost",
        )
        read_only_fields = fields


class UsageByDayFilters(FilterSet):
    """Whose, at whom, when."""

    user = KeyFilter(field_name="user_id", help_text="Whose calls; others are seen by admins.")
    provider = TextFilter(field_name="provider__name")
    since = DayFilter(field_name="usage_date", lookup_expr="gte")
    until = DayFilter(field_name="usage_date", lookup_expr="lte")

    class Meta:
        model = UsageTracking
        fields = ("model",)


class UsageByDayViewSet(Listed, Retrieved, RowViewSet):
    """The totals of each day."""

    tag = "Providers"
    queryset = UsageTracking.objects.select_related("provider")
    serializer_class = UsageByDaySerializer
    filterset_class = UsageByDayFilters
    orders: ClassVar[dict[str, tuple[str, ...]]] = {"newest": ("-usage_date", "-pk")}
    permission = LOGGED_IN
    scope = READ_USAGE

    def etag(self, row: UsageTracking) -> str:
        """What the day has come to."""
        return etag_of(row, row.request_count, str(row.total_cost))


@answer("Today", examples.LEFT)
class LeftSerializer(serializers.Serializer[Any]):
    """What may be spent in a day or a month (UTC), in US dollars; null for no limit."""

    period = serializers.ChoiceField(choices=[("day", "day"), ("month", "month")])
    starts_on = serializers.DateField()
    cost_limit = serializers.DecimalField(14, 6, allow_null=True)
    spent = serializers.DecimalField(14, 6)
    held = serializers.DecimalField(14, 6, help_text="Set aside for calls that have not ended.")
    left = serializers.DecimalField(14, 6, allow_null=True)
    requests = serializers.IntegerField()
    request_limit = serializers.IntegerField(allow_null=True)


class Spending(ApiView):
    """What one may spend, has spent and has left."""

    tag = "Providers"
    permission = LOGGED_IN
    scope = READ_USAGE

    @extend_schema(responses=LeftSerializer(many=True), operation_id="spending_retrieve")
    def get(self, request: Request) -> Response:
        """The present day, and the present month."""
        found = limits.left(caller_of(request).pk)
        return Response(LeftSerializer(found, many=True).data)
