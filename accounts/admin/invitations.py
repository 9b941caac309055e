"""Invitations: who was asked to come, and whether they came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model, Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from accounts.actions import invitations
from accounts.admin import shown
from accounts.admin.asking import Question, ask
from accounts.admin.filters import Choice, vouched_for
from accounts.admin.forms import InvitationForm
from accounts.admin.person_doors import acting
from accounts.admin.person_page import Fact
from accounts.admin.sections import Crumb, list_crumb, page, sections
from accounts.models import Invitation
from accounts.roles import Role
from audit.admin.shown import VIEW, list_url
from config.admin.formats import NOTHING, badge, moment, relative_moment, tag
from config.admin.model_admin import PageAction, ReadOnlyModelAdmin

_REFUSED = (
    invitations.AlreadyAPerson,
    invitations.AlreadyInvited,
    invitations.NoSuchInvitation,
    invitations.NotOpen,
)


class StateFilter(Choice):
    """How invitations stand."""

    title = "state"
    parameter_name = "state"
    words: ClassVar[dict[str, str]] = {
        "open": "open",
        "accepted": "accepted",
        "dead": shown.DEAD,
        "expired": "expired",
        "withdrawn": "withdrawn",
    }

    def meant(self, value: str) -> Q:
        """As the badge says it."""
        if value == "accepted":
            return Q(accepted_at__isnull=False)
        if value == "withdrawn":
            return Q(revoked_at__isnull=False)
        waiting = Q(accepted_at=None, revoked_at=None)
        if value == "expired":
            return waiting & Q(expires_at__lte=timezone.now())
        waiting &= Q(expires_at__gt=timezone.now())
        return waiting & (vouched_for() if value == "open" else ~vouched_for())


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyModelAdmin):
    """Addresses that were asked to become people here."""

    beside = sections
    purpose: ClassVar[str] = "Who was asked to come, as what, and whether they came."
    empty_text: ClassVar[str] = (
        "Nobody was invited yet. Invite somebody by mail: they choose their own name and password."
    )
    domain_errors: ClassVar[tuple[type[Exception], ...]] = _REFUSED

    change_list_template = "accounts/admin/list.html"
    list_display = ("address", "role_tag", "state", "host", "invited", "until")
    list_display_links = ("address",)
    list_filter = (StateFilter, "role")
    list_select_related = ("invited_by",)
    search_fields = ("email",)
    search_help_text = "E-mail address"
    ordering = ("-created_at", "-id")

    def get_urls(self) -> list[URLPattern]:
        """Django's, and those for sending again and withdrawing."""
        wrap = self.admin_site.admin_view
        return [
            path(
                "<uuid:invitation_id>/resend/",
                wrap(require_POST(self.resend_view)),
                name="accounts_invitation_resend",
            ),
            path(
                "<uuid:invitation_id>/withdraw/",
                wrap(self.withdraw_view),
                name="accounts_invitation_withdraw",
            ),
            *super().get_urls(),
        ]

    def _demand_admin(self, request: HttpRequest) -> None:
        if not request.user.has_perm("accounts.change_invitation"):
            raise PermissionDenied("Only an admin may invite people.")

    def get_page_actions(
        self, request: HttpRequest, obj: Model | None = None
    ) -> Sequence[PageAction]:
        """Inviting somebody."""
        if obj is not None or not request.user.has_perm("accounts.change_invitation"):
            return []
        return [PageAction("Invite somebody", self._url("add"), key="i")]

    # --- The list -------------------------------------------------------------------------------

    @admin.display(description="e-mail address")
    def address(self, invitation: Invitation) -> str:
        """Who."""
        return invitation.email

    @admin.display(description="as")
    def role_tag(self, invitation: Invitation) -> SafeString:
        """As what."""
        return tag(invitation.get_role_display())

    @admin.display(description="state")
    def state(self, invitation: Invitation) -> SafeString:
        """How it stands."""
        return badge(*shown.invitation_look(invitation))

    @admin.display(description="by")
    def host(self, invitation: Invitation) -> SafeString:
        """Who invites."""
        return shown.person_link(invitation.invited_by)

    @admin.display(description="invited")
    def invited(self, invitation: Invitation) -> SafeString:
        """When."""
        return moment(invitation.created_at)

    @admin.display(description="link valid until")
    def until(self, invitation: Invitation) -> SafeString:
        """When the link ends; of no interest once it was used or withdrawn."""
        if invitation.accepted_at or invitation.revoked_at:
            return format_html("{}", NOTHING)
        return moment(invitation.expires_at)

    # --- Inviting -------------------------------------------------------------------------------

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Invite somebody; ``?email=…&role=…`` fills the form in."""
        self._demand_admin(request)
        initial = {"role": Role.VIEWER} | {
            name: request.GET[name] for name in ("email", "role") if name in request.GET
        }
        form = InvitationForm(request.POST if request.method == "POST" else None, initial=initial)
        if form.is_valid():
            given = form.cleaned_data
            try:
                made = invitations.create(given["email"], given["role"], by=acting(request))
            except _REFUSED as error:
                form.add_error("email", str(error))
            except ValidationError as error:
                form.add_error(None, error)
            else:
                return _told(request, made, "An invitation")
        question = Question(
            title="Invite somebody",
            kicker="Invitation",
            sentences=(
                "They get a mail with a link that works once, for seven days. With it they choose"
                " their name and password, and are here.",
            ),
            button="Send the invitation",
            leave="Cancel",
            back=reverse("admin:accounts_invitation_changelist"),
            form=form,
            crumbs=[list_crumb(request, "accounts_invitation")],
        )
        return ask(request, question)

    def resend_view(self, request: HttpRequest, invitation_id: UUID) -> HttpResponse:
        """Send a new link; the old one is void."""
        self._demand_admin(request)
        try:
            made = invitations.resend(invitation_id, by=acting(request))
        except _REFUSED as error:
            messages.warning(request, str(error))
            return HttpResponseRedirect(reverse("admin:accounts_invitation_changelist"))
        return _told(request, made, "A new link, in place of the old one,")

    def withdraw_view(self, request: HttpRequest, invitation_id: UUID) -> HttpResponse:
        """Make the link void, once it was asked."""
        self._demand_admin(request)
        invitation = Invitation.objects.filter(pk=invitation_id).first()
        if invitation is None:
            raise Http404("There is no such invitation.")
        back = _page_of(invitation)
        if request.method == "POST":
            try:
                invitations.withdraw(invitation_id, by=acting(request))
            except _REFUSED as error:
                messages.warning(request, str(error))
            else:
                messages.success(request, f"The invitation of {invitation.email} is withdrawn.")
            return HttpResponseRedirect(back)
        question = Question(
            title=f"Withdraw the invitation of {invitation.email}",
            kicker="Invitation",
            sentences=(
                "The link in their mail stops working. They are not told. You can invite the"
                " address anew at any time.",
            ),
            button="Withdraw",
            back=back,
            crumbs=[list_crumb(request, "accounts_invitation"), Crumb(invitation.email, back)],
            is_danger=True,
        )
        return ask(request, question)

    # --- One invitation -------------------------------------------------------------------------

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """How one stands, and what can be done about it."""
        if not self.has_view_permission(request) or request.method not in {"GET", "HEAD"}:
            raise PermissionDenied("Only admins see invitations, and nobody edits one.")
        found: Invitation | None = self.get_object(request, object_id)
        if found is None:
            return self.gone(request, object_id)
        context = {
            "title": found.email,
            "crumbs": [list_crumb(request, "accounts_invitation")],
            "state": badge(*shown.invitation_look(found)),
            "role": tag(found.get_role_display()),
            "sentence": _sentence(found),
            "facts": _facts(found),
            "page_actions": _actions(found)
            if request.user.has_perm("accounts.change_invitation")
            else [],
            "log_url": list_url(resource="invitation", resource_id=str(found.pk))
            if request.user.has_perm(VIEW)
            else "",
        }
        return page(request, "accounts/admin/invitation.html", context)


def _page_of(invitation: Invitation) -> str:
    return reverse("admin:accounts_invitation_change", args=[invitation.pk])


def _told(request: HttpRequest, made: invitations.Invited, what: str) -> HttpResponse:
    """Say what became of the letter, on the invitation's page."""
    invitation, delivery = made.invitation, made.delivery
    if delivery.error:
        messages.warning(
            request,
            f"{what} was made for {invitation.email}, but the mail was not sent. {delivery.error}"
            " Send the invitation again afterwards.",
        )
    else:
        messages.success(request, f"{what} is on its way to {invitation.email}.")
    return HttpResponseRedirect(_page_of(invitation))


