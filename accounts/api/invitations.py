"""Invitations through the API: admins make them, and whoever holds the token accepts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID

from django.core.exceptions import ValidationError as Invalid
from django.db.models import QuerySet
from django.urls import path
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actions import invitations
from accounts.api import examples
from accounts.api.asked import caller_of
from accounts.api.declared import READ_PEOPLE, WRITE_PEOPLE
from accounts.api.proof import LINK_DEAD, answered
from accounts.link_tokens import DeadLink
from accounts.mail import Delivery
from accounts.models import Invitation
from accounts.roles import Role
from config.api.examples import answer, body
from config.api.filters import FilterSet, TruthFilter
from config.api.permissions import NO_KEY, PUBLIC
from config.api.preconditions import etag_from
from config.api.routers import Router
from config.api.views import ApiView, Listed, Retrieved, RowViewSet, validated

_LONGEST_PASSWORD = 1000


class DeliveryAnswer(serializers.Serializer[Any]):
    """What became of the letter; when it was not sent, the invitation stands all the same."""

    sent = serializers.BooleanField()
    error = serializers.CharField(allow_blank=True)


@answer("Open", examples.INVITATION)
class InvitationSerializer(serializers.ModelSerializer[Invitation]):
    """An address that may become a person; never the token."""

    class Meta:
        model = Invitation
        fields: tuple[str, ...] = (
            "id",
            "email",
            "role",
            "invited_by",
            "created_at",
            "expires_at",
            "accepted_at",
            "accepted_by",
            "revoked_at",
        )
        read_only_fields = fields


@answer("Open", examples.INVITATION | {"mail": examples.SENT})
class InvitedSerializer(InvitationSerializer):
    """With what became of its letter."""

    mail = DeliveryAnswer(read_only=True)

    class Meta(InvitationSerializer.Meta):
        fields: tuple[str, ...] = (*InvitationSerializer.Meta.fields, "mail")
        read_only_fields = fields


@body("A viewer", {"email": "grace@example.org", "role": "viewer"})
class NewInvitationSerializer(serializers.Serializer[Any]):
    """Whom to invite, and as what."""

    email = serializers.EmailField(max_length=255)
    role = serializers.ChoiceField(choices=Role.choices, default=Role.VIEWER)


@body(
    "Accept",
    {
        "token": examples.LINK_TOKEN,
        "full_name": "Grace Example",
        "password": examples.PASSWORD,
    },
)
class AcceptanceSerializer(serializers.Serializer[Any]):
    """The token from the mail, and what the new person chooses."""

    token = serializers.CharField(max_length=200)
    full_name = serializers.CharField(max_length=255)
    password = serializers.CharField(max_length=_LONGEST_PASSWORD, trim_whitespace=False)


@answer(
    "A new person",
    {
        "id": examples.PERSON_ID,
        "email": "grace@example.org",
        "full_name": "Grace Example",
        "role": "viewer",
    },
)
class AcceptedSerializer(serializers.Serializer[Any]):
    """The new person, who logs in next."""

    id = serializers.UUIDField()
    email = serializers.CharField()
    full_name = serializers.CharField()
    role = serializers.CharField()


class InvitationFilters(FilterSet):
    """By role, and whether the link still works."""

    open = TruthFilter(method="by_standing", help_text="Only those that can be accepted.")

    class Meta:
        model = Invitation
        fields: ClassVar[list[str]] = ["role"]

    def by_standing(
        self, rows: QuerySet[Invitation], name: str, value: bool
    ) -> QuerySet[Invitation]:
        """Neither accepted, withdrawn nor expired; or one of these."""
        wanted = {"accepted_at": None, "revoked_at": None, "expires_at__gt": timezone.now()}
        return rows.filter(**wanted) if value else rows.exclude(**wanted)


class InvitationViewSet(Listed, Retrieved, RowViewSet):
    """Who was invited; for admins."""

    tag = "People"
    queryset = Invitation.objects.all()
    serializer_class = InvitationSerializer
    filterset_class = InvitationFilters
    orders: ClassVar[dict[str, tuple[str, ...]]] = {"newest": ("-created_at", "-pk")}
    permission: ClassVar[dict[str, Any]] = {
        "list": "accounts.view_invitation",
        "retrieve": "accounts.view_invitation",
        "create": "accounts.add_user",
        "resend": "accounts.change_invitation",
        "withdraw": "accounts.change_invitation",
    }
    scope: ClassVar[dict[str, Any]] = {
        "list": READ_PEOPLE,
        "retrieve": READ_PEOPLE,
        "create": NO_KEY,
        "resend": NO_KEY,
        "withdraw": WRITE_PEOPLE,
    }
    # The answer says whether the mail was sent, which is known after the transaction; a second
    # request is refused by itself, as the address is invited then.
    never_repeated = frozenset({"create", "resend"})

    def etag(self, row: Invitation) -> str:
        """All that can change of it."""
        return etag_from(row.pk, row.expires_at, row.accepted_at, row.revoked_at)

    @extend_schema(request=NewInvitationSerializer, responses={201: InvitedSerializer})
    def create(self, request: Request) -> Response:
        """Invite an address; the link goes there by mail, and nowhere else."""
        given = validated(NewInvitationSerializer(data=request.data))
        try:
            invited = invitations.create(given["email"], given["role"], by=caller_of(request))
        except Invalid as error:
            raise ValidationError(error.message_dict) from None
        return self._told(invited.invitation, invited.delivery, status=201)

    @extend_schema(request=None, responses=InvitedSerializer)
    @action(detail=True, methods=["post"])
    def resend(self, request: Request, pk: UUID) -> Response:
        """Send a new link, valid for seven days from now; the old one is void."""
        invited = invitations.resend(pk, by=caller_of(request))
        return self._told(invited.invitation, invited.delivery)

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: UUID) -> Response:
        """Make the link void."""
        return self.changed(invitations.withdraw(pk, by=caller_of(request)))

    def _told(self, invitation: Invitation, delivery: Delivery, *, status: int = 200) -> Response:
        mail = {"sent": delivery.sent, "error": delivery.error}
        return Response(
            {**InvitationSerializer(invitation).data, "mail": DeliveryAnswer(mail).data},
            status=status,
        )


class Accept(ApiView):
    """For whoever was invited."""

    permission = PUBLIC
    authentication_classes: Sequence[type[BaseAuthentication]] = ()
    never_repeated = frozenset({"post"})
    refusals = (LINK_DEAD,)
    tag = "auth"

    @extend_schema(
        operation_id="accept_invitation",
        request=AcceptanceSerializer,
        responses={201: AcceptedSerializer},
    )
    def post(self, request: Request) -> Response:
        """Become a person, with the token from the mail; logging in comes after."""
        given = validated(AcceptanceSerializer(data=request.data))
        invitation = invitations.find(given["token"])
        if invitation is None:
            raise DeadLink
        with answered():
            user = invitations.accept(
                invitation, full_name=given["full_name"], password=given["password"]
            )
        return Response(AcceptedSerializer(user).data, status=201)


router = Router()
router.register("invitations", InvitationViewSet)
urlpatterns = [
    path("invitations/accept/", Accept.as_view(), name="invitation-accept"),
    *router.urls,
]
