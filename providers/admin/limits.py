"""What people may spend, and who was told that it became much."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from accounts.admin.filters import PersonFilter
from accounts.admin.person_doors import acting
from config.admin.formats import NOTHING, moment, number
from config.admin.model_admin import ReadOnlyModelAdmin, StaffModelAdmin
from providers.actions import quotas
from providers.admin.sections import sections
from providers.admin.shown import dollars
from providers.errors import ProvidersError
from providers.models import CostAlert, UserQuota


@admin.register(UserQuota)
class QuotaAdmin(StaffModelAdmin):
    """People with limits of their own; for everybody else the settings' defaults hold."""

    beside = sections
    purpose: ClassVar[str] = "What people may spend at AI providers where the default is not right."
    empty_text: ClassVar[str] = "Nobody has limits of their own: the defaults of the settings hold."
    domain_errors: ClassVar[tuple[type[Exception], ...]] = (ProvidersError,)
    change_list_template = "providers/admin/list.html"
    list_display = ("person", "day", "month", "day_calls", "month_calls", "changed")
    list_select_related = ("user",)
    list_filter = (PersonFilter,)
    numeric = ("day", "month", "day_calls", "month_calls")
    ordering = ("-updated_at", "-id")
    autocomplete_fields = ("user",)
    fields = ("user", *quotas.NAMES)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whoever may change limits gives them, too."""
        return request.user.has_perm("providers.change_userquota")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Whose it is stays."""
        return [] if obj is None else ["user"]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """By the action, which records it."""
        limits = {name: form.cleaned_data[name] for name in quotas.NAMES}
        obj.pk = quotas.change(obj.user, by=acting(request), **limits).pk

    @admin.display(description="person")
    def person(self, quota: UserQuota) -> str:
        """Whose limits."""
        return str(quota.user)

    @admin.display(description="a day, in $")
    def day(self, quota: UserQuota) -> str:
        """What may be spent in a day."""
        return _limit(quota.daily_cost_limit)

    @admin.display(description="a month, in $")
    def month(self, quota: UserQuota) -> str:
        """What may be spent in a month."""
        return _limit(quota.monthly_cost_limit)

    @admin.display(description="calls a day")
    def day_calls(self, quota: UserQuota) -> str:
        """How often."""
        return number(quota.daily_request_limit)

    @admin.display(description="calls a month")
    def month_calls(self, quota: UserQuota) -> str:
        """How often."""
        return number(quota.monthly_request_limit)

    @admin.display(description="changed")
    def changed(self, quota: UserQuota) -> SafeString:
        """When."""
        return moment(quota.updated_at)


def _limit(amount: Any) -> str:
    return "default" if amount is None else dollars(amount)


@admin.register(CostAlert)
class AlertAdmin(ReadOnlyModelAdmin):
    """Who was told how much of a limit is spent; a person sees their own."""

    beside = sections
    purpose: ClassVar[str] = (
        "When 50, 80 and 100 per cent of a limit were spent; each is mailed once."
    )
    empty_text: ClassVar[str] = "Nobody has spent half of a limit yet."
    change_list_template = "providers/admin/list.html"
    list_display = ("threshold", "person", "of", "spent", "limit", "forecast", "made", "mailed")
    list_filter = (PersonFilter, "period")
    list_select_related = ("user",)
    numeric = ("spent", "limit", "forecast")
    ordering = ("-created_at", "-id")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may see calls; the database shows each their own."""
        return request.user.has_perm("providers.view_usageentry")

    @admin.display(description="spent")
    def threshold(self, alert: CostAlert) -> str:
        """Of which share it tells."""
        return number(alert.threshold_percent, "%")

    @admin.display(description="person")
    def person(self, alert: CostAlert) -> str:
        """Whose."""
        return str(alert.user)

    @admin.display(description="of")
    def of(self, alert: CostAlert) -> str:
        """Which limit."""
        starts = alert.starts_on
        return f"{starts:%-d %b %Y}" if alert.period == "day" else f"{starts:%b %Y}"

    @admin.display(description="amount")
    def spent(self, alert: CostAlert) -> str:
        """What was spent."""
        return dollars(alert.spent_amount)

    @admin.display(description="limit")
    def limit(self, alert: CostAlert) -> str:
        """Of how much."""
        return dollars(alert.limit_amount)

    @admin.display(description="forecast")
    def forecast(self, alert: CostAlert) -> str:
        """What it would come to."""
        return dollars(alert.forecast_amount)

    @admin.display(description="when")
    def made(self, alert: CostAlert) -> SafeString:
        """When it was noticed."""
        return moment(alert.created_at)

    @admin.display(description="mailed")
    def mailed(self, alert: CostAlert) -> SafeString | str:
        """When it was mailed."""
        return moment(alert.mailed_at) if alert.mailed_at else NOTHING
