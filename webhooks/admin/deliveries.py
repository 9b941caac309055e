"""Deliveries: what is on its way, what arrived, and what can be sent again."""

from __future__ import annotations

from typing import Any, ClassVar, Final
from uuid import UUID

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from config.admin.formats import NOTHING, duration
from jobs.admin.any_job import JobAdmin, StateFilter
from webhooks.actions import replaying
from webhooks.errors import WebhookError
from webhooks.models import DeliveryStatus, WebhookDelivery, WebhookEndpoint

_MOST_COUNTED: Final = 1000


class EndpointFilter(admin.SimpleListFilter):
    """Whom they are for; there are a few."""

    title = "webhook"
    parameter_name = "endpoint"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Each by its name."""
        rows = WebhookEndpoint.objects.order_by("name").values_list("pk", "name")
        return [(str(key), name) for key, name in rows]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        """Those of the chosen one."""
        try:
            return queryset.filter(endpoint_id=UUID(self.value())) if self.value() else queryset
        except ValueError:
            return queryset.none()


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(JobAdmin):
    """Messages to other systems, with what each attempt was answered."""

    purpose: ClassVar[str] = "What other systems are told, what they answered, what failed."
    empty_text: ClassVar[str] = "Nobody was told of anything yet. Each event appears here."
    domain_errors: ClassVar[tuple[type[Exception], ...]] = (WebhookError,)
    list_display: tuple[str, ...] = (
        "job",
        "event",
        "endpoint",
        "state",
        "attempts",
        "answered",
        "what_happens",
        "asked",
        "steer",
    )
    list_filter = (StateFilter, EndpointFilter)  # type: ignore[assignment] # one more
    list_select_related = ("endpoint",)
    numeric = ("attempts",)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Admins: where messages go and what they say is nobody else's."""
        return request.user.has_perm("webhooks.view_webhookdelivery")

    def has_steer_permission(self, request: HttpRequest) -> bool:
        """The same."""
        return request.user.has_perm("webhooks.change_webhookdelivery")

    @admin.display(description="answered")
    def answered(self, delivery: WebhookDelivery) -> SafeString:
        """The status of the last answer, and how long it took."""
        if delivery.response_status is None:
            return format_html("{}", NOTHING)
        return format_html("{}, {}", delivery.response_status, duration(delivery.response_ms))

    def _retry(self, job_id: UUID) -> str:
        """Send it again; who does is whom the request acts for."""
        try:
            if sum(replaying.replay(replaying.failed(ids=[job_id]))):
                return ""
        except WebhookError as error:
            return str(error)
        return self._why_not(job_id, "Only what failed is sent again; this is {}.")


def failed(request: HttpRequest) -> int:
    """How many deliveries failed for good and wait to be sent again."""
    rows = WebhookDelivery.objects.filter(status=DeliveryStatus.FAILED)
    return rows[:_MOST_COUNTED].count()
