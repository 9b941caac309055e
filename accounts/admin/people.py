"""People: the list, adding somebody, and the page of one person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, cast

import django.contrib.auth.admin  # noqa: F401 - registers what is taken back below
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import (
    Count,
    DateTimeField,
    Exists,
    F,
    IntegerField,
    Max,
    Model,
    OuterRef,
    QuerySet,
    Subquery,
)
from django.db.models.functions import Coalesce, Greatest
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse
from django.utils.decorators import method_decorator
from django.utils.safestring import SafeString
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from accounts.actions import people
from accounts.actions.roles import StandingNotChanged
from accounts.admin import person_doors, person_page, shown
from accounts.admin.filters import AccessFilter, FactorFilter
from accounts.admin.forms import PersonCreationForm, PersonForm
from accounts.admin.notes import Note, locked_now, open_invitations
from accounts.admin.sections import here_id, list_crumb, page, sections
from accounts.living_sessions import live
from accounts.models import ApiKey, Session, TotpDevice, User
from accounts.pages.focus import focus
from config.admin import formats
from config.admin.model_admin import PageAction, StaffModelAdmin

# Roles are ours (accounts.roles); the groups of Django give nobody anything.
if admin.site.is_registered(Group):
    admin.site.unregister(Group)


@admin.register(User)
class PersonAdmin(StaffModelAdmin):
    """People who log in; only admins see them here."""

    beside = sections
    purpose: ClassVar[str] = "Who may log in, what their role lets them do, and where they are."
    empty_text: ClassVar[str] = "Everybody who may log in will be listed here."
    domain_errors: ClassVar[tuple[type[Exception], ...]] = (StandingNotChanged,)
    numeric: ClassVar[Sequence[str]] = ("session_count",)

    change_list_template = "accounts/admin/list.html"
    add_form_template = "accounts/admin/add_person.html"
    form = PersonCreationForm
    fieldsets = ((None, {"fields": PersonCreationForm.field_order}),)
    list_display = (
        "name",
        "access",
        "role_tag",
        "email",
        "factor",
        "session_count",
        "last_use",
        "last_login_moment",
    )
    list_filter = ("role", AccessFilter, FactorFilter)
    search_fields = ("email", "full_name")
    search_help_text = "Name or e-mail address"
    ordering = ("-created_at", "-id")
    sortable_by = ("email", "role_tag", "last_login_moment")

    def get_urls(self) -> list[URLPattern]:
        """Django's, and an address for each thing that is done with a person."""
        return person_doors.urls(self) + super().get_urls()

    def get_page_actions(
        self, request: HttpRequest, obj: Model | None = None
    ) -> Sequence[PageAction]:
        """Inviting somebody, and adding them by hand."""
        if obj is not None or not self.has_add_permission(request):
            return []
        invite = PageAction("Invite somebody", reverse("admin:accounts_invitation_add"), key="i")
        by_hand = PageAction("Add person", self._url("add"), kind="quiet", key="a")
        return [invite, by_hand]

    # --- The list -------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """With what the columns show, each looked up by index for the rows of one page."""
        rows: QuerySet[User] = super().get_queryset(request)
        theirs = Session.objects.filter(user=OuterRef("pk")).order_by().values("user")
        keys = ApiKey.objects.filter(user=OuterRef("pk")).order_by().values("user")
        places = theirs.filter(live()).annotate(count=Count("pk")).values("count")
        moments = (
            theirs.annotate(used=Max("last_used_at")).values("used"),
            keys.annotate(used=Max("last_used_at")).values("used"),
        )
        return rows.annotate(
            live_sessions=Coalesce(Subquery(places, output_field=IntegerField()), 0),
            has_factor=Exists(
                TotpDevice.objects.filter(user=OuterRef("pk"), confirmed_at__isnull=False)
            ),
            used_at=Greatest(
                F("last_login_at"),
                *(Subquery(one, output_field=DateTimeField()) for one in moments),
            ),
        )

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list, and whom it cannot show yet."""
        notes = list(self._notes(request)) if request.method == "GET" else []
        context = {"notes": notes, **(extra_context or {})}
        return super().changelist_view(request, context)

    def _notes(self, request: HttpRequest) -> Sequence[Note]:
        return [one for one in (locked_now(request), open_invitations(request)) if one]

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
        return shown.access(person)

    @admin.display(description="one-time codes")
    def factor(self, person: Any) -> str:
        """Whether a one-time code is asked for."""
        return "on" if person.has_factor else "off"

    @admin.display(description="sessions")
    def session_count(self, person: Any) -> str:
        """In how many places they are logged in."""
        return formats.number(person.live_sessions) if person.live_sessions else formats.NOTHING

    @admin.display(description="last use")
    def last_use(self, person: Any) -> SafeString:
        """When they, or a program of theirs, did something here."""
        return formats.moment(person.used_at)

    @admin.display(description="last log-in", ordering=F("last_login_at").desc(nulls_last=True))
    def last_login_moment(self, person: User) -> SafeString:
        """When the person last logged in."""
        return formats.moment(person.last_login_at)

    # --- Adding ---------------------------------------------------------------------------------

    @method_decorator(never_cache)
    @method_decorator(sensitive_post_parameters("password1", "password2"))
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """A new person, by hand."""
        more = {"crumbs": [list_crumb(request, "accounts_user")], "back": self._url("changelist")}
        return super().add_view(request, form_url, more | (extra_context or {}))

    def render_change_form(  # noqa: PLR0917 - Django's signature
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        """The form for a new person, with the cursor where something is wrong."""
        form = context["adminform"].form
        focus(form)
        context["form"] = form
        return super().render_change_form(request, context, add, change, form_url, obj)

    def response_add(self, request: HttpRequest, obj: User, post_url_continue: Any = None) -> Any:
        """On to the page of whoever was added, where the rest can be done."""
        messages.success(request, f"{obj} is here now, as {obj.get_role_display()}.")
        return HttpResponseRedirect(reverse("admin:accounts_user_change", args=[obj.pk]))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save through the action, which records it."""
        people.add(obj, by=person_doors.acting(request))

    # --- One person -----------------------------------------------------------------------------

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Everything about a person; posting saves name and address."""
        person = self.get_object(request, object_id)
        if not self.has_view_permission(request, person):
            raise PermissionDenied("Only admins see the pages of other people.")
        if person is None:
            return self.gone(request, object_id)
        may_change = self.has_change_permission(request, person)
        form = None
        if may_change:
            form = PersonForm(
                request.POST if request.method == "POST" else None,
                initial=_values(person),
            )
        if request.method == "POST":
            if form is None:
                raise PermissionDenied("Only an admin may change people.")
            if form.is_valid() and self._save(request, person, form):
                return HttpResponseRedirect(request.path)
        context = {
            **person_page.context(request, person, may_change=may_change, here=here_id(request)),
            "form": form,
            "crumbs": [list_crumb(request, "accounts_user")],
            "opts": self.opts,
        }
        return page(request, "accounts/admin/person.html", context)

    def _save(self, request: HttpRequest, person: User, form: PersonForm) -> bool:
        """Whether it could be saved; else the form says why not."""
        given = form.cleaned_data
        changes = {name: given[name] for name in form.touched()}
        try:
            people.edit(
                person.pk,
                by=person_doors.acting(request),
                **cast("people.Changes", changes),
            )
        except ValidationError as error:
            form.add_error(None, error)
            return False
        except StandingNotChanged as error:
            form.add_error(None, str(error))
            return False
        messages.success(
            request, f"“{given['full_name'] or given['email']}” was changed successfully."
        )
        return True


def _values(person: User) -> dict[str, Any]:
    return {
        "full_name": person.full_name,
        "email": person.email,
        "is_email_verified": person.is_email_verified,
    }
