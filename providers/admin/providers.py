"""Providers: how each stands, what it costs, and the team's keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from accounts.admin.asking import Question, ask
from accounts.admin.person_doors import acting
from accounts.admin.sections import Crumb
from config.admin.formats import NOTHING, duration, moment
from config.admin.model_admin import PageAction, StaffModelAdmin
from providers.actions import changing, health, keys
from providers.admin import shown
from providers.admin.key_forms import KeyForm, entered
from providers.admin.sections import crumbs, sections
from providers.errors import ProvidersError
from providers.models import Provider, ProviderHealth

# Checks that one provider's page shows.
_CHECKS = 12


@admin.register(Provider)
class ProviderAdmin(StaffModelAdmin):
    """The names that jobs may ask for; there are a few, and none is added by hand."""

    beside = sections
    purpose: ClassVar[str] = "Who is asked about images, in which order, and how they are."
    domain_errors: ClassVar[tuple[type[Exception], ...]] = (ProvidersError,)
    change_list_template = "providers/admin/list.html"
    list_display = ("display_name", "asked", "health", "checked", "key", "default_model", "rank")
    numeric = ("rank",)
    ordering = ("rank", "name")
    fields = (
        *changing.NAMES,
        "asked",
        "key",
        "key_tested_at",
        "key_error",
        "last_checks",
        "updated_at",
    )
    readonly_fields = (
        "asked",
        "key",
        "key_tested_at",
        "key_error",
        "last_checks",
        "updated_at",
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody: a provider is a release's to add."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Provider]:
        """With what the last check found."""
        last = ProviderHealth.objects.filter(provider=OuterRef("pk")).order_by("-checked_at", "-pk")
        rows: QuerySet[Provider] = super().get_queryset(request)
        return rows.annotate(
            last_status=Subquery(last.values("status")[:1]),
            last_checked_at=Subquery(last.values("checked_at")[:1]),
        )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A base URL may name a host inside, so it is the admins' to see."""
        if self.has_change_permission(request, obj):
            return self.fields
        return [name for name in self.fields if name != "base_url"]

    def get_urls(self) -> list[URLPattern]:
        """Django's, and an address for each thing that is done with a key."""
        views: dict[str, Callable[..., HttpResponse]] = {
            "key": self.key_view,
            "remove-key": self.remove_key_view,
            "check": require_POST(self.check_view),
        }
        return [
            path(
                f"<uuid:provider_id>/{name}/",
                self.admin_site.admin_view(view),
                name=f"providers_provider_{name.replace('-', '_')}",
            )
            for name, view in views.items()
        ] + super().get_urls()

    def get_page_actions(
        self, request: HttpRequest, obj: Model | None = None
    ) -> Sequence[PageAction]:
        """The key, and a check now."""
        if not isinstance(obj, Provider) or not self.has_change_permission(request):
            return []
        found = []
        if obj.needs_key:
            label = "Enter the team's key" if obj.api_key is None else "Replace the key"
            found.append(PageAction(label, self._url("key", obj.pk), key="k"))
            if obj.api_key is not None:
                found.append(
                    PageAction("Remove the key", self._url("remove_key", obj.pk), kind="danger")
                )
        check = PageAction("Check now", self._url("check", obj.pk), kind="quiet", method="post")
        return [check, *found]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """By the action, which records it."""
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        changing.change(form.initial.get("name", obj.name), by=acting(request), **changes)

    # --- Columns --------------------------------------------------------------------------------

    @admin.display(description="asked")
    def asked(self, provider: Provider) -> SafeString:
        """Whether it is on, and what its breaker says."""
        return shown.breaker(provider)

    @admin.display(description="last check")
    def health(self, provider: Any) -> SafeString:
        """What it found."""
        return shown.health(provider.last_status)

    @admin.display(description="checked")
    def checked(self, provider: Any) -> SafeString:
        """When."""
        return moment(provider.last_checked_at)

    @admin.display(description="team's key")
    def key(self, provider: Provider) -> SafeString:
        """Whether there is one."""
        return shown.team_key(provider)

    @admin.display(description="last checks")
    def last_checks(self, provider: Provider) -> SafeString:
        """The latest first."""
        rows = provider.checks.order_by("-checked_at", "-pk")[:_CHECKS]
        lines = [
            (
                moment(row.checked_at),
                shown.health(row.status),
                duration(row.response_time_ms),
                row.error_message[:200],
            )
            for row in rows
        ]
        if not lines:
            return format_html("{}", NOTHING)
        return format_html(
            '<ul class="checks">{}</ul>',
            format_html_join("", "<li>{} {} {} {}</li>", lines),
        )

    # --- Keys -----------------------------------------------------------------------------------

    def _provider(self, request: HttpRequest, provider_id: UUID) -> Provider:
        if not self.has_change_permission(request):
            raise PermissionDenied("Only an admin may do this with the team's key.")
        provider = Provider.objects.filter(pk=provider_id).first()
        if provider is None:
            raise Http404("There is no such provider.")
        return provider

    def key_view(self, request: HttpRequest, provider_id: UUID) -> HttpResponse:
        """Enter the team's key; the page never shows one."""
        provider = self._provider(request, provider_id)
        form = KeyForm(request.POST if request.method == "POST" else None)
        back = self._url("change", provider.pk)
        if form.is_valid() and entered(
            form,
            lambda key, untested: keys.enter_team(
                provider.name, key, by=acting(request), even_untested=untested
            ),
        ):
            messages.success(request, f"The team's key at {provider} is stored, encrypted.")
            return HttpResponseRedirect(back)
        question = Question(
            title=f"The team's key at {provider}",
            kicker="Key at a provider",
            sentences=(
                "It is used by everybody who has no key of their own there, within their limits."
                " It is tested now by a request that is not billed, stored encrypted, and never"
                " shown again.",
            ),
            button="Test and store",
            leave="Cancel",
            back=back,
            form=form,
            crumbs=[*crumbs(), Crumb(str(provider), back)],
        )
        return _private(ask(request, question))

    def remove_key_view(self, request: HttpRequest, provider_id: UUID) -> HttpResponse:
        """Remove the team's key."""
        provider = self._provider(request, provider_id)
        back = self._url("change", provider.pk)
        if request.method == "POST":
            keys.remove_team(provider.name, by=acting(request))
            messages.success(request, f"The team's key at {provider} is removed.")
            return HttpResponseRedirect(back)
        question = Question(
            title=f"Remove the team's key at {provider}",
            kicker="Key at a provider",
            sentences=(
                "Whoever has no key of their own there cannot ask it any more. The key itself goes"
                " on to work: withdraw it at the provider, too, if somebody may have it.",
            ),
            button="Remove the key",
            back=back,
            crumbs=[*crumbs(), Crumb(str(provider), back)],
            is_danger=True,
        )
        return ask(request, question)

    def check_view(self, request: HttpRequest, provider_id: UUID) -> HttpResponse:
        """Ask it now how it is."""
        finding = health.check(self._provider(request, provider_id))
        good = finding.status == "healthy"
        messages.add_message(request, messages.SUCCESS if good else messages.WARNING, finding.said)
        return HttpResponseRedirect(reverse("admin:providers_provider_change", args=[provider_id]))


def _private(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    return response
