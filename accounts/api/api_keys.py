"""Keys for programs, through the API: each person's own, and everybody's for admins.

No key reaches these addresses: who holds one must not be able to make another.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.exceptions import ValidationError as Refused
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import networks
from accounts.actions import api_keys
from accounts.api import examples
from accounts.api.asked import caller_of, checked
from accounts.models import ApiKey, User
from config.api.errors import wrong_parameter
from config.api.examples import answer, body
from config.api.filters import FilterSet
from config.api.permissions import LOGGED_IN, NO_KEY
from config.api.routers import Router
from config.api.schema import SECURITY_SCHEMES
from config.api.views import Listed, Retrieved, RowViewSet

_EVERYBODY: Final = "all"
_LARGEST_LIMIT: Final = 1_000_000
_OTHERS: Final = "Only admins see the keys of others."


@answer("A key", examples.API_KEY)
class ApiKeySerializer(serializers.ModelSerializer[ApiKey]):
    """A key as it is read: never its secret, nor what the database keeps of it."""

    user = serializers.UUIDField(source="user_id", read_only=True, help_text="Whose key it is.")
    scopes = serializers.SerializerMethodField()
    networks = serializers.SerializerMethodField(
        help_text="Networks (CIDR) from which the key may be used; empty for everywhere."
    )
    rate_limit_per_minute = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="Requests a minute; null for no limit."
    )

    class Meta:
        model = ApiKey
        fields = (
            "id",
            "user",
            "name",
            "description",
            "prefix",
            "scopes",
            "networks",
            "rate_limit_per_minute",
            "is_active",
            "created_at",
            "updated_at",
            "expires_at",
            "last_used_at",
            "revoked_at",
        )
        read_only_fields = fields

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_scopes(self, key: ApiKey) -> list[str]:
        """The names that the key has; a row that holds something else gives nothing."""
        return _texts(key.scopes)

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_networks(self, key: ApiKey) -> list[str]:
        """The networks."""
        return _texts(key.ip_whitelist)


@answer("A new key", examples.NEW_API_KEY)
class NewApiKeySerializer(ApiKeySerializer):
    """A key that was made this moment, with its secret."""

    key = serializers.CharField(
        read_only=True, help_text="The key itself, `prefix.secret`. It is shown this once."
    )

    class Meta(ApiKeySerializer.Meta):
        fields = (*ApiKeySerializer.Meta.fields, "key")  # type: ignore[assignment] # one longer
        read_only_fields = fields  # type: ignore[assignment] # the stubs want a list


class _Values(serializers.Serializer[Any]):
    """What is written of a key."""

    name = serializers.CharField(max_length=255)
    description = serializers.CharField(required=False, allow_blank=True, max_length=2000)
    networks = serializers.ListField(
        child=serializers.CharField(max_length=60),
        required=False,
        max_length=networks.MOST_NETWORKS,
        help_text="Networks (CIDR) from which the key may be used; empty for everywhere.",
    )
    rate_limit_per_minute = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=_LARGEST_LIMIT,
        help_text="Requests a minute; null for no limit. Without it, 600.",
    )
    expires_at = serializers.DateTimeField(required=False, allow_null=True)


@body("A key for one device", examples.API_KEY_VALUES | {"scopes": ["write:images"]})
class ApiKeyToMakeSerializer(_Values):
    """A key to be made."""

    scopes = serializers.ListField(child=serializers.CharField(max_length=100), min_length=1)
    user = serializers.UUIDField(
        required=False, help_text="Whose key it is to be; only admins name somebody else."
    )


@body("Switch it off", {"is_active": False})
class ApiKeyChangesSerializer(_Values):
    """What is to be different of a key; its scopes stay as they are."""

    is_active = serializers.BooleanField(required=False)


class KeyFilters(FilterSet):
    """Filters of the list."""

    class Meta:
        model = ApiKey
        fields: ClassVar[list[str]] = ["is_active"]


class KeyViewSet(Listed, Retrieved, RowViewSet):
    """API keys; each person has their own, an admin has everybody's."""

    tag = "API keys"
    queryset = ApiKey.objects.all()
    serializer_class = ApiKeySerializer
    filterset_class = KeyFilters
    permission = LOGGED_IN
    scope = NO_KEY
    query_parameters: ClassVar[dict[str, Sequence[str]]] = {"list": ("user",)}
    secret_answers: ClassVar[frozenset[str]] = frozenset({"create"})

    def get_queryset(self) -> QuerySet[ApiKey]:
        """What the caller may see, whatever the database would show."""
        keys = ApiKey.objects.all()
        caller = caller_of(self.request)
        return keys if caller.has_perm("accounts.view_apikey") else keys.filter(user=caller)

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "user",
                str,
                description="Whose keys: a person's id, or `all`; only admins see those of others."
                " Without it, your own.",
            )
        ]
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Your own keys; for admins those of somebody else, or of everybody."""
        return self.list_of(_keys_of(request, self.get_queryset()))

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One key. That it was used does not change its ETag, so the answer is always whole."""
        return self.shown(self.get_object())

    @extend_schema(request=ApiKeyToMakeSerializer, responses={201: NewApiKeySerializer})
    def create(self, request: Request) -> Response:
        """Make a key. The answer holds its secret, which is shown this once."""
        values = checked(ApiKeyToMakeSerializer(data=request.data))
        caller = caller_of(request)
        owner = _owner(caller, values.pop("user", caller.pk))
        try:
            new = api_keys.create(owner, **values, by=caller)
        except api_keys.KeyNotAllowed as error:
            raise Refused(error.fields) from None
        key = self.get_queryset().get(pk=new.key.pk)
        answer = self.shown(key, status=201, location=request.build_absolute_uri(f"{key.pk}/"))
        answer.data = {**answer.data, "key": new.secret}
        return answer

    @extend_schema(request=ApiKeyChangesSerializer, responses=ApiKeySerializer)
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change the name, limits or expiry, or switch the key off and on."""
        with self.changing() as key:
            values = checked(ApiKeyChangesSerializer(data=request.data, partial=True))
            try:
                api_keys.change(key.pk, by=caller_of(request), **values)
            except api_keys.KeyNotAllowed as error:
                raise Refused(error.fields) from None
        return self.changed(key)

    @extend_schema(responses={200: ApiKeySerializer})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Withdraw the key, at once and for ever. Its row stays, for the record."""
        with self.changing() as key:
            api_keys.revoke(key.pk, by=caller_of(request))
        return self.changed(key)


