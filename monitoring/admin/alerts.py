"""The inbox: alerts that wait, acknowledged with one key, resolved with a word on why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final
from uuid import UUID

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST, require_safe

from accounts.admin.posting import at_once, person, require
from config.admin.formats import moment
from config.admin.model_admin import PageAction, ReadOnlyModelAdmin
from monitoring.actions import alerting_by_hand
from monitoring.admin import downloads, filters, shown
from monitoring.admin.posting import as_id, attempted, found, page
from monitoring.admin.sections import (
    ANSWER_ALERTS,
    MAKE_SILENCES,
    SEE_ALERTS,
    SEE_RULES,
    sections,
)
from monitoring.errors import MonitoringError
from monitoring.models import Alert, AlertNotification, AlertStatus

_MOST_TOLD: Final = 50
_MUTED: Final = {
    "silence": "A silence keeps it quiet.",
    "inhibition": "A critical alert of the same group keeps it quiet.",
}


@admin.register(Alert)
class AlertAdmin(ReadOnlyModelAdmin):
    """Alerts: acknowledged, resolved."""

    beside = sections
    purpose: ClassVar[str] = "What the rules noticed and nobody has settled yet."
    empty_text: ClassVar[str] = (
        "No alerts. A rule of a dataset raises one here when its condition holds."
    )
    domain_errors: ClassVar[tuple[type[Exception], ...]] = (MonitoringError,)
    numeric: ClassVar[Sequence[str]] = ("times",)

    change_list_template = "monitoring/inbox.html"
    list_display = ("title", "phase_shown", "severity_shown", "machine", "group", "times", "last")
    list_display_links = ("title",)
    list_filter = (filters.PhaseFilter, filters.SeverityFilter, filters.DatasetFilter)
    list_select_related = ("alert_rule", "dataset", "acknowledged_by", "resolved_by")
    ordering = ("-created_at", "-id")
    search_fields = ("id",)
    search_help_text = "Id of an alert, a rule or an anomaly"
    actions = ("acknowledge",)

    # --- Permissions and addresses --------------------------------------------------------------

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may see alerts; those of others are not there for them."""
        return request.user.has_perm(SEE_ALERTS)

    def has_answer_permission(self, request: HttpRequest) -> bool:
        """Whoever may acknowledge and resolve."""
        return request.user.has_perm(ANSWER_ALERTS)

    def get_urls(self) -> list[URLPattern]:
        """Django's, and the two answers."""
        own = [
            path(
                f"<uuid:alert_id>/{name}/",
                self.admin_site.admin_view(require_POST(view)),
                name=f"monitoring_alert_{name}",
            )
            for name, view in (("acknowledge", acknowledge_view), ("resolve", resolve_view))
        ]
        own.append(
            path(
                "download/<str:kind>/",
                self.admin_site.admin_view(require_safe(self.download_view)),
                name="monitoring_alert_download",
            )
        )
        return own + super().get_urls()

    def get_empty_action(self, request: HttpRequest) -> PageAction | None:
        """To the rules, without which there is none."""
        if not request.user.has_perm(SEE_RULES):
            return None
        return PageAction("Rules", reverse("admin:monitoring_alertrule_changelist"))

    # --- The list -------------------------------------------------------------------------------

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The inbox, and what answers need."""
        context = {
            "title": "Alerts",
            "may_answer": self.has_answer_permission(request),
            "longest_note": alerting_by_hand.LONGEST_NOTE,
            "files": downloads.addresses("monitoring_alert_download", request),
            **(extra_context or {}),
        }
        return super().changelist_view(request, context)

    def download_view(self, request: HttpRequest, kind: str) -> HttpResponse:
        """What the inbox shows, filters and all, as a file."""
        require(request, SEE_ALERTS)
        with transaction.atomic():
            rows = self.get_changelist_instance(request).get_queryset(request)
            return downloads.of_alerts(rows, kind)

    def get_list_display(self, request: HttpRequest) -> tuple[Any, ...]:
        """The buttons only for whoever may press them."""
        answers = ("answer",) if self.has_answer_permission(request) else ()
        return (*self.list_display, *answers)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Alert]:
        """Without what is noted of datasets."""
        rows: QuerySet[Alert] = super().get_queryset(request)
        return rows.defer(*shown.HEAVY)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """By its id, or that of the rule or of the anomaly."""
        if not search_term.strip():
            return queryset, False
        wanted = as_id(search_term)
        if wanted is None:
            return queryset.none(), False
        for name in ("pk", "alert_rule", "anomaly_id"):
            rows = queryset.filter(**{name: wanted})
            if rows.exists():
                return rows, False
        return queryset.none(), False

    @admin.action(description="Acknowledge", permissions=["answer"])
    def acknowledge(self, request: HttpRequest, chosen: QuerySet[Alert]) -> None:
        """Say that somebody looks after them; those that somebody does already are left."""
        done, refusals = 0, dict[str, int]()
        for row in at_once(self, request, chosen):
            alert, refused = _attempted(alerting_by_hand.acknowledge, row.pk, by=person(request))
            done += alert is not None
            if alert is None:
                refusals[refused] = refusals.get(refused, 0) + 1
        if done:
            noun = "alert is" if done == 1 else "alerts are"
            self.message_user(request, f"{done} {noun} acknowledged.", messages.SUCCESS)
        for sentence, times in refusals.items():
            text = sentence if times == 1 else f"{times} alerts: {sentence}"
            self.message_user(request, text, messages.WARNING)

    @admin.display(description="alert")
    def title(self, row: Alert) -> SafeString:
        """The rule that raised it, and why."""
        return format_html("<bdi>{}</bdi>{}", row.alert_rule.name, _why(row))

    @admin.display(description="state")
    def phase_shown(self, row: Alert) -> SafeString:
        """Where it stands, and who looks after it."""
        return format_html('<span data-phase="{}">{}</span>', row.phase, shown.phase_badge(row))

    @admin.display(description="severity")
    def severity_shown(self, row: Alert) -> SafeString:
        """How bad it was at its worst."""
        return shown.severity_badge(row.severity)

    @admin.display(description="dataset")
    def machine(self, row: Alert) -> str:
        """The machine."""
        return row.dataset.name

    @admin.display(description="group")
    def group(self, row: Alert) -> str:
        """Of which part of it."""
        return shown.group_words(row.group_values)

    @admin.display(description="samples")
    def times(self, row: Alert) -> str:
        """How many samples it stands for."""
        return f"{row.count:,}"

    @admin.display(description="last seen")
    def last(self, row: Alert) -> SafeString:
        """When its condition held last."""
        return moment(row.last_seen_at)

    @admin.display(description="", empty_value="")
    def answer(self, row: Alert) -> SafeString | str:
        """Buttons that submit the list's form to addresses of their own."""
        if row.status == AlertStatus.RESOLVED:
            return ""
        buttons = []
        if row.status == AlertStatus.ACTIVE:
            buttons.append(_button(row, "acknowledge", "Acknowledge"))
        buttons.append(_button(row, "resolve", "Resolve"))
        return format_html_join(" ", "{}", ((button,) for button in buttons))

    # --- One alert ------------------------------------------------------------------------------

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of one alert; it changes nothing itself."""
        require(request, SEE_ALERTS)
        key = as_id(object_id)
        rows = Alert.objects.select_related(
            "alert_rule", "dataset", "acknowledged_by", "resolved_by"
        )
        row = rows.filter(pk=key).first() if key else None
        if row is None:
            self.message_user(request, f"There is no alert {object_id[:64]}.", messages.WARNING)
            return HttpResponseRedirect(reverse("admin:monitoring_alert_changelist"))
        return page(request, "alert", row.alert_rule.name, _told(request, row))


def _button(row: Alert, name: str, word: str) -> SafeString:
    return format_html(
        '<button type="submit" class="btn is-quiet is-small" data-answer="{}" formaction="{}"'
        ' aria-label="{} the alert of {}">{}</button>',
        name,
        reverse(f"admin:monitoring_alert_{name}", args=[row.pk]),
        word,
        row.alert_rule.name,
        word,
    )


def _why(row: Alert) -> SafeString:
    if row.kind == "no_data":
        return SafeString('<br><span class="quiet-text">nothing comes any more</span>')
    muted = " · kept quiet" if row.muted else ""
    seen = f"by {row.acknowledged_by}" if row.acknowledged_by else ""
    if not (muted or seen):
        return SafeString("")
    return format_html('<br><span class="quiet-text">{}{}</span>', seen, muted)


def _told(request: HttpRequest, row: Alert) -> dict[str, Any]:
    may_answer = request.user.has_perm(ANSWER_ALERTS)
    silence = reverse("admin:monitoring_alertsilence_make")
    told = AlertNotification.objects.filter(alert=row).order_by("-created_at", "-id")
    return {
        "alert": row,
        "phase": shown.phase_badge(row),
        "severity": shown.severity_badge(row.severity),
        "group": shown.group_words(row.group_values),
        "muted": _MUTED.get(row.muted, ""),
        "is_silence": row.kind == "no_data",
        "notifications": [
            {
                "to": shown.told_whom(one.action),
                "why": shown.told_why(one.event),
                "when": one.created_at,
            }
            for one in told[:_MOST_TOLD]
        ],
        "dataset_url": shown.dataset_url(row.dataset_id),
        "rule_url": reverse("admin:monitoring_alertrule_change", args=[row.alert_rule_id])
        if request.user.has_perm(SEE_RULES)
        else "",
        "anomaly_url": reverse("admin:monitoring_anomaly_change", args=[row.anomaly_id])
        if row.anomaly_id
        else "",
        "silence_url": f"{silence}?dataset={row.dataset_id}"
        if request.user.has_perm(MAKE_SILENCES)
        else "",
        "may_acknowledge": may_answer and row.status == AlertStatus.ACTIVE,
        "may_resolve": may_answer and row.status != AlertStatus.RESOLVED,
        "longest_note": alerting_by_hand.LONGEST_NOTE,
    }


# --- Answers --------------------------------------------------------------------------------------


def _attempted(act: Callable[..., Alert], key: UUID, **more: Any) -> tuple[Alert | None, str]:
    return attempted(lambda: act(key, **more), Alert)


def acknowledge_view(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    """Say that somebody looks after it."""
    require(request, ANSWER_ALERTS)
    _, refused = _attempted(alerting_by_hand.acknowledge, alert_id, by=person(request))
    return _answered(request, alert_id, refused, "It is acknowledged.")


def resolve_view(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    """Say that it is over, and why; without a word on why, its page asks for one."""
    require(request, ANSWER_ALERTS)
    note, by = request.POST.get("note", ""), person(request)
    _, refused = _attempted(alerting_by_hand.resolve, alert_id, note=note, by=by)
    return _answered(request, alert_id, refused, "It is resolved.")


def _answered(request: HttpRequest, alert_id: UUID, refused: str, done: str) -> HttpResponse:
    """As JSON for the inbox's script, which writes it into the row; else the alert's page."""
    if "application/json" in request.headers.get("Accept", ""):
        row = found(Alert.objects.select_related("alert_rule"), alert_id)
        told = {
            "done": "" if refused else done,
            "refused": refused,
            "phase": row.phase,
            "badge": str(shown.phase_badge(row)),
        }
        return JsonResponse(told, status=409 if refused else 200)
    if refused:
        messages.warning(request, refused)
    else:
        messages.success(request, done)
    return HttpResponseRedirect(reverse("admin:monitoring_alert_change", args=[alert_id]))
