"""Logging in and out with a program, and the tokens that it gets."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import auth
from django.urls import path
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actions import log_in, second_factor, sessions
from accounts.actions.sessions import Tokens
from accounts.api import examples
from accounts.api.authentication import signing
from accounts.models import SessionEnd, SessionKind, User
from accounts.tokens import keyring
from config.api import problems
from config.api.errors import Refusal
from config.api.examples import answer, body
from config.api.permissions import LOGGED_IN, NO_KEY, PUBLIC
from config.api.problems import ProblemType, declare_problem
from config.api.schema import SECURITY_SCHEMES
from config.api.throttles import AddressLimit, client_address
from config.api.views import ApiView, validated

# More than any password or code may have: what is longer is refused unread.
_LONGEST_PASSWORD: Final = 1000
_LONGEST_CODE: Final = 100


class LoginFailed(AuthenticationFailed):
    """The address, the password or the code is wrong, or the account may not be used."""

    kind = declare_problem(
        ProblemType(
            "login-refused",
            401,
            "You are not logged in",
            "The e-mail address, the password or the code is wrong, or the account cannot be used"
            " at this moment. Which of them is not told.",
        )
    )


class CodeNeeded(AuthenticationFailed):
    """The password is right; the person also has a second factor."""

    kind = declare_problem(
        ProblemType(
            "second-factor-needed",
            401,
            "A one-time code is needed too",
            "Send the same request with code: the one-time code that the app shows at this moment,"
            " or a recovery code.",
        )
    )


class EnrolmentNeeded(Refusal):
    """Staff must have a second factor here, and this person has none yet."""

    kind = declare_problem(
        ProblemType(
            "second-factor-required",
            403,
            "A second factor must be set up first",
            "People with your role need one. Log in with a browser and set it up, then log in here"
            " again.",
        )
    )


class TooManyLogIns(Refusal):
    """The address has to wait."""

    kind = problems.THROTTLED


class RefreshFailed(AuthenticationFailed):
    """The refresh token opens nothing any more."""

    kind = declare_problem(
        ProblemType(
            "refresh-refused",
            401,
            "The refresh token cannot be used",
            "It is unknown or expired, its session has ended, or it was used before. Log in again.",
        )
    )


class RefreshRepeated(Refusal):
    """The refresh token was used within the last seconds; nobody is punished for that."""

    kind = declare_problem(
        ProblemType(
            "refreshed-already",
            409,
            "The refresh token was used a moment ago",
            "Two requests were sent with the same token, and the other was answered. Use the tokens"
            " of that answer; when they are lost, log in again. The same token once more, later,"
            " counts as stolen.",
        )
    )


class RefreshLimit(AddressLimit):
    """For strangers who try tokens: a device refreshes four times an hour."""

    scope = "refresh"
    most = 300


@body(
    "With a code",
    {
        "email": "ada@example.org",
        "password": examples.PASSWORD,
        "code": examples.CODE,
        "device_name": "lab script",
    },
)
class LogInBody(serializers.Serializer[Any]):
    """Who logs in, from which device."""

    # No e-mail field: what cannot be an address is answered as an unknown one.
    email = serializers.CharField(max_length=255)
    password = serializers.CharField(max_length=_LONGEST_PASSWORD, trim_whitespace=False)
    code = serializers.CharField(
        max_length=_LONGEST_CODE,
        required=False,
        help_text="The one-time code, or a recovery code, where a second factor is on.",
    )
    device_name = serializers.CharField(
        max_length=200,
        required=False,
        help_text="What the session is called in its owner's list.",
    )


@body("The token of the last answer", {"refresh_token": "shown-this-once"})
class RefreshBody(serializers.Serializer[Any]):
    """The token to be exchanged."""

    refresh_token = serializers.CharField(max_length=200)


@answer("Tokens", examples.TOKENS)
class TokensAnswer(serializers.Serializer[Tokens]):
    """New tokens; neither is kept here, so neither can be shown again."""

    access_token = serializers.CharField(source="access")
    token_type = serializers.SerializerMethodField()
    expires_in = serializers.SerializerMethodField(help_text="Seconds.")
    access_expires_at = serializers.DateTimeField()
    refresh_token = serializers.CharField(source="refresh")
    refresh_expires_at = serializers.DateTimeField()
    session = serializers.UUIDField(source="session.pk")

    def get_token_type(self, tokens: Tokens) -> str:
        """As RFC 6750 calls it."""
        return "Bearer"

    def get_expires_in(self, tokens: Tokens) -> int:
        """For clients that do not trust their clock."""
        return max(0, round((tokens.access_expires_at - timezone.now()).total_seconds()))


class LogIn(ApiView):
    """An address and a password, and a code where it is asked for, become tokens."""

    permission = PUBLIC
    authentication_classes = ()  # a token that has expired is no hindrance
    never_repeated = frozenset({"post"})
    refusals = (LoginFailed.kind, CodeNeeded.kind, EnrolmentNeeded.kind)
    tag = "auth"

    @extend_schema(operation_id="log_in", request=LogInBody, responses=TokensAnswer)
    def post(self, request: Request) -> Response:
        """Log a program in; the answer's tokens are shown once."""
        given = validated(LogInBody(data=request.data))
        address = client_address(request)
        user, has_second_factor = _identified(given, address)
        try:
            with signing():
                tokens = sessions.start_api(
                    user,
                    device_name=given.get("device_name", ""),
                    user_agent=request.headers.get("User-Agent", ""),
                    address=address,
                    has_second_factor=has_second_factor,
                )
        except sessions.AccountChanged:
            raise LoginFailed(log_in.REFUSED) from None
        return Response(TokensAnswer(tokens).data)


