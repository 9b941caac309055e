"""Webhooks: who is told of events; their secrets are shown once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST

from accounts.admin.asking import Question, ask
from accounts.admin.person_doors import acting
from accounts.admin.sections import Crumb, page
from config.admin.formats import NOTHING, badge, moment
from config.admin.model_admin import PageAction, StaffModelAdmin
from webhooks.actions import endpoints, replaying
from webhooks.actions.endpoints import Made
from webhooks.errors import NotPossible, WebhookError
from webhooks.models import WebhookEndpoint
from webhooks.registry import EVENTS

_LIST = "admin:webhooks_webhookendpoint_changelist"


class EndpointForm(forms.Form):
    """Who is told of what."""

    name = forms.CharField(max_length=endpoints.LONGEST_NAME)
    url = forms.CharField(
        label="URL",
        max_length=2048,
        widget=forms.URLInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="https://…; each message is a POST to it.",
    )
    events = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None chosen: all, also those that are added one day.",
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["events"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [(name, f"{name}: {EVENTS[name]}") for name in sorted(EVENTS)]

    def refuse(self, error: NotPossible) -> None:
        """Say beside each field what was wrong with it."""
        for name, sentences in error.fields.items():
            for sentence in sentences:
                self.add_error(name if name in self.fields else None, sentence)


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(StaffModelAdmin):
    """Other systems that are told of what happens here."""

    purpose: ClassVar[str] = "Other systems that are told of what happens here."
    empty_text: ClassVar[str] = "Nobody is told of anything yet."
    domain_errors: ClassVar[tuple[type[Exception], ...]] = (WebhookError,)
    list_display = ("name", "state", "url", "told_of", "delivered", "trouble")
    ordering = ("name", "id")
    search_fields = ("name",)
    search_help_text = "Name"
    fields = (
        "name",
        "url",
        "told_of",
        "state",
        "delivered",
        "failing_since",
        "failure_count",
        "last_error",
        "secrets",
        "created_by",
        "created_at",
        "updated_at",
    )
    readonly_fields = fields

    def get_urls(self) -> list[URLPattern]:
        """Django's, and an address for each thing that is done with a webhook."""
        views: dict[str, Callable[..., HttpResponse]] = {
            "edit": self.edit_view,
            "secret": self.secret_view,
            "forget-secret": require_POST(self.forget_view),
            "switch": require_POST(self.switch_view),
            "replay": require_POST(self.replay_view),
            "remove": self.remove_view,
        }
        return [
            path(
                f"<uuid:endpoint_id>/{name}/",
                self.admin_site.admin_view(view),
                name=f"webhooks_webhookendpoint_{name.replace('-', '_')}",
            )
            for name, view in views.items()
        ] + super().get_urls()

    def get_page_actions(
        self, request: HttpRequest, obj: Model | None = None
    ) -> Sequence[PageAction]:
        """What can be done with it."""
        if not isinstance(obj, WebhookEndpoint):
            return super().get_page_actions(request, obj)
        if not self.has_change_permission(request):
            return []
        switch = "Switch off" if obj.is_active else "Switch on"
        found = [
            PageAction("Change", self._url("edit", obj.pk), key="e"),
            PageAction(switch, self._url("switch", obj.pk), kind="quiet", method="post"),
            PageAction("New secret", self._url("secret", obj.pk), kind="quiet"),
        ]
        if obj.previous_secret is not None:
            url = self._url("forget_secret", obj.pk)
            found.append(PageAction("Forget the old secret", url, kind="quiet", method="post"))
        if obj.is_active and replaying.failed(obj).exists():
            url = self._url("replay", obj.pk)
            found.append(PageAction("Send again what failed", url, kind="quiet", method="post"))
        return [*found, PageAction("Remove", self._url("remove", obj.pk), kind="danger")]

    # --- Columns --------------------------------------------------------------------------------

    @admin.display(description="state")
    def state(self, endpoint: WebhookEndpoint) -> SafeString:
        """Whether it is told, and takes it."""
        if not endpoint.is_active:
            return badge("switched off", "bad" if endpoint.switched_off_at else "neutral")
        return badge("fails", "warning") if endpoint.failing_since else badge("on", "good")

    @admin.display(description="told of")
    def told_of(self, endpoint: WebhookEndpoint) -> str:
        """Which events."""
        return ", ".join(map(str, endpoint.events)) or "everything"

    @admin.display(description="last delivered")
    def delivered(self, endpoint: WebhookEndpoint) -> SafeString:
        """When it took something, to the minute."""
        if endpoint.last_delivered_at is None:
            return format_html("{}", "never")
        return moment(endpoint.last_delivered_at)

    @admin.display(description="trouble")
    def trouble(self, endpoint: WebhookEndpoint) -> str:
        """What the last attempt met with."""
        return endpoint.last_error[:120] or NOTHING

    @admin.display(description="secret")
    def secrets(self, endpoint: WebhookEndpoint) -> str:
        """Never what it is."""
        if endpoint.previous_until is None:
            return "one, encrypted"
        return f"two, encrypted; the old one signs until {endpoint.previous_until:%Y-%m-%d %H:%M}"

    # --- Making and changing --------------------------------------------------------------------

    @method_decorator(never_cache)
    @method_decorator(sensitive_variables("made"))
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Tell another system, and show the secret once."""
        if not self.has_add_permission(request):
            raise PermissionDenied("Only an admin may say who is told.")
        form = EndpointForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            try:
                made = endpoints.add(**form.cleaned_data, by=acting(request))
            except NotPossible as error:
                form.refuse(error)
            else:
                return self._show_once(request, made)
        question = Question(
            title="Tell another system",
            kicker="Webhook",
            sentences=(
                "It is sent a signed message when something happens here: keys of rows, never"
                " personal data. The secret of the signature is shown once, on the next page.",
            ),
            button="Add the webhook",
            leave="Cancel",
            back=reverse(_LIST),
            form=form,
            crumbs=_crumbs(),
        )
        return ask(request, question)

    def edit_view(self, request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
        """Another name, address or choice of events."""
        endpoint = self._endpoint(request, endpoint_id)
        back = self._url("change", endpoint.pk)
        initial = {"name": endpoint.name, "url": endpoint.url, "events": endpoint.events}
        form = EndpointForm(request.POST if request.method == "POST" else None, initial=initial)
        if form.is_valid():
            try:
                endpoints.change(endpoint.pk, by=acting(request), **form.cleaned_data)
            except NotPossible as error:
                form.refuse(error)
            else:
                messages.success(request, "The webhook was changed.")
                return HttpResponseRedirect(back)
        question = Question(
            title="Change the webhook",
            kicker=endpoint.name,
            button="Save",
            leave="Cancel",
            back=back,
            form=form,
            crumbs=_crumbs(endpoint),
        )
        return ask(request, question)

    @method_decorator(never_cache)
    @method_decorator(sensitive_variables("made"))
    def secret_view(self, request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
        """Ask; then make a new secret and show it once."""
        endpoint = self._endpoint(request, endpoint_id)
        if request.method == "POST":
            made = endpoints.rotate_secret(endpoint.pk, by=acting(request))
            return self._show_once(request, made)
        question = Question(
            title="A new secret",
            kicker=endpoint.name,
            sentences=(
                "Messages are signed with the new secret and, for 24 hours, with the present one"
                " too, so that the receiver can change over without missing one.",
            ),
            button="Make a new secret",
            back=self._url("change", endpoint.pk),
            crumbs=_crumbs(endpoint),
        )
        return ask(request, question)

    @sensitive_variables("made", "context")
    def _show_once(self, request: HttpRequest, made: Made) -> HttpResponse:
        endpoint = made.endpoint
        context = {
            "title": "The secret of the webhook",
            "purpose": "Copy it now; the receiver checks the signatures with it.",
            "kicker": endpoint.name,
            "crumbs": _crumbs(endpoint),
            "endpoint": endpoint,
            "secret": made.secret,
            "endpoint_url": self._url("change", endpoint.pk),
        }
        response = page(request, "webhooks/admin/secret.html", context)
        response["Referrer-Policy"] = "no-referrer"
        return response

    def forget_view(self, request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
        """Sign with the present secret alone."""
        endpoint = self._endpoint(request, endpoint_id)
        endpoints.forget_old_secret(endpoint.pk, by=acting(request))
        messages.success(request, "The old secret signs no more.")
        return HttpResponseRedirect(self._url("change", endpoint.pk))

    def switch_view(self, request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
        """Tell it nothing for a while, or everything again."""
        endpoint = self._endpoint(request, endpoint_id)
        turned = endpoints.change(endpoint.pk, is_active=not endpoint.is_active, by=acting(request))
        messages.success(request, f"The webhook is switched {'on' if turned.is_active else 'off'}.")
        return HttpResponseRedirect(self._url("change", endpoint.pk))

    def replay_view(self, request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
        """Send again what failed for good."""
        endpoint = self._endpoint(request, endpoint_id)
        try:
            count = sum(replaying.replay(replaying.failed(endpoint), by=acting(request)))
        except WebhookError as error:
            messages.warning(request, str(error))
        else:
            messages.success(request, f"{count} failed deliveries are in line again.")
        return HttpResponseRedirect(self._url("change", endpoint.pk))

    def remove_view(self, request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
        """Ask; then remove it."""
        endpoint = self._endpoint(request, endpoint_id)
        if request.method == "POST":
            endpoints.remove(endpoint.pk, by=acting(request))
            messages.success(request, f"{endpoint.name} is told nothing any more.")
            return HttpResponseRedirect(reverse(_LIST))
        question = Question(
            title="Remove the webhook",
            kicker=endpoint.name,
            sentences=(
                "It is told nothing any more. Its secret, and what is on its way or could not be"
                " delivered, are removed for good. To stop for a while, switch it off.",
            ),
            button="Remove the webhook",
            back=self._url("change", endpoint.pk),
            crumbs=_crumbs(endpoint),
            is_danger=True,
        )
        return ask(request, question)

    def _endpoint(self, request: HttpRequest, endpoint_id: UUID) -> WebhookEndpoint:
        if not self.has_change_permission(request):
            raise PermissionDenied("Only an admin may say who is told.")
        endpoint = WebhookEndpoint.objects.filter(pk=endpoint_id).first()
        if endpoint is None:
            raise Http404("There is no such webhook.")
        return endpoint


def _crumbs(endpoint: WebhookEndpoint | None = None) -> list[Crumb]:
    way = [Crumb("Webhooks", reverse(_LIST))]
    if endpoint is not None:
        url = reverse("admin:webhooks_webhookendpoint_change", args=[endpoint.pk])
        way.append(Crumb(endpoint.name, url))
    return way
