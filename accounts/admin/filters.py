"""What the lists about people are narrowed by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import User
from accounts.roles import Role

if TYPE_CHECKING:
    _Model = admin.ModelAdmin[Any]

LOCKED = "locked"


def locked() -> Q:
    """People whom too many failures keep out at this moment."""
    return Q(is_active=True, locked_until__gt=timezone.now())


def without_password() -> Q:
    """People who have none."""
    return Q(password="") | Q(password__startswith=UNUSABLE_PASSWORD_PREFIX)


def vouched_for() -> Q:
    """Invitations whose admin is one still; the link of any other opens nothing."""
    return Q(invited_by__role=Role.ADMIN, invited_by__is_active=True)


class Choice(admin.SimpleListFilter):
    """One of few words, each with its condition."""

    words: ClassVar[dict[str, str]] = {}

    def lookups(self, request: HttpRequest, model_admin: _Model) -> list[tuple[str, str]]:
        """The words."""
        return list(self.words.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        """The rows that the chosen word means; a word that there is not means all."""
        value = self.value()
        return queryset.filter(self.meant(value)) if value in self.words else queryset

    def meant(self, value: str) -> Q:
        """The condition."""
        raise NotImplementedError


class AccessFilter(Choice):
    """Whether people can log in."""

    title = "access"
    parameter_name = "access"
    words: ClassVar[dict[str, str]] = {
        "active": "active",
        LOCKED: "locked",
        "no-password": "no password",
        "deactivated": "deactivated",
    }

    def meant(self, value: str) -> Q:
        """As the list's badge says it, each person under one word."""
        if value == "deactivated":
            return Q(is_active=False)
        if value == LOCKED:
            return locked()
        free = Q(is_active=True) & (Q(locked_until=None) | Q(locked_until__lte=timezone.now()))
        return free & (without_password() if value == "no-password" else ~without_password())


class FactorFilter(Choice):
    """Whether a one-time code is asked for."""

    title = "one-time codes"
    parameter_name = "codes"
    words: ClassVar[dict[str, str]] = {"on": "on", "off": "off"}

    def meant(self, value: str) -> Q:
        """By what the list has looked up."""
        return Q(has_factor=value == "on")


class PersonFilter(admin.SimpleListFilter):
    """One person's rows; reached from their page, and removed above the list."""

    title = "person"
    parameter_name = "person"

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        self.person_id = _as_id(self.value())
        known = User.objects.filter(pk=self.person_id).first() if self.person_id else None
        self._name = str(known) if known else "nobody"

    def lookups(self, request: HttpRequest, model_admin: _Model) -> list[tuple[str, str]]:
        """None: there are many people."""
        return []

    def has_output(self) -> bool:
        """Only while it is in force."""
        return bool(self.value())

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Without it, and with it."""
        without = changelist.get_query_string(remove=[self.parameter_name])
        yield {"selected": False, "query_string": without, "display": "All"}
        yield {
            "selected": True,
            "query_string": changelist.get_query_string(),
            "display": self._name,
        }

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        """Theirs; nobody's for what is no key."""
        if not self.value():
            return queryset
        return queryset.filter(user_id=self.person_id) if self.person_id else queryset.none()


def _as_id(text: str | None) -> UUID | None:
    try:
        return UUID((text or "").strip())
    except ValueError:
        return None
