"""Silences: alerts that are kept quiet for a time, such as a repair."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_http_methods, require_POST

from accounts.admin.posting import person, require
from config.admin.formats import badge, moment
from config.admin.model_admin import PageAction, ReadOnlyModelAdmin
from config.admin.registry import Page
from monitoring.actions import silences
from monitoring.admin import filters, shown
from monitoring.admin.posting import as_id, attempted, page
from monitoring.admin.questions import datasets_named
from monitoring.admin.sections import END_SILENCES, MAKE_SILENCES, SEE_SILENCES, sections
from monitoring.errors import MonitoringError
from monitoring.models import AlertSilence, Dataset

_LIST: Final = "admin:monitoring_alertsilence_changelist"
_HOURS: Final = (1, 4, 8, 24, 72, 168)


class SilenceForm(forms.Form):
    """Which alerts are kept quiet, how long, and why."""

    dataset = forms.ChoiceField(label="Dataset")
    severities = forms.MultipleChoiceField(
        label="Only these severities",
        required=False,
        choices=[(word, word.capitalize()) for word in ("low", "medium", "high", "critical")],
        widget=forms.CheckboxSelectMultiple,
        help_text="None chosen: all of them.",
    )
    column = forms.CharField(
        label="Only where this column",
        required=False,
        max_length=100,
        help_text="A column of the samples' metadata that the rule groups by, such as machine.",
    )
    value = forms.CharField(label="is", required=False, max_length=200)
    hours = forms.TypedChoiceField(
        label="For",
        coerce=int,
        choices=[(hours, f"{hours} h" if hours < 24 else f"{hours // 24} d") for hours in _HOURS],
        initial=4,
    )
    comment = forms.CharField(
        label="Why",
        max_length=silences.LONGEST_COMMENT,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text="Whoever wonders why nothing was told reads this.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        field: Any = self.fields["dataset"]
        field.choices = datasets_named()

    def clean(self) -> dict[str, Any]:
        """A column and its value go together."""
        said = super().clean() or {}
        if bool(said.get("column")) != bool(said.get("value")):
            self.add_error("value", "Name both the column and its value, or neither.")
        return said

    def matchers(self) -> list[dict[str, Any]]:
        """As a silence has them."""
        said = self.cleaned_data
        found: list[dict[str, Any]] = []
        if said["severities"]:
            found.append({"field": "severity", "op": "in", "value": said["severities"]})
        if said["column"]:
            found.append({"field": f"meta.{said['column']}", "op": "eq", "value": said["value"]})
        return found

    def ends_at(self) -> datetime:
        """The end."""
        return timezone.now() + timedelta(hours=self.cleaned_data["hours"])


@admin.register(AlertSilence)
class AlertSilenceAdmin(ReadOnlyModelAdmin):
    """Silences: made, ended early."""

    beside = sections
    purpose: ClassVar[str] = "Alerts that are raised, but told to nobody for a time."
    empty_text: ClassVar[str] = (
        "No silences. During a repair, silence the machine's alerts: they are still noted, and what"
        " is open when the silence ends is told then."
    )
    domain_errors: ClassVar[tuple[type[Exception], ...]] = (MonitoringError,)

    change_list_template = "monitoring/list.html"
    list_display = ("why", "state", "machine", "which", "began", "ends", "author", "stop")
    list_display_links = None
    list_filter = (filters.DatasetFilter,)
    list_select_related = ("dataset", "created_by")
    ordering = ("-created_at", "-id")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may see silences."""
        return request.user.has_perm(SEE_SILENCES)

    def get_urls(self) -> list[URLPattern]:
        """Django's, and ending one."""
        own = path(
            "<uuid:silence_id>/end/",
            self.admin_site.admin_view(require_POST(end_view)),
            name="monitoring_alertsilence_end",
        )
        return [own, *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[AlertSilence]:
        """Without what is noted of datasets."""
        rows: QuerySet[AlertSilence] = super().get_queryset(request)
        return rows.defer(*shown.HEAVY)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """A silence has no page of its own: the list says all."""
        return HttpResponseRedirect(reverse(_LIST))

    def get_page_actions(self, request: HttpRequest, obj: Any = None) -> Sequence[PageAction]:
        """Making one."""
        if obj is None and request.user.has_perm(MAKE_SILENCES):
            address = reverse("admin:monitoring_alertsilence_make")
            return [PageAction("Silence alerts", address, key="n")]
        return []

    def get_list_display(self, request: HttpRequest) -> tuple[Any, ...]:
        """The button only for whoever may press it."""
        may_end = request.user.has_perm(END_SILENCES)
        return tuple(name for name in self.list_display if may_end or name != "stop")

    @admin.display(description="why")
    def why(self, row: AlertSilence) -> str:
        """The comment."""
        return row.comment

    @admin.display(description="state")
    def state(self, row: AlertSilence) -> SafeString:
        """Whether it is quiet now."""
        now = timezone.now()
        if row.ends_at <= now:
            return badge("Ended")
        return badge("Quiet now", "warning") if row.starts_at <= now else badge("Later", "notice")

    @admin.display(description="dataset")
    def machine(self, row: AlertSilence) -> str:
        """The machine."""
        return row.dataset.name

    @admin.display(description="alerts")
    def which(self, row: AlertSilence) -> str:
        """Which are kept quiet, in words."""
        return in_words(row.matchers)

    @admin.display(description="from")
    def began(self, row: AlertSilence) -> SafeString:
        """Its beginning."""
        return moment(row.starts_at)

    @admin.display(description="until")
    def ends(self, row: AlertSilence) -> SafeString:
        """Its end."""
        return moment(row.ends_at)

    @admin.display(description="by")
    def author(self, row: AlertSilence) -> str:
        """Who made it."""
        return str(row.created_by)

    @admin.display(description="", empty_value="")
    def stop(self, row: AlertSilence) -> SafeString | str:
        """Ends it now."""
        if row.ends_at <= timezone.now():
            return ""
        return format_html(
            '<button type="submit" class="btn is-quiet is-small" formaction="{}"'
            ' aria-label="End the silence: {}">End now</button>',
            reverse("admin:monitoring_alertsilence_end", args=[row.pk]),
            row.comment[:60],
        )


def in_words(matchers: Any) -> str:
    """Matchers as people say them: ``severity low or medium; machine = 7``."""
    if not isinstance(matchers, list) or not matchers:
        return "all"
    words = []
    for one in matchers:
        if not isinstance(one, dict):
            return json.dumps(matchers)[:200]
        said = one.get("value")
        value = " or ".join(map(str, said)) if isinstance(said, list) else str(said)
        sign = {"eq": "=", "ne": "is not", "in": "="}.get(str(one.get("op")), "?")
        words.append(f"{str(one.get('field')).removeprefix('meta.')} {sign} {value}")
    return "; ".join(words)


@require_http_methods(["GET", "HEAD", "POST"])
def make(request: HttpRequest) -> HttpResponse:
    """The form of a silence."""
    require(request, MAKE_SILENCES)
    initial = {"dataset": request.GET.get("dataset", "")}
    form = SilenceForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        key, by = as_id(form.cleaned_data["dataset"]), person(request)

        def change() -> AlertSilence:
            said = form.cleaned_data
            return silences.silence(
                key or Dataset().pk,
                ends_at=form.ends_at(),
                comment=said["comment"],
                by=by,
                matchers=form.matchers(),
            )

        made, refused = attempted(change, AlertSilence)
        if made is not None:
            messages.success(request, "Its alerts are quiet now. They are still noted.")
            return HttpResponseRedirect(reverse(_LIST))
        form.add_error(None, refused)
    context = {
        "form": form,
        "purpose": "Alerts are still raised and can be looked at; nobody is told of them.",
        "button": "Silence",
        "list_url": reverse(_LIST),
        "list_title": "Silences",
    }
    return page(request, "ask", "Silence alerts", context, status=400 if form.errors else 200)


def end_view(request: HttpRequest, silence_id: UUID) -> HttpResponse:
    """End a silence now."""
    require(request, END_SILENCES)
    by = person(request)
    ended, refused = attempted(lambda: silences.end(silence_id, by=by), AlertSilence)
    if ended is None:
        messages.warning(request, refused)
    else:
        messages.success(request, "The silence has ended; what is open is told in a minute.")
    return HttpResponseRedirect(reverse(_LIST))


PAGES: Final = (Page("monitoring/silence/", make, "monitoring_alertsilence_make"),)
