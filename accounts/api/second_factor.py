"""One's own second factor through the API, and an admin's help for who lost theirs."""

from __future__ import annotations

from typing import Any

from django.contrib import auth
from django.urls import path
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actions import own_factor, second_factor
from accounts.api import examples
from accounts.api.asked import caller_of
from accounts.api.proof import answered
from accounts.models import User
from config.api.examples import answer, body
from config.api.permissions import LOGGED_IN, NO_KEY
from config.api.problems import NOT_FOUND
from config.api.throttles import client_address
from config.api.views import ApiView, validated

_LONGEST_PASSWORD = 1000
_LONGEST_CODE = 100


@answer(
    "On",
    {
        "is_on": True,
        "is_demanded": True,
        "since": examples.MADE,
        "recovery_codes_left": 10,
    },
)
class StatusAnswer(serializers.Serializer[Any]):
    """How the second factor of the caller stands."""

    is_on = serializers.BooleanField()
    is_demanded = serializers.BooleanField()
    since = serializers.DateTimeField(allow_null=True)
    recovery_codes_left = serializers.IntegerField(source="codes_left")


@body("Proof", {"password": examples.PASSWORD})
class PasswordBody(serializers.Serializer[Any]):
    """Proof of who asks."""

    password = serializers.CharField(max_length=_LONGEST_PASSWORD, trim_whitespace=False)


@body("The first code", {"code": examples.CODE})
class CodeBody(serializers.Serializer[Any]):
    """The first code of a new secret."""

    code = serializers.CharField(max_length=_LONGEST_CODE)


@body("Proof", {"password": examples.PASSWORD, "code": examples.CODE})
class ProofBody(PasswordBody):
    """Proof of who asks, where a second factor is on: a one-time code or a recovery code, too."""

    code = serializers.CharField(max_length=_LONGEST_CODE)


@answer("For the app", examples.ENROLMENT)
class EnrolmentAnswer(serializers.Serializer[Any]):
    """What an app needs; shown now and never again."""

    secret = serializers.CharField(help_text="Base32; SHA-1, six digits, steps of 30 seconds.")
    uri = serializers.CharField(help_text="otpauth://…, as a QR code holds it.")
    svg = serializers.CharField(help_text="The same as a picture.")


@answer("Codes", {"recovery_codes": ["shown-this-once"]})
class RecoveryCodesAnswer(serializers.Serializer[Any]):
    """Ten codes, each good for one log-in; shown now and never again."""

    recovery_codes = serializers.ListField(child=serializers.CharField())


@body("Somebody", {"user": examples.PERSON_ID})
class FactorOfBody(serializers.Serializer[Any]):
    """Whose second factor is turned off."""

    user = serializers.UUIDField()


class _Own(ApiView):
    """For every person, whatever their role, and for no key."""

    permission = LOGGED_IN
    scope = NO_KEY
    # Failures are counted, which must not be undone with a transaction; and most answer a secret.
    never_repeated = frozenset({"post"})
    tag = "auth"


class Status(_Own):
    """Whether it is on."""

    @extend_schema(operation_id="second_factor", responses=StatusAnswer)
    def get(self, request: Request) -> Response:
        """How the caller's second factor stands."""
        return Response(StatusAnswer(second_factor.status(caller_of(request))).data)


class Enrol(_Own):
    """The beginning."""

    @extend_schema(
        operation_id="second_factor_enrol", request=PasswordBody, responses={201: EnrolmentAnswer}
    )
    def post(self, request: Request) -> Response:
        """Make a secret, for the password; it counts once a first code confirms it."""
        given = validated(PasswordBody(data=request.data))
        with answered():
            enrolment = own_factor.begin(caller_of(request), **given)
        return Response(EnrolmentAnswer(enrolment).data, status=201)


class Confirm(_Own):
    """The first code."""

    @extend_schema(
        operation_id="second_factor_confirm", request=CodeBody, responses=RecoveryCodesAnswer
    )
    def post(self, request: Request) -> Response:
        """Turn the second factor on. The caller's other sessions end."""
        given = validated(CodeBody(data=request.data))
        session_id = getattr(request.auth, "session_id", None)
        try:
            codes = second_factor.confirm(caller_of(request), given["code"], session_id=session_id)
        except second_factor.WrongCode as error:
            raise ValidationError({"code": [str(error)]}) from None
        return Response({"recovery_codes": codes})


class RecoveryCodes(_Own):
    """New recovery codes."""

    @extend_schema(
        operation_id="second_factor_recovery_codes",
        request=ProofBody,
        responses={201: RecoveryCodesAnswer},
    )
    def post(self, request: Request) -> Response:
        """Make ten new recovery codes; those before are void."""
        given = validated(ProofBody(data=request.data))
        with answered():
            codes = own_factor.new_recovery_codes(
                caller_of(request), address=client_address(request), **given
            )
        return Response({"recovery_codes": codes}, status=201)


class Remove(_Own):
    """The end."""

    @extend_schema(
        operation_id="second_factor_remove",
        request=ProofBody,
        responses={204: OpenApiResponse(description="It is off; every session has ended.")},
    )
    def post(self, request: Request) -> Response:
        """Turn the second factor off; every session of the caller ends, this one too."""
        given = validated(ProofBody(data=request.data))
        with answered():
            own_factor.turn_off(caller_of(request), address=client_address(request), **given)
        if getattr(request._request, "browser_session", None) is not None:
            auth.logout(request._request)
        return Response(status=204)


class Reset(ApiView):
    """The second factor of somebody else."""

    permission = "accounts.change_user"
    scope = NO_KEY
    refusals = (NOT_FOUND,)
    tag = "auth"

    @extend_schema(
        operation_id="second_factor_reset",
        request=FactorOfBody,
        responses={204: OpenApiResponse(description="It is off; the person's sessions ended.")},
    )
    def post(self, request: Request) -> Response:
        """Turn off the second factor of somebody who lost phone and recovery codes; for admins."""
        given = validated(FactorOfBody(data=request.data))
        user = get_object_or_404(User.objects.all(), pk=given["user"])
        second_factor.remove(user, by=caller_of(request))
        return Response(status=204)


urlpatterns = [
    path("auth/second-factor/", Status.as_view(), name="second-factor"),
    path("auth/second-factor/enrol/", Enrol.as_view(), name="second-factor-enrol"),
    path("auth/second-factor/confirm/", Confirm.as_view(), name="second-factor-confirm"),
    path("auth/second-factor/recovery-codes/", RecoveryCodes.as_view(), name="recovery-codes"),
    path("auth/second-factor/remove/", Remove.as_view(), name="second-factor-remove"),
    path("auth/second-factor/reset/", Reset.as_view(), name="second-factor-reset"),
]
