"""Links to a new password through the API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.urls import path
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actions import password_resets
from accounts.api import examples
from accounts.api.asked import caller_of
from accounts.api.proof import LINK_DEAD, answered
from accounts.link_tokens import DeadLink
from accounts.models import User
from config.api.examples import answer, body
from config.api.permissions import NO_KEY, PUBLIC
from config.api.problems import NOT_FOUND
from config.api.throttles import client_address
from config.api.views import ApiView, validated

_LONGEST_PASSWORD = 1000


@body("Forgotten", {"email": "ada@example.org"})
class AddressBody(serializers.Serializer[Any]):
    """Whose password is forgotten."""

    # No e-mail field: what cannot be an address is answered as an unknown one.
    email = serializers.CharField(max_length=255)


@body("A new one", {"token": examples.LINK_TOKEN, "new_password": examples.PASSWORD})
class NewPasswordBody(serializers.Serializer[Any]):
    """The token from the mail, and the new password."""

    token = serializers.CharField(max_length=200)
    new_password = serializers.CharField(max_length=_LONGEST_PASSWORD, trim_whitespace=False)


@body("Somebody", {"user": examples.PERSON_ID})
class LinkForBody(serializers.Serializer[Any]):
    """Who is sent a link."""

    user = serializers.UUIDField()


@answer("Sent", examples.SENT)
class SentAnswer(serializers.Serializer[Any]):
    """What became of the letter."""

    sent = serializers.BooleanField()
    error = serializers.CharField(allow_blank=True)


class _Public(ApiView):
    """For whoever cannot log in."""

    permission = PUBLIC
    authentication_classes: Sequence[type[BaseAuthentication]] = ()
    never_repeated = frozenset({"post"})
    tag = "auth"


class Ask(_Public):
    """Asking for a link."""

    @extend_schema(
        operation_id="ask_for_password_reset",
        request=AddressBody,
        responses={202: OpenApiResponse(description="If somebody has the address, it gets mail.")},
    )
    def post(self, request: Request) -> Response:
        """Send a link, if the address is somebody's; the answer is the same if it is not."""
        given = validated(AddressBody(data=request.data))
        with answered():
            password_resets.request(given["email"], address=client_address(request))
        return Response(status=202)


class Confirm(_Public):
    """Using a link."""

    refusals = (LINK_DEAD,)

    @extend_schema(
        operation_id="reset_password",
        request=NewPasswordBody,
        responses={204: OpenApiResponse(description="The password is set; sessions have ended.")},
    )
    def post(self, request: Request) -> Response:
        """Set the new password, with the token from the mail; logging in comes after."""
        given = validated(NewPasswordBody(data=request.data))
        reset = password_resets.find(given["token"])
        if reset is None:
            raise DeadLink
        with answered(weak="new_password"):
            password_resets.use(reset, given["new_password"])
        return Response(status=204)


class Send(ApiView):
    """Sending somebody else a link."""

    permission = "accounts.change_user"
    scope = NO_KEY
    # The answer says whether the mail was sent, which is known after the transaction.
    never_repeated = frozenset({"post"})
    refusals = (NOT_FOUND,)
    tag = "auth"

    @extend_schema(operation_id="send_password_reset", request=LinkForBody, responses=SentAnswer)
    def post(self, request: Request) -> Response:
        """Send a person a link to set a password, also a first one; for admins."""
        given = validated(LinkForBody(data=request.data))
        user = get_object_or_404(User.objects.all(), pk=given["user"])
        delivery = password_resets.send(user.pk, by=caller_of(request))
        return Response(SentAnswer({"sent": delivery.sent, "error": delivery.error}).data)


urlpatterns = [
    path("auth/password-resets/", Ask.as_view(), name="password-resets"),
    path("auth/password-resets/confirm/", Confirm.as_view(), name="password-reset-confirm"),
    path("auth/password-resets/send/", Send.as_view(), name="password-reset-send"),
]
