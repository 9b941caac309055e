"""Live sessions of everybody: found, looked at, ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import BooleanField, ExpressionWrapper, Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from accounts.actions import sessions
from accounts.admin import shown
from accounts.admin.asking import Question, ask
from accounts.admin.filters import PersonFilter
from accounts.admin.person_doors import acting
from accounts.admin.person_page import Fact
from accounts.admin.sections import here_id, list_crumb, page
from accounts.admin.sections import sections as links
from accounts.living_sessions import is_live, live
from accounts.models import Session, SessionEnd
from audit.admin.shown import VIEW, list_url, visible
from config.admin.formats import NOTHING, badge, moment
from config.admin.model_admin import PageAction, ReadOnlyModelAdmin
from jobs.admin.addresses import way_back

_HERE: Final = "This is where you are now. Log out at the top of the page instead."
# The sessions that the page before chose, in the address.
_PARAMETER: Final = "session"
_MOST_AT_ONCE: Final = 200


@admin.register(Session)
class SessionAdmin(ReadOnlyModelAdmin):
    """Where everybody is logged in at this moment."""

    purpose: ClassVar[str] = "Where everybody is logged in at this moment, the latest use first."
    empty_text: ClassVar[str] = "Nobody is logged in. Each browser and program appears here."
    domain_errors: ClassVar[tuple[type[Exception], ...]] = (sessions.SessionError,)

    change_list_template = "accounts/admin/list.html"
    list_display = ("person", "device", "kind_tag", "address", "code", "started", "used")
    list_display_links = ("device",)
    list_filter = ("kind", "has_second_factor", PersonFilter)
    list_select_related = ("user",)
    search_fields = ("user__email", "user__full_name", "device_name")
    search_help_text = "Person or device"
    ordering = ("-last_used_at", "-id")
    actions = ("end_chosen",)

    # --- Permissions and addresses --------------------------------------------------------------

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Admins; everybody for a session of their own."""
        if isinstance(obj, Session) and obj.user_id == request.user.pk:
            return True
        return super().has_view_permission(request, obj)

    def has_end_permission(self, request: HttpRequest) -> bool:
        """Whether the person may end the sessions of others."""
        return request.user.has_perm("accounts.change_session")

    def get_urls(self) -> list[URLPattern]:
        """Django's, and those for ending."""
        wrap = self.admin_site.admin_view
        return [
            path("end/", wrap(self.end_many_view), name="accounts_session_end_many"),
            path(
                "<uuid:session_id>/end/",
                wrap(require_POST(self.end_view)),
                name="accounts_session_end",
            ),
            *super().get_urls(),
        ]

    # --- The list -------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[Session]:
        """Those that live; one that is over is found by its address alone."""
        rows: QuerySet[Session] = super().get_queryset(request)
        here = here_id(request)
        if here is not None:
            rows = rows.annotate(is_here=ExpressionWrapper(Q(pk=here), BooleanField()))
        match = request.resolver_match
        on_list = match is not None and match.url_name == "accounts_session_changelist"
        return rows.filter(live()) if on_list else rows

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list, beside the other pages about people."""
        context = {"sections": links(request), **(extra_context or {})}
        return super().changelist_view(request, context)

    @admin.display(description="person")
    def person(self, session: Session) -> SafeString:
        """Whose it is."""
        return shown.person_link(session.user)

    @admin.display(description="device")
    def device(self, session: Session) -> str:
        """What it is called, and whether it is the one that looks."""
        name = shown.device(session)
        return f"{name} (you are here)" if getattr(session, "is_here", False) else name

    @admin.display(description="kind")
    def kind_tag(self, session: Session) -> str:
        """A browser, or a program."""
        return session.get_kind_display()

    @admin.display(description="address", empty_value=NOTHING)
    def address(self, session: Session) -> str | None:
        """From where it was used last."""
        return session.ip_address

    @admin.display(description="one-time code")
    def code(self, session: Session) -> str:
        """Whether one was given."""
        return "given" if session.has_second_factor else "not given"

    @admin.display(description="logged in")
    def started(self, session: Session) -> SafeString:
        """When."""
        return moment(session.created_at)

    @admin.display(description="last used")
    def used(self, session: Session) -> SafeString:
        """When; noted once a minute."""
        return moment(session.last_used_at)

    @admin.action(description="End sessions", permissions=["end"])
    def end_chosen(self, request: HttpRequest, chosen: QuerySet[Session]) -> HttpResponse:
        """Ask first."""
        keys = [str(key) for key in chosen.values_list("pk", flat=True)[:_MOST_AT_ONCE]]
        query = urlencode([(_PARAMETER, key) for key in keys])
        return HttpResponseRedirect(f"{reverse('admin:accounts_session_end_many')}?{query}")

    # --- Ending ---------------------------------------------------------------------------------

    def end_view(self, request: HttpRequest, session_id: UUID) -> HttpResponse:
        """End one session: one's own, or, as an admin, anybody's."""
        back = way_back(request, self._back(request))
        if session_id == here_id(request):
            messages.warning(request, _HERE)
            return HttpResponseRedirect(back)
        try:
            ended = _end(request, session_id)
        except sessions.NoSuchSession:
            messages.warning(request, "There is no such session any more.")
            return HttpResponseRedirect(back)
        whose = "" if ended.user_id == request.user.pk else f" of {ended.user}"
        messages.success(request, f"{shown.device(ended)}{whose} is logged out.")
        return HttpResponseRedirect(back)

    def end_many_view(self, request: HttpRequest) -> HttpResponse:
        """Ask before several are ended, then end them; the one from which it is asked stays."""
        if not self.has_end_permission(request):
            raise PermissionDenied("Only an admin may end the sessions of others.")
        chosen = self._chosen(request)
        back = reverse("admin:accounts_session_changelist")
        if not chosen:
            messages.warning(request, "None of the chosen sessions is live any more.")
            return HttpResponseRedirect(back)
        if request.method == "POST":
            for session in chosen:
                _end(request, session.pk)
            said = shown.counted(len(chosen), "session was", "sessions were")
            messages.success(request, f"{said} ended.")
            return HttpResponseRedirect(back)
        count = shown.counted(len(chosen), "session", "sessions")
        question = Question(
            title=f"End {count}",
            button=f"End {count}",
            back=back,
            sentences=(
                "These people are logged out there at once, and what they have not saved is lost."
                " They can log in again.",
            ),
            listed=[f"{one.user}: {shown.device(one)}" for one in chosen],
            crumbs=[list_crumb(request, "accounts_session")],
            is_danger=True,
        )
        return ask(request, question)

    def _chosen(self, request: HttpRequest) -> list[Session]:
        keys = []
        for text in request.GET.getlist(_PARAMETER)[:_MOST_AT_ONCE]:
            try:
                keys.append(UUID(text))
            except ValueError:
                continue
        found = Session.objects.filter(live(), pk__in=keys).select_related("user")
        here = here_id(request)
        return [one for one in found.order_by("-last_used_at", "-id") if one.pk != here]

    def _back(self, request: HttpRequest) -> str:
        if self.has_view_permission(request):
            return reverse("admin:accounts_session_changelist")
        return reverse("admin:account")

    # --- One session ----------------------------------------------------------------------------

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """What is known of a session, also of one that is over."""
        if request.method not in {"GET", "HEAD"}:
            raise PermissionDenied("Sessions are not edited.")
        session = self.get_object(request, object_id)
        if session is None and self.has_view_permission(request):
            return self.gone(request, object_id)
        if session is None or not self.has_view_permission(request, session):
            raise PermissionDenied("Only admins see the sessions of others.")
        context = {
            "title": shown.device(session),
            "crumbs": [list_crumb(request, "accounts_session")],
            "state": _state(session),
            "person": shown.person_link(session.user)
            if request.user.has_perm("accounts.view_user")
            else str(session.user),
            "facts": list(_facts(session)),
            "page_actions": _actions(request, session),
            "log_url": list_url(resource="session", resource_id=str(session.pk))
            if request.user.has_perm(VIEW)
            else "",
        }
        return page(request, "accounts/admin/session.html", context)


def _end(request: HttpRequest, session_id: UUID) -> Session:
    by = acting(request)
    owner = Session.objects.filter(pk=session_id).values_list("user_id", flat=True).first()
    reason = SessionEnd.REVOKED if owner == by.pk else SessionEnd.REVOKED_BY_ADMIN
    return sessions.end(session_id, by=by, reason=reason)


def _state(session: Session) -> SafeString:
    if session.ended_at is not None:
        return badge(f"over: {session.get_end_reason_display()}", "neutral")
    if not is_live(session, timezone.now()):
        return badge("over: not used for too long", "neutral")
    return badge("live", "good")


def _actions(request: HttpRequest, session: Session) -> Sequence[PageAction]:
    if session.pk == here_id(request) or not is_live(session, timezone.now()):
        return []
    url = reverse("admin:accounts_session_end", args=[session.pk])
    return [PageAction("End", url, kind="danger", method="post")]


def _facts(session: Session) -> Sequence[Fact]:
    ends = "Ended" if session.ended_at else "Ends at the latest"
    is_past = session.expires_at <= timezone.now()
    return [
        Fact("Kind", session.get_kind_display()),
        Fact("Address", session.ip_address or NOTHING),
        Fact("Program says it is", visible(session.user_agent) or NOTHING),
        Fact("One-time code", "given" if session.has_second_factor else "not given"),
        Fact("Logged in", shown.exactly(session.created_at)),
        Fact("Last used", shown.exactly(session.last_used_at)),
        Fact(
            "Expired" if is_past and not session.ended_at else ends,
            shown.exactly(session.ended_at or session.expires_at),
        ),
        Fact("Id", format_html('<code class="id">{}</code>', session.pk)),
    ]