class Refresh(ApiView):
    """A refresh token becomes its successor and an access token."""

    permission = PUBLIC
    authentication_classes = ()
    throttle_classes = (RefreshLimit,)
    never_repeated = frozenset({"post"})
    refusals = (RefreshFailed.kind, RefreshRepeated.kind)
    tag = "auth"

    @extend_schema(operation_id="refresh", request=RefreshBody, responses=TokensAnswer)
    def post(self, request: Request) -> Response:
        """Exchange a refresh token; each can be used once, and a second use ends the session."""
        given = validated(RefreshBody(data=request.data))
        try:
            with signing():
                tokens = sessions.refresh(
                    given["refresh_token"],
                    address=client_address(request),
                    user_agent=request.headers.get("User-Agent", ""),
                )
        except sessions.RefreshedAlready as error:
            raise RefreshRepeated(str(error), wait=error.retry_after) from None
        except sessions.SessionOver as error:
            raise RefreshFailed(str(error)) from None
        return Response(TokensAnswer(tokens).data)


class LogOut(ApiView):
    """The end of the session that the request comes with."""

    permission = LOGGED_IN
    scope = NO_KEY
    never_repeated = frozenset({"post"})
    tag = "auth"

    @extend_schema(
        operation_id="log_out", request=None, responses={204: OpenApiResponse(description="Ended.")}
    )
    def post(self, request: Request) -> Response:
        """Log out; access and refresh tokens of the session are worth nothing from here on."""
        assert isinstance(request.user, User)
        session = sessions.end(
            request.auth.session_id,  # type: ignore[union-attr] # NO_KEY: a session's credentials
            by=request.user,
            reason=SessionEnd.LOGGED_OUT,
        )
        if session.kind == SessionKind.BROWSER:
            auth.logout(request._request)
        return Response(status=204)


class Keys(ApiView):
    """The public halves of the keys that sign access tokens."""

    permission = PUBLIC
    authentication_classes = ()
    tag = "auth"

    @extend_schema(
        operation_id="token_keys",
        examples=[OpenApiExample("One key", examples.KEY_SET)],
        responses={
            200: {
                "type": "object",
                "required": ["keys"],
                "properties": {
                    "keys": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["kty", "crv", "x", "kid", "alg", "use"],
                            "properties": {
                                name: {"type": "string"}
                                for name in ("kty", "crv", "x", "kid", "alg", "use")
                            },
                        },
                    }
                },
            }
        },
    )
    def get(self, request: Request) -> Response:
        """A JSON Web Key Set (RFC 7517), for services that check access tokens themselves.

        They learn from it who somebody is, not whether the session has ended meanwhile: that only
        asking here can tell.
        """
        with signing():
            keys = keyring.current().public_keys()
        return Response({"keys": keys}, headers={"Cache-Control": "public, max-age=300"})


def _identified(given: dict[str, Any], address: str) -> tuple[User, bool]:
    """The person, and whether they gave a code; nothing is told before the password was right."""
    try:
        user = log_in.check(given["email"], given["password"], address=address)
        if not second_factor.is_on(user):
            if second_factor.is_demanded(user):
                raise EnrolmentNeeded
            return user, False
        if "code" not in given:
            raise CodeNeeded(CodeNeeded.kind.advice)
        log_in.check_code(user, given["code"], address=address)
    except log_in.TooManyAttempts as error:
        raise TooManyLogIns(str(error), wait=error.retry_after) from None
    except log_in.LoginRefused as error:
        raise LoginFailed(str(error)) from None
    return user, True


class AccessTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call] # no types in the package
    """The access token in the OpenAPI document."""

    target_class = "accounts.api.authentication.AccessTokenAuthentication"
    name = "accessToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        """As in the document's components."""
        scheme: dict[str, Any] = SECURITY_SCHEMES[self.name]
        return scheme


class BrowserScheme(AccessTokenScheme):  # type: ignore[no-untyped-call] # no types in the package
    """The session's cookie in the OpenAPI document."""

    target_class = "accounts.api.authentication.BrowserAuthentication"
    name = "session"


urlpatterns = [
    path("auth/login/", LogIn.as_view(), name="auth-login"),
    path("auth/refresh/", Refresh.as_view(), name="auth-refresh"),
    path("auth/logout/", LogOut.as_view(), name="auth-logout"),
    path("auth/keys/", Keys.as_view(), name="auth-keys"),
]
