"""What people may spend at AI providers, through the API: the admins' to say."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError as Refused
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.asked import caller_of, checked
from accounts.models import User
from config.api.examples import answer, body
from config.api.filters import FilterSet, KeyFilter
from config.api.permissions import NO_KEY
from config.api.views import Listed, Retrieved, RowViewSet
from providers.actions import quotas
from providers.api import examples
from providers.errors import NotPossible
from providers.models import UserQuota

_LARGEST = 2_147_483_647


@answer("Five dollars a day", examples.QUOTA)
class QuotaSerializer(serializers.ModelSerializer[UserQuota]):
    """A person's limits in a day and a month (UTC), in US dollars; null for the default."""

    class Meta:
        model = UserQuota
        fields = ("id", "user", *quotas.NAMES, "created_at", "updated_at")
        read_only_fields = fields


@body("A month's requests", examples.QUOTA_CHANGES)
class QuotaChangesSerializer(serializers.Serializer[Any]):
    """Limits to be set; null for the default of the settings."""

    daily_cost_limit = serializers.DecimalField(14, 6, required=False, allow_null=True, min_value=0)
    monthly_cost_limit = serializers.DecimalField(
        14, 6, required=False, allow_null=True, min_value=0
    )
    daily_request_limit = serializers.IntegerField(
        required=False, allow_null=True, min_value=0, max_value=_LARGEST
    )
    monthly_request_limit = serializers.IntegerField(
        required=False, allow_null=True, min_value=0, max_value=_LARGEST
    )


@body("Five dollars a day", examples.NEW_QUOTA)
class NewQuotaSerializer(QuotaChangesSerializer):
    """Limits of a person; where there are some, those that are named are changed."""

    user = serializers.UUIDField()


class QuotaFilters(FilterSet):
    """Whose."""

    user = KeyFilter(field_name="user_id")

    class Meta:
        model = UserQuota
        fields: ClassVar[list[str]] = []


class QuotaViewSet(Listed, Retrieved, RowViewSet):
    """What people may spend at AI providers; without a row, the defaults of the settings hold."""

    tag = "Providers"
    queryset = UserQuota.objects.all()
    serializer_class = QuotaSerializer
    filterset_class = QuotaFilters
    permission: ClassVar[dict[str, Any]] = {
        "list": "providers.view_userquota",
        "retrieve": "providers.view_userquota",
        "create": "providers.change_userquota",
        "partial_update": "providers.change_userquota",
    }
    scope = NO_KEY

    @extend_schema(request=NewQuotaSerializer, responses={201: QuotaSerializer})
    def create(self, request: Request) -> Response:
        """Give a person limits of their own."""
        values = checked(NewQuotaSerializer(data=request.data))
        person = User.objects.filter(pk=values.pop("user")).first()
        if person is None:
            raise Refused({"user": ["There is nobody with this id."]})
        quota = _change(person, values, by=caller_of(request))
        return self.shown(quota, status=201, location=request.build_absolute_uri(f"{quota.pk}/"))

    @extend_schema(request=QuotaChangesSerializer, responses=QuotaSerializer)
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change the limits that are named."""
        with self.changing() as quota:
            values = checked(QuotaChangesSerializer(data=request.data, partial=True))
            _change(quota.user, values, by=caller_of(request))
        return self.changed(quota)


def _change(person: User, values: dict[str, Any], *, by: User) -> UserQuota:
    try:
        return quotas.change(person, by=by, **values)
    except NotPossible as error:
        raise Refused(error.fields) from None
