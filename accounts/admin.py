"""The admins' door: who may do what."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.contrib.auth.models import Group
from django.db.models import F, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.actions import people
from accounts.models import User
from accounts.roles import Role
from audit.people import Directory, register
from config.admin import formats
from config.admin.model_admin import PageAction, StaffModelAdmin
from config.admin.site import NavItem, SearchHit, add_navigation, add_search

if TYPE_CHECKING:
    _CreationForm = AdminUserCreationForm[User]
    _ChangeForm = forms.ModelForm[User]
    _UserAdmin = UserAdmin[User]
else:
    _CreationForm = AdminUserCreationForm
    _ChangeForm = forms.ModelForm
    _UserAdmin = UserAdmin

# Roles are ours (accounts.roles); the groups of Django give nobody anything.
if admin.site.is_registered(Group):
    admin.site.unregister(Group)


class PersonCreationForm(_CreationForm):
    """A new person, with a password or without one."""

    usable_password = forms.ChoiceField(
        label="Give a password now",
        required=False,
        initial="true",
        choices={"true": "Yes", "false": "No"},
        widget=forms.RadioSelect(attrs={"class": "radiolist inline"}),
        help_text="Without one the person cannot log in until an admin sets it.",
    )

    class Meta:
        model = User
        fields = ("email", "full_name", "role")
        field_classes: ClassVar[dict[str, type[forms.Field]]] = {}


class PersonForm(_ChangeForm):
    """A person's role and access. There is always an active admin, and nobody demotes themself."""

    acting: User  # who looks at the form

    class Meta:
        model = User
        fields = ("email", "full_name", "role", "is_active", "is_email_verified")

    def clean(self) -> dict[str, Any]:
        """Refuse what would lock people out."""
        cleaned: dict[str, Any] = super().clean() or {}
        # As they stand in the database, whoever changes them at the same time: locked in one
        # order, so that two admins who demote each other do so one after the other.
        admins = set(
            User.objects.select_for_update()
            .filter(role=Role.ADMIN, is_active=True)
            .order_by("pk")
            .values_list("pk", flat=True)
        )
        for field, sentence in _lockouts(self.instance.pk, self.acting.pk, admins, cleaned):
            self.add_error(field, sentence)
        return cleaned


def _lockouts(
    person: UUID, acting: UUID, admins: set[UUID], asked: dict[str, Any]
) -> Iterator[tuple[str, str]]:
    """The fields whose new value would lock somebody out, and why."""
    changes = {
        "role": asked.get("role", Role.ADMIN) != Role.ADMIN,
        "is_active": not asked.get("is_active", True),
    }
    for field, taken in changes.items():
        if not taken or person not in admins:
            continue
        if person == acting:
            verb = "take the admin role from" if field == "role" else "deactivate"
            yield field, f"You cannot {verb} yourself. Ask another admin to do it."
        elif admins == {person}:
            yield field, "This is the last active admin. Make somebody else an admin first."


@admin.register(User)
class PersonAdmin(StaffModelAdmin, _UserAdmin):
    """People who log in; only admins see them."""

    purpose: ClassVar[str] = "Who may log in, and what their role lets them do."
    empty_text: ClassVar[str] = "Everybody who may log in will be listed here."

    add_form_template = "admin/accounts/user/add_form.html"
    form = PersonForm
    add_form = PersonCreationForm
    list_display = (
        "name",
        "email",
        "role_tag",
        "verified",
        "access",
        "last_login_moment",
    )
    list_filter = ("role", "is_active", "is_email_verified")
    search_fields = ("email", "full_name")
    search_help_text = "Name or e-mail address"
    ordering = ("-created_at", "-id")
    sortable_by = ("email", "role_tag", "last_login_moment")
    filter_horizontal = ()
    readonly_fields = ("access", "last_login_moment", "created_at", "updated_at")
    fieldsets = (
        (None, {"fields": ("email", "full_name", "role", "is_active", "is_email_verified")}),
        ("Log-in", {"fields": ("access", "last_login_moment")}),
        ("Record", {"classes": ("collapse",), "fields": ("created_at", "updated_at")}),
    )
    add_fieldsets = (
        (
            None,
            {
                "fields": (
                    "email",
                    "full_name",
                    "role",
                    "usable_password",
                    "password1",
                    "password2",
                )
            },
        ),
    )

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:  # type: ignore[override] # as UserAdmin's
        """The form, knowing who looks at it."""
        form = super().get_form(request, obj, **kwargs)
        form.acting = request.user  # type: ignore[attr-defined] # the class is made per request
        return form

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save through the actions, which record it."""
        if change:
            people.change(obj, by=form.acting)
        else:
            people.add(obj, by=form.acting)

    def get_page_actions(self, request: HttpRequest, obj: Any = None) -> list[PageAction]:
        """Setting a password stands beside the person's name."""
        if obj is None or not self.has_change_permission(request, obj):
            return list(super().get_page_actions(request, obj))
        label = "Change password" if obj.has_usable_password() else "Set a password"
        url = reverse("admin:auth_user_password_change", args=[obj.pk])
        return [PageAction(label, url, kind="quiet")]

    @admin.display(description="name", ordering="full_name")
    def name(self, person: User) -> str:
        """The full name, or what stands for it."""
        return str(person)

    @admin.display(description="role", ordering="role")
    def role_tag(self, person: User) -> SafeString:
        """The role."""
        return formats.tag(person.get_role_display())

    @admin.display(description="access")
    def access(self, person: User) -> SafeString:
        """Whether the person can log in."""
        if not person.is_active:
            return formats.badge("deactivated", "bad")
        if not person.has_usable_password():
            return formats.badge("no password", "warning")
        return format_html("{}", "active")

    @admin.display(description="e-mail")
    def verified(self, person: User) -> SafeString:
        """Whether the e-mail address is known to reach the person."""
        if person.is_email_verified:
            return formats.badge("verified", "good")
        return formats.badge("not verified", "neutral")

    @admin.display(description="last log-in", ordering=F("last_login_at").desc(nulls_last=True))
    def last_login_moment(self, person: User) -> SafeString:
        """When the person last logged in."""
        return formats.moment(person.last_login_at)


def _find_people(request: HttpRequest, text: str) -> Iterator[SearchHit]:
    """By id, by how the e-mail address begins, or by a part of the name."""
    wanted = Q(email__istartswith=text) | Q(full_name__icontains=text)
    with suppress(ValueError):  # a name is no id
        wanted |= Q(pk=UUID(text))
    for person in User.objects.filter(wanted).order_by("email")[:10]:
        url = reverse("admin:accounts_user_change", args=[person.pk])
        yield SearchHit("Person", str(person), url, f"{person.email}, {person.get_role_display()}")


def _names(ids: Collection[UUID]) -> dict[UUID, str]:
    """What people are called, for the audit log."""
    return {person.pk: str(person) for person in User.objects.filter(pk__in=ids)}


def _meant(text: str) -> list[UUID]:
    """Whom a name or address typed into the audit log's filter means."""
    wanted = Q(email__istartswith=text) | Q(full_name__icontains=text)
    return list(User.objects.filter(wanted).order_by("email").values_list("pk", flat=True)[:20])


register(Directory(names=_names, find=_meant))
add_search(_find_people, permission="accounts.view_user")
add_navigation(
    NavItem(
        "People",
        "admin:accounts_user_changelist",
        order=60,
        permission="accounts.view_user",
        also_active_for=("auth_user_password_change",),
    )
)
