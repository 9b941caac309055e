"""One's own keys at AI providers, through the API. They are written and never read.

No API key reaches these addresses: who holds one must not be able to plant a key of theirs.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.views.decorators.debug import sensitive_variables
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError as Refused
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.asked import caller_of, checked
from config.api.examples import answer, body
from config.api.filters import FilterSet
from config.api.permissions import LOGGED_IN, NO_KEY
from config.api.preconditions import etag_of
from config.api.views import Listed, Retrieved, RowViewSet
from providers.actions import keys
from providers.api import examples
from providers.errors import KeyNotTaken, KeyNotTested, NoSuchProvider
from providers.models import KeyStatus, UserProvider


@answer("A key that works", examples.KEY)
class ProviderKeySerializer(serializers.ModelSerializer[UserProvider]):
    """A key as it is read: where it belongs, its last four characters, and whether it works."""

    provider = serializers.CharField(source="provider.name", read_only=True)

    class Meta:
        model = UserProvider
        fields = (
            "id",
            "provider",
            "key_hint",
            "is_active",
            "status",
            "error_message",
            "tested_at",
            "last_used_at",
            "stopped_at",
            "stopped_reason",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


@body("A key", examples.NEW_KEY)
class NewProviderKeySerializer(serializers.Serializer[Any]):
    """A key to be entered, in place of the one before."""

    provider = serializers.CharField(max_length=40)
    key = serializers.CharField(
        max_length=512, write_only=True, help_text="The key itself. It is never shown again."
    )
    even_untested = serializers.BooleanField(
        default=False, help_text="Store it although the provider cannot be asked now."
    )


@body("Switched off", examples.KEY_CHANGES)
class ProviderKeyChangesSerializer(serializers.Serializer[Any]):
    """What is to be different of a key."""

    is_active = serializers.BooleanField()


@answer("It works", examples.TESTED)
class TestedSerializer(serializers.Serializer[Any]):
    """What a test of a key found."""

    status = serializers.ChoiceField(choices=KeyStatus.choices)
    said = serializers.CharField(help_text="A sentence of what came back.")


class KeyFilters(FilterSet):
    """Filters of the list."""

    class Meta:
        model = UserProvider
        fields: ClassVar[list[str]] = ["is_active", "status"]


class ProviderKeyViewSet(Listed, Retrieved, RowViewSet):
    """One's own keys at AI providers, used before the team's."""

    tag = "Providers"
    queryset = UserProvider.objects.all()
    serializer_class = ProviderKeySerializer
    filterset_class = KeyFilters
    permission = LOGGED_IN
    scope = NO_KEY
    # The provider is asked before anything is stored: not inside a repetition's transaction.
    never_repeated: ClassVar[frozenset[str]] = frozenset({"create", "test"})

    def get_queryset(self) -> QuerySet[UserProvider]:
        """One's own alone, also for admins."""
        caller = caller_of(self.request)
        return UserProvider.objects.filter(user_id=caller.pk).select_related("provider")

    def etag(self, row: UserProvider) -> str:
        """Also what tests and calls change, which no moment of change tells."""
        return etag_of(row, row.status, row.tested_at, row.last_used_at, row.stopped_at)

    @sensitive_variables("values")
    @extend_schema(request=NewProviderKeySerializer, responses={201: ProviderKeySerializer})
    def create(self, request: Request) -> Response:
        """Enter a key; it is tested first by a request that is not billed."""
        values = checked(NewProviderKeySerializer(data=request.data))
        caller = caller_of(request)
        try:
            row = keys.enter_own(
                caller,
                values["provider"],
                values["key"],
                by=caller,
                even_untested=values["even_untested"],
            )
        except NoSuchProvider as error:
            raise Refused({"provider": [str(error)]}) from None
        except KeyNotTested:
            raise
        except KeyNotTaken as error:
            raise Refused({"key": [str(error)]}) from None
        made = self.get_queryset().get(pk=row.pk)
        return self.shown(made, status=201, location=request.build_absolute_uri(f"{row.pk}/"))

    @extend_schema(request=ProviderKeyChangesSerializer, responses=ProviderKeySerializer)
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Switch the key off, so that the team's is used, or on again.

        One that an admin stopped is not switched on by its owner: 409 `conflict`, with the reason.
        """
        with self.changing() as row:
            values = checked(ProviderKeyChangesSerializer(data=request.data))
            keys.switch_own(row.pk, on=values["is_active"], by=caller_of(request))
        return self.changed(row)

    @extend_schema(responses={204: OpenApiResponse(description="Removed.")})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Remove the key."""
        with self.changing() as row:
            keys.remove_own(row.pk, by=caller_of(request))
        return Response(status=204)

    @extend_schema(request=None, responses=TestedSerializer)
    @action(detail=True, methods=["post"])
    def test(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Ask the provider whether the key works, by a request that is not billed."""
        tested = keys.test_own(self.get_object().pk, by=caller_of(request))
        return Response({"status": tested.status, "said": tested.said})
