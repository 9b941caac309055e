"""Calls and what they cost: each person sees their own, an admin everybody's."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar, Final

from django.contrib import admin
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.admin.filters import PersonFilter
from accounts.admin.person_doors import acting
from config.admin.formats import NOTHING, badge, duration, moment, number, short_id
from config.admin.model_admin import ReadOnlyModelAdmin
from config.admin.tiles import Tile
from providers import limits
from providers.actions.money import today
from providers.admin import charts
from providers.admin.sections import sections
from providers.admin.shown import dollars
from providers.models import UsageEntry, UsageTracking

_DAYS: Final = 30
_ID_LENGTH: Final = 36


class _UsageAdmin(ReadOnlyModelAdmin):
    """What both lists have in common."""

    beside = sections
    change_list_template = "providers/admin/list.html"

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may see calls; the database shows each their own."""
        return request.user.has_perm("providers.view_usageentry")

    @admin.display(description="person")
    def person(self, row: Any) -> str:
        """Who asked."""
        return str(row.user)


@admin.register(UsageTracking)
class DayAdmin(_UsageAdmin):
    """The totals of each day, with a picture of the last weeks."""

    purpose: ClassVar[str] = "What calls to AI providers cost, by day (UTC), person and model."
    empty_text: ClassVar[str] = "Nobody has asked an AI provider yet."
    list_display = (
        "usage_date",
        "person",
        "provider",
        "model",
        "calls",
        "failed",
        "tokens",
        "cost",
    )
    list_filter = (PersonFilter, "provider")
    few_choices: ClassVar[tuple[str, ...]] = ("provider",)
    list_select_related = ("user", "provider")
    numeric = ("calls", "failed", "tokens", "cost")
    ordering = ("-usage_date", "-id")

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list under a picture and tiles; those are of all that the person may see."""
        days = _days()
        own = limits.left(acting(request).pk)
        context = {
            "tiles": [_tile(one) for one in own],
            "message": charts.message(days),
            "chart": charts.cost_svg(days),
        }
        return super().changelist_view(request, context | (extra_context or {}))

    @admin.display(description="calls")
    def calls(self, row: UsageTracking) -> str:
        """How many."""
        return number(row.request_count)

    @admin.display(description="failed")
    def failed(self, row: UsageTracking) -> str:
        """How many of them gave no answer."""
        return number(row.failure_count)

    @admin.display(description="tokens in, out")
    def tokens(self, row: UsageTracking) -> str:
        """How many."""
        return f"{number(row.input_tokens)}, {number(row.output_tokens)}"

    @admin.display(description="cost")
    def cost(self, row: UsageTracking) -> str:
        """All of them."""
        return dollars(row.total_cost)


def _days() -> list[charts.Day]:
    """What each of the last days cost, the oldest first; one query."""
    last = today()
    first = last - timedelta(days=_DAYS - 1)
    rows = (
        UsageTracking.objects.filter(usage_date__gte=first)
        .values("usage_date")
        .annotate(cost=Sum("total_cost"))
    )
    costs = {row["usage_date"]: row["cost"] for row in rows}
    return [
        (day, costs.get(day, Decimal(0)))
        for day in (first + timedelta(days=at) for at in range(_DAYS))
    ]


def _tile(one: limits.Left) -> Tile:
    """What is left of one's own limit."""
    name = {"day": "today", "month": "this month"}[one.period]
    spent = f"{dollars(one.spent)} spent"
    if one.held:
        spent += f", {dollars(one.held)} set aside"
    if one.cost_limit is None:
        return Tile(f"Your limit {name}", "none", spent)
    left = one.left or Decimal(0)
    state: Any = None
    if left <= one.cost_limit / 5:
        state = "bad" if left == 0 else "warning"
    return Tile(
        f"Left to you {name}", dollars(left), f"{spent} of {dollars(one.cost_limit)}", state
    )


@admin.register(UsageEntry)
class CallAdmin(_UsageAdmin):
    """Every call, as the ledger has it."""

    purpose: ClassVar[str] = "Every call to an AI provider that was billed, for good."
    empty_text: ClassVar[str] = "Nobody has asked an AI provider yet."
    list_display = (
        "when",
        "person",
        "provider",
        "model",
        "purpose_shown",
        "how",
        "took",
        "cost_shown",
    )
    list_filter = (PersonFilter, "provider", "is_assumed")
    few_choices: ClassVar[tuple[str, ...]] = ("provider",)
    list_select_related = ("user", "provider")
    numeric = ("took", "cost_shown")
    ordering = ("-created_at", "-id")
    fields = (
        "when",
        "person",
        "provider",
        "model",
        "purpose_shown",
        "how",
        "input_tokens",
        "cached_input_tokens",
        "output_tokens",
        "images",
        "cost_shown",
        "price",
        "request_id",
        "took",
    )
    readonly_fields = ("when", "person", "purpose_shown", "how", "cost_shown", "took")

    @admin.display(description="when")
    def when(self, entry: UsageEntry) -> SafeString:
        """When it was settled."""
        return moment(entry.created_at)

    @admin.display(description="for")
    def purpose_shown(self, entry: UsageEntry) -> SafeString:
        """What for; an id at the end shortened."""
        words, _, last = entry.purpose.rpartition(" ")
        if words and len(last) == _ID_LENGTH:
            return format_html("{} {}", words, short_id(last))
        return format_html("{}", entry.purpose or NOTHING)

    @admin.display(description="outcome")
    def how(self, entry: UsageEntry) -> SafeString:
        """How it ended, and whether its cost is known."""
        word = entry.outcome.replace("_", " ")
        if entry.is_assumed:
            return badge(f"{word}; cost assumed", "warning")
        return badge(word, "good" if entry.outcome == "answered" else "warning")

    @admin.display(description="took")
    def took(self, entry: UsageEntry) -> str:
        """How long."""
        return duration(entry.duration_ms)

    @admin.display(description="cost")
    def cost_shown(self, entry: UsageEntry) -> str:
        """In US dollars."""
        return dollars(entry.cost)