def _keys_of(request: Request, visible: QuerySet[ApiKey]) -> QuerySet[ApiKey]:
    """Those whose owner the address asks for."""
    caller = caller_of(request)
    asked = request.query_params.get("user", str(caller.pk))
    sees_all = caller.has_perm("accounts.view_apikey")
    if asked == _EVERYBODY and sees_all:
        return visible
    if asked == _EVERYBODY:
        raise PermissionDenied(_OTHERS)
    try:
        owner = UUID(asked)
    except ValueError:
        raise wrong_parameter("user", "It must be the id of a person, or all.") from None
    if owner != caller.pk and not sees_all:
        raise PermissionDenied(_OTHERS)
    return visible.filter(user_id=owner)


def _owner(caller: User, user_id: UUID) -> User:
    if user_id == caller.pk:
        return caller
    if not caller.has_perm("accounts.add_apikey"):
        raise PermissionDenied("Only an admin may make a key for somebody else.")
    owner = User.objects.filter(pk=user_id).first()
    if owner is None:
        raise Refused({"user": ["There is nobody with this id."]})
    return owner


def _texts(value: object) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call] # no types
    """The key in the OpenAPI document."""

    target_class = "accounts.api.key_authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        """As in the document's components."""
        scheme: dict[str, Any] = SECURITY_SCHEMES[self.name]
        return scheme


router = Router()
router.register("api-keys", KeyViewSet, basename="api-key")
urlpatterns = router.urls
