"""People and roles through the API.

E-mail addresses and what happened to an account are shown to admins and to the person alone;
whoever works here sees what the others are called and what their role is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.db import transaction
from django.db.models import QuerySet
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actions import log_in, people, roles
from accounts.api import examples
from accounts.api.asked import caller_of, checked, comes_with_key
from accounts.api.declared import READ_PEOPLE, WRITE_PEOPLE
from accounts.models import User
from accounts.roles import SENTENCES, STAFF, Role, allows
from config.api.examples import answer, body
from config.api.filters import FilterSet
from config.api.permissions import LOGGED_IN, NO_KEY
from config.api.routers import Router
from config.api.views import ApiView, Listed, Retrieved, RowViewSet

# Shown to admins and to the person themself; null for everybody else.
_PRIVATE = ("email", "is_email_verified", "last_login_at", "locked_until", "created_at")


@answer("An analyst", examples.PERSON)
class PersonSerializer(serializers.ModelSerializer[User]):
    """A person; what is private is null for who may not see it."""

    email = serializers.CharField(read_only=True, allow_null=True)
    is_email_verified = serializers.BooleanField(read_only=True, allow_null=True)
    created_at = serializers.DateTimeField(read_only=True, allow_null=True)

    class Meta:
        model = User
        fields = ("id", "full_name", "role", "is_active", *_PRIVATE, "updated_at")
        read_only_fields = fields

    def to_representation(self, instance: User) -> dict[str, Any]:
        """The fields, without what the caller may not see."""
        shown: dict[str, Any] = super().to_representation(instance)
        caller = caller_of(self.context["request"])
        if instance.pk != caller.pk and not caller.has_perm("accounts.view_user"):
            shown |= dict.fromkeys(_PRIVATE)
        return shown


@body("An analyst", {"email": "ada@example.org", "full_name": "Ada Example", "role": "analyst"})
class NewPersonSerializer(serializers.Serializer[Any]):
    """A person to be added; they get a password by an invitation or a reset."""

    email = serializers.EmailField(max_length=255)
    full_name = serializers.CharField(required=False, allow_blank=True, max_length=255)
    role = serializers.ChoiceField(choices=Role.choices, default=Role.VIEWER)


@body("Another name", {"full_name": "Ada B. Example"})
class PersonChangesSerializer(serializers.Serializer[Any]):
    """What is to be different: admins may write all of it, others their own name."""

    full_name = serializers.CharField(required=False, allow_blank=True, max_length=255)
    email = serializers.EmailField(required=False, max_length=255)
    is_email_verified = serializers.BooleanField(required=False)


@body("Promoted", {"role": "moderator"})
class NewRoleSerializer(serializers.Serializer[Any]):
    """The role to be given."""

    role = serializers.ChoiceField(choices=Role.choices)


class PersonFilters(FilterSet):
    """Filters of the list; none by what not everybody may see."""

    class Meta:
        model = User
        fields: ClassVar[list[str]] = ["role", "is_active"]


class PersonViewSet(Listed, Retrieved, RowViewSet):
    """People who log in, and programs that do."""

    tag = "People"
    queryset = User.objects.all()
    serializer_class = PersonSerializer
    filterset_class = PersonFilters
    permission: ClassVar[dict[str, Any]] = {
        "list": LOGGED_IN,
        "retrieve": LOGGED_IN,
        "create": "accounts.add_user",
        "partial_update": LOGGED_IN,
        "role": "accounts.change_user",
        "deactivate": "accounts.change_user",
        "reactivate": "accounts.change_user",
        "unlock": "accounts.change_user",
    }
    scope: ClassVar[dict[str, Any]] = {
        "list": READ_PEOPLE,
        "retrieve": READ_PEOPLE,
        "create": WRITE_PEOPLE,
        "partial_update": WRITE_PEOPLE,
        "role": NO_KEY,
        "deactivate": WRITE_PEOPLE,
        "reactivate": WRITE_PEOPLE,
        "unlock": WRITE_PEOPLE,
    }

    def get_queryset(self) -> QuerySet[User]:
        """Everybody, for who works here; programs see themselves alone."""
        caller = caller_of(self.request)
        found = User.objects.all()
        return found if caller.role in STAFF else found.filter(pk=caller.pk)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One person. A log-in does not change their ETag, so the answer is always whole."""
        return self.shown(self.get_object())

    @extend_schema(request=NewPersonSerializer, responses={201: PersonSerializer})
    def create(self, request: Request) -> Response:
        """Add a person, who cannot log in until they get a password; no key adds an admin."""
        values = checked(NewPersonSerializer(data=request.data))
        if comes_with_key(request) and values["role"] == Role.ADMIN:
            raise PermissionDenied("An API key cannot add an admin. Log in instead.")
        person = User(**values | {"email": User.objects.normalize_email(values["email"])})
        person.set_unusable_password()
        person.full_clean(exclude=["password"])
        people.add(person, by=caller_of(request))
        made = self.get_queryset().get(pk=person.pk)
        return self.shown(made, status=201, location=request.build_absolute_uri(f"{person.pk}/"))

    @extend_schema(request=PersonChangesSerializer, responses=PersonSerializer)
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change the name, and for admins the address; a changed address is not verified."""
        with self.changing() as person:
            values = checked(PersonChangesSerializer(data=request.data, partial=True))
            if comes_with_key(request) and values.keys() - {"full_name"}:
                # Who changes an address can have a new password sent to it.
                raise PermissionDenied("An API key cannot change an address. Log in instead.")
            people.edit(person.pk, by=caller_of(request), **values)
        return self.changed(person)

    @extend_schema(request=NewRoleSerializer, responses=PersonSerializer)
    @action(methods=["post"], detail=True)
    def role(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Give the person another role; their sessions end."""
        person = self.get_object()
        wanted = checked(NewRoleSerializer(data=request.data))["role"]
        with transaction.atomic():
            roles.change(person.pk, wanted, by=caller_of(request))
        return self.changed(person)

    @extend_schema(request=None, responses=PersonSerializer)
    @action(methods=["post"], detail=True)
    def deactivate(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Shut the person out: sessions end, and keys open nothing."""
        return self._done(people.deactivate)

    @extend_schema(request=None, responses=PersonSerializer)
    @action(methods=["post"], detail=True)
    def reactivate(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Let the person in again."""
        return self._done(people.reactivate)

    @extend_schema(request=None, responses=PersonSerializer)
    @action(methods=["post"], detail=True)
    def unlock(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Lift the lock that follows ten wrong passwords."""
        return self._done(log_in.unlock)

    def _done(self, act: Callable[..., User]) -> Response:
        person = self.get_object()
        act(person.pk, by=caller_of(self.request))
        return self.changed(person)


class PermissionSerializer(serializers.Serializer[Any]):
    """One permission, as a role has it or not."""

    name = serializers.CharField()
    sentence = serializers.CharField()
    given = serializers.BooleanField()


class RoleSerializer(serializers.Serializer[Any]):
    """One role with what it may do."""

    role = serializers.ChoiceField(choices=Role.choices)
    title = serializers.CharField()
    uses_staff_pages = serializers.BooleanField()
    permissions = PermissionSerializer(many=True)


@answer("One role of five", examples.ROLES)
class RoleTableSerializer(serializers.Serializer[Any]):
    """All roles, in the form of a list of one page."""

    results = RoleSerializer(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class RolesView(ApiView):
    """The table of roles and permissions."""

    tag = "People"
    permission = LOGGED_IN
    scope = READ_PEOPLE

    @extend_schema(responses=RoleTableSerializer)
    def get(self, request: Request) -> Response:
        """Each role with every permission, and whether the role gives it."""
        rows = [_row(role) for role in Role]
        page = {"results": rows, "next": None, "previous": None}
        return Response(RoleTableSerializer(page).data)


def _row(role: Role) -> dict[str, Any]:
    return {
        "role": role.value,
        "title": role.label,
        "uses_staff_pages": role in STAFF,
        "permissions": [
            {"name": name, "sentence": sentence, "given": allows(role, name)}
            for name, sentence in SENTENCES.items()
        ],
    }


router = Router()
router.register("people", PersonViewSet, basename="person")
urlpatterns = [*router.urls, path("roles/", RolesView.as_view(), name="roles")]