def _sentence(invitation: Invitation) -> str:
    word = shown.invitation_look(invitation)[0]
    ends = relative_moment(invitation.expires_at)
    return {
        "open": f"The link ends {ends}.",
        shown.DEAD: "Whoever sent it is no admin any more, so the link opens nothing. Send the"
        " invitation again, and it is yours.",
        "expired": f"The link ended {ends}. Send the invitation again for a new one.",
        "withdrawn": "The link does not work any more.",
        "accepted": "They are here.",
    }[word]


def _actions(invitation: Invitation) -> list[PageAction]:
    if invitation.accepted_at is not None:
        return []
    if invitation.revoked_at is not None:
        query = urlencode({"email": invitation.email, "role": invitation.role})
        url = f"{reverse('admin:accounts_invitation_add')}?{query}"
        return [PageAction("Invite anew", url)]
    resend = reverse("admin:accounts_invitation_resend", args=[invitation.pk])
    withdraw = reverse("admin:accounts_invitation_withdraw", args=[invitation.pk])
    return [
        PageAction("Send again", resend, kind="quiet", method="post"),
        PageAction("Withdraw", withdraw, kind="danger"),
    ]


def _facts(invitation: Invitation) -> list[Fact]:
    facts = [
        Fact("By", shown.person_link(invitation.invited_by)),
        Fact("Invited", shown.exactly(invitation.created_at)),
    ]
    if invitation.accepted_at is not None:
        facts.append(Fact("Accepted", shown.exactly(invitation.accepted_at)))
        facts.append(Fact("Became", shown.person_link(invitation.accepted_by)))
    elif invitation.revoked_at is not None:
        facts.append(Fact("Withdrawn", shown.exactly(invitation.revoked_at)))
    else:
        facts.append(Fact("Link valid until", shown.exactly(invitation.expires_at)))
    return facts
