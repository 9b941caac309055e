"""Rules: their list, switching them on and off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.views.decorators.http import require_POST

from accounts.admin.posting import person, require
from config.admin.formats import badge, moment
from config.admin.model_admin import PageAction, ReadOnlyModelAdmin
from monitoring.actions import rules
from monitoring.admin import filters, rule_form, shown
from monitoring.admin.posting import attempted
from monitoring.admin.questions import open_alerts
from monitoring.admin.sections import CHANGE_RULES, MAKE_RULES, SEE_RULES, sections
from monitoring.errors import MonitoringError
from monitoring.models import AlertRule

_LIST: Final = "admin:monitoring_alertrule_changelist"


@admin.register(AlertRule)
class AlertRuleAdmin(ReadOnlyModelAdmin):
    """Rules: looked at, switched; their form is a page of its own."""

    purpose: ClassVar[str] = "When a machine is to be talked about, and who is told."
    empty_text: ClassVar[str] = (
        "No rules yet. A rule raises an alert when its condition holds for new samples; try it on"
        " the samples that there are before you save it."
    )
    domain_errors: ClassVar[tuple[type[Exception], ...]] = (MonitoringError,)
    numeric: ClassVar[Sequence[str]] = ("alerts_shown",)

    change_list_template = "monitoring/list.html"
    list_display = ("title", "state", "machine", "severity_shown", "alerts_shown", "told", "made")
    list_display_links = ("title",)
    list_filter = (filters.ActiveFilter, filters.DatasetFilter)
    list_select_related = ("dataset", "created_by")
    ordering = ("-created_at", "-id")
    search_fields = ("name",)

    # --- Permissions and addresses --------------------------------------------------------------

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may see rules."""
        return request.user.has_perm(SEE_RULES)

    def get_urls(self) -> list[URLPattern]:
        """Django's, the form, and each change."""
        guarded = self.admin_site.admin_view
        own = [
            path("new/", guarded(rule_form.new_view), name="monitoring_alertrule_new"),
            *(
                path(
                    f"<uuid:rule_id>/{name}/",
                    guarded(require_POST(view)),
                    name=f"monitoring_alertrule_{name}",
                )
                for name, view in (("on", on_view), ("off", off_view), ("remove", remove_view))
            ),
        ]
        return own + super().get_urls()

    def get_page_actions(self, request: HttpRequest, obj: Any = None) -> Sequence[PageAction]:
        """Making one."""
        if obj is None and request.user.has_perm(MAKE_RULES):
            return [PageAction("New rule", reverse("admin:monitoring_alertrule_new"), key="n")]
        return []

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The form of one rule."""
        return rule_form.change_view(request, object_id)

    # --- The list -------------------------------------------------------------------------------

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list, beside the other pages about monitoring."""
        context = {"title": "Rules", "sections": sections(request), **(extra_context or {})}
        return super().changelist_view(request, context)

    def get_queryset(self, request: HttpRequest) -> QuerySet[AlertRule]:
        """With the number of alerts that are open."""
        mine = open_alerts().filter(alert_rule=OuterRef("pk")).order_by().values("alert_rule")
        waiting = mine.annotate(times=Count("pk")).values("times")
        rows: QuerySet[AlertRule] = super().get_queryset(request)
        return rows.annotate(waiting_alerts=Coalesce(Subquery(waiting), 0)).defer(*shown.HEAVY)

    @admin.display(description="name")
    def title(self, row: AlertRule) -> SafeString:
        """Its name; what is wrong with it, if it cannot be evaluated."""
        if not row.last_error:
            return format_html("<bdi>{}</bdi>", row.name)
        return format_html(
            '<bdi>{}</bdi><br><span class="job-error">{}</span>',
            row.name,
            Truncator(row.last_error).chars(120),
        )

    @admin.display(description="state")
    def state(self, row: AlertRule) -> SafeString:
        """Whether it looks at samples."""
        if row.last_error and row.is_active:
            return badge("Cannot be evaluated", "bad")
        return badge("On", "good") if row.is_active else badge("Off")

    @admin.display(description="dataset")
    def machine(self, row: AlertRule) -> str:
        """The machine."""
        return row.dataset.name

    @admin.display(description="severity")
    def severity_shown(self, row: AlertRule) -> SafeString:
        """The least of its alerts."""
        return shown.severity_badge(row.severity)

    @admin.display(description="open alerts")
    def alerts_shown(self, row: Any) -> str:
        """How many wait or are looked after."""
        return f"{row.waiting_alerts:,}"

    @admin.display(description="told last")
    def told(self, row: AlertRule) -> SafeString:
        """When somebody was told of something last."""
        return moment(row.last_notified_at)

    @admin.display(description="made by")
    def made(self, row: AlertRule) -> str:
        """Who made it."""
        return str(row.created_by)


def on_view(request: HttpRequest, rule_id: UUID) -> HttpResponse:
    """Switch it on."""
    return _switched(request, rule_id, on=True)


def off_view(request: HttpRequest, rule_id: UUID) -> HttpResponse:
    """Switch it off; its open alerts are resolved."""
    return _switched(request, rule_id, on=False)


def _switched(request: HttpRequest, rule_id: UUID, *, on: bool) -> HttpResponse:
    require(request, CHANGE_RULES)
    by = person(request)
    done, refused = attempted(lambda: rules.switch(rule_id, on=on, by=by), AlertRule)
    if done is None:
        messages.warning(request, refused)
        return HttpResponseRedirect(reverse(_LIST))
    messages.success(request, f"The rule is {'on' if on else 'off'}.")
    return HttpResponseRedirect(reverse("admin:monitoring_alertrule_change", args=[rule_id]))


def remove_view(request: HttpRequest, rule_id: UUID) -> HttpResponse:
    """Remove a rule that never raised an alert."""
    require(request, CHANGE_RULES)
    by = person(request)

    def change() -> bool:
        rules.remove(rule_id, by=by)
        return True

    done, refused = attempted(change, AlertRule)
    if not done:
        messages.warning(request, refused)
        return HttpResponseRedirect(reverse("admin:monitoring_alertrule_change", args=[rule_id]))
    messages.success(request, "The rule is removed.")
    return HttpResponseRedirect(reverse(_LIST))
