"""One's own sessions, and for admins everybody's; and who one is."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.urls import path
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import living_sessions, roles
from accounts.actions import second_factor, sessions
from accounts.api import examples
from accounts.models import Session, SessionEnd, User
from accounts.roles import Role
from config.api.examples import answer
from config.api.filters import FilterSet, KeyFilter, TruthFilter
from config.api.permissions import LOGGED_IN, NO_KEY
from config.api.preconditions import etag_from
from config.api.scopes import declare_scope
from config.api.views import ApiView, Listed, Retrieved, RowViewSet

READ_SELF = declare_scope("read:self", "See whose key it is, and what that person may do.")


class SessionFilters(FilterSet):
    """Whose, and whether they still live."""

    user = KeyFilter(field_name="user_id", help_text="Another person's; for admins.")
    live = TruthFilter(method="by_life", help_text="Only those that still live, or the others.")

    class Meta:
        model = Session
        fields = ("kind",)

    def by_life(self, rows: QuerySet[Session], name: str, value: bool) -> QuerySet[Session]:
        """Neither ended, expired nor unused for too long; or one of these."""
        return (
            rows.filter(living_sessions.live()) if value else rows.exclude(living_sessions.live())
        )


@answer("A program", examples.SESSION)
class SessionSerializer(serializers.ModelSerializer[Session]):
    """A device on which somebody is, or was, logged in."""

    is_current = serializers.SerializerMethodField()
    is_live = serializers.SerializerMethodField()
    end_reason = serializers.ChoiceField(
        choices=SessionEnd.choices, read_only=True, allow_blank=True, help_text="Empty until then."
    )

    class Meta:
        model = Session
        fields = (
            "id",
            "user",
            "kind",
            "device_name",
            "user_agent",
            "ip_address",
            "has_second_factor",
            "is_current",
            "is_live",
            "created_at",
            "last_used_at",
            "expires_at",
            "ended_at",
            "end_reason",
        )
        read_only_fields = fields

    def get_is_current(self, session: Session) -> bool:
        """Whether it is the one of this request."""
        return bool(session.pk == _session_id(self.context["request"]))

    def get_is_live(self, session: Session) -> bool:
        """Whether it opens anything."""
        return living_sessions.is_live(session, timezone.now())


@answer("Two others", {"ended": 2})
class Ended(serializers.Serializer[Any]):
    """How many sessions were ended."""

    ended = serializers.IntegerField()


class Sessions(Listed, Retrieved, RowViewSet):
    """Where somebody is logged in."""

    queryset = Session.objects.all()
    serializer_class = SessionSerializer
    filterset_class = SessionFilters
    matching_actions: ClassVar[frozenset[str]] = frozenset()  # to end is no matter of its state
    permission = LOGGED_IN
    scope = NO_KEY
    tag = "auth"

    def get_queryset(self) -> QuerySet[Session]:
        """In a list one's own, unless somebody is named; row level security does the rest."""
        rows: QuerySet[Session] = super().get_queryset()
        if self.current_action() == "list" and "user" not in self.request.query_params:
            return rows.filter(user=_person(self.request))
        return rows

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A page of sessions, the newest log-in first."""
        named = request.query_params.get("user", str(request.user.pk))
        if named != str(request.user.pk) and not request.user.has_perm("accounts.view_session"):
            raise PermissionDenied("Only an admin may see the sessions of others.")
        return super().list(request, *args, **kwargs)

    def etag(self, row: Session) -> str:
        """What can change of a session, which has no moment of its last change."""
        shown = self.get_serializer(row).data
        return etag_from("session", *(str(value) for value in shown.values()))

    @extend_schema(responses={204: OpenApiResponse(description="Ended, or over already.")})
    def destroy(self, request: Request, pk: UUID) -> Response:
        """End a session: its tokens or its browser are logged out at once."""
        session = self.get_object()
        user = _person(request)
        own = session.user_id == user.pk
        sessions.end(
            session.pk,
            by=user,
            reason=SessionEnd.REVOKED if own else SessionEnd.REVOKED_BY_ADMIN,
        )
        return Response(status=204)

    @extend_schema(operation_id="auth_sessions_end_others", responses={200: Ended})
    def end_others(self, request: Request) -> Response:
        """End all one's sessions but the one of this request."""
        user = _person(request)
        ended = sessions.end_all(user, by=user, reason=SessionEnd.REVOKED, but=_session_id(request))
        return Response({"ended": ended})


@answer("An analyst", examples.ME)
class Me(serializers.Serializer[Any]):
    """Who asks, and what they may do."""

    id = serializers.UUIDField()
    email = serializers.EmailField()
    full_name = serializers.CharField()
    role = serializers.ChoiceField(choices=Role.choices)
    permissions = serializers.ListField(child=serializers.CharField())
    second_factor = serializers.BooleanField(help_text="Whether logging in takes a code.")
    session = serializers.UUIDField(allow_null=True, help_text="Null where an API key asks.")
    last_login_at = serializers.DateTimeField(allow_null=True)


class WhoAmI(ApiView):
    """The person of the request."""

    permission = LOGGED_IN
    scope = READ_SELF
    tag = "auth"

    @extend_schema(operation_id="me", responses=Me)
    def get(self, request: Request) -> Response:
        """Who one is, in which session, and what the role allows."""
        user = _person(request)
        given = roles.SENTENCES if user.is_superuser else roles.PERMISSIONS.get(user.role, ())
        told = {
            "id": user.pk,
            "email": user.email,
            "full_name": user.full_name,
            "role": user.role,
            "permissions": sorted(given),
            "second_factor": second_factor.is_on(user),
            "session": _session_id(request),
            "last_login_at": user.last_login_at,
        }
        return Response(Me(told).data)


def _person(request: Request) -> User:
    """Who asks: a view that is open to the logged in alone is asked by nobody else."""
    assert isinstance(request.user, User)
    return request.user


def _session_id(request: Request) -> UUID | None:
    found: UUID | None = getattr(request.auth, "session_id", None)
    return found


urlpatterns = [
    path("auth/me/", WhoAmI.as_view(), name="auth-me"),
    path(
        "auth/sessions/",
        Sessions.as_view({"get": "list", "delete": "end_others"}),
        name="auth-sessions",
    ),
    path(
        "auth/sessions/<uuid:pk>/",
        Sessions.as_view({"get": "retrieve", "delete": "destroy"}),
        name="auth-session",
    ),
]
