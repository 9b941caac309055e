"""The admins' door to the installation: settings in force, and which migrations ran."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from config.admin import formats
from config.admin.model_admin import PageAction, ReadOnlyModelAdmin, StaffModelAdmin
from config.admin.site import NavItem, add_navigation
from database import system_settings
from database.models import MigrationRun, MigrationStatus, SystemSetting
from database.system_settings import Definition

if TYPE_CHECKING:
    _ModelForm = forms.ModelForm[SystemSetting]
else:
    _ModelForm = forms.ModelForm

_RUN_STATES: Final[dict[str, formats.State]] = {
    MigrationStatus.PENDING: "neutral",
    MigrationStatus.RUNNING: "notice",
    MigrationStatus.SUCCESS: "good",
    MigrationStatus.FAILED: "bad",
    MigrationStatus.ROLLED_BACK: "warning",
}


# The unit of a setting, in the words that say what it can be.
_UNIT: Final = re.compile(r"\bnumber of (bytes|seconds|days)\b")


@dataclass(frozen=True)
class Entry:
    """One line of the settings page."""

    key: str
    title: str
    description: str
    value: str
    default: str
    badge: SafeString
    changed_at: datetime | None


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return f"{value:,}" if type(value) is int else json.dumps(value, ensure_ascii=False)


def _measured(value: Any, wanted: str) -> str:
    """The value as the list shows it: a switch in a word, a number with its unit."""
    if type(value) is bool:
        return "On" if value else "Off"
    if value is not None and "US dollars" in wanted:
        return formats.number(Decimal(str(value)), "$", digits=2)
    unit = _UNIT.search(wanted)
    if type(value) is not int or unit is None:
        return _shown(value)
    return formats.size(value) if unit[1] == "bytes" else formats.number(value, unit[1])


def entries() -> list[Entry]:
    """Every known setting, with a row or without; then rows that no program reads."""
    rows = {row.setting_key: row for row in SystemSetting.objects.all()}
    known = [_entry(made, rows.pop(key, None)) for key, made in sorted(_registry().items())]
    unknown = [
        Entry(
            key,
            formats.spoken(key),
            row.description,
            _shown(row.setting_value),
            formats.NOTHING,
            formats.badge("read by nobody", "warning"),
            row.updated_at,
        )
        for key, row in sorted(rows.items())
    ]
    return known + unknown


def _registry() -> dict[str, Definition]:
    return dict(system_settings.REGISTRY)


def _entry(made: Definition, row: SystemSetting | None) -> Entry:
    value = made.default if row is None else row.setting_value
    if not made.accepts(value):
        badge = formats.badge("wrong value: default in force", "bad")
    elif value == made.default:
        badge = formats.badge("default", "neutral")
    else:
        badge = formats.badge("changed", "notice")
    changed_at = row.updated_at if row else None
    return Entry(
        made.key,
        formats.spoken(made.key),
        made.description,
        _measured(value, made.wanted),
        _measured(made.default, made.wanted),
        badge,
        changed_at,
    )


class WordsField(forms.CharField):
    """A list of words, written with commas between them."""

    widget = forms.TextInput(attrs={"class": "vLargeTextField"})

    def prepare_value(self, value: Any) -> Any:
        """The list as text."""
        return ", ".join(str(item) for item in value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        """The text as a list."""
        words = (word.strip() for word in str(value or "").replace("\x00", "").split(","))
        return [word for word in words if word]


class SwitchField(forms.TypedChoiceField):
    """Something that is on or off."""

    def __init__(self, **kwargs: Any) -> None:
        choices = (("true", "On"), ("false", "Off"))
        super().__init__(choices=choices, coerce=lambda word: word == "true", **kwargs)

    def prepare_value(self, value: Any) -> Any:
        """The choice that stands for it."""
        return json.dumps(value) if type(value) is bool else value


class SettingForm(_ModelForm):
    """The value of one setting, with a field that fits its kind."""

    class Meta:
        model = SystemSetting
        fields = ("setting_value",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        made = system_settings.REGISTRY.get(self.instance.setting_key)
        if made is None or "setting_value" not in self.fields:
            return
        note = f"{made.description} It is {made.wanted}. The default is {_shown(made.default)}."
        if type(made.default) is bool:
            note = f"{made.description} The default is {_measured(made.default, '').lower()}."
        kind: type[forms.Field] = forms.JSONField
        if type(made.default) is bool:
            kind = SwitchField
        elif type(made.default) is int:
            kind = forms.IntegerField
        elif isinstance(made.default, list):
            kind = WordsField
        self.fields["setting_value"] = kind(label="Value", help_text=note)

    def clean(self) -> dict[str, Any]:
        """Refuse a value that the setting cannot take, beside its field."""
        cleaned: dict[str, Any] = super().clean() or {}
        made = system_settings.REGISTRY.get(self.instance.setting_key)
        if made is not None and "setting_value" in cleaned:
            try:
                made.check(cleaned["setting_value"])
            except system_settings.WrongValue as error:
                self.add_error("setting_value", str(error))
        return cleaned


@admin.register(SystemSetting)
class SystemSettingAdmin(StaffModelAdmin):
    """Settings of the running system; every known one has its page, with a row or without."""

    purpose: ClassVar[str] = (
        "What can be changed while the system runs. A change is in force at once, everywhere."
    )
    form = SettingForm
    readonly_fields = ("created_at", "updated_at")
    fieldsets = (
        (None, {"fields": ("setting_value",)}),
        ("Record", {"fields": ("created_at", "updated_at")}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Without a row there is no record of it."""
        fieldsets = super().get_fieldsets(request, obj)
        return fieldsets[:1] if obj is None or obj._state.adding else fieldsets

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Settings are defined by programs, not by hand."""
        return False

    def get_urls(self) -> list[URLPattern]:
        """Also: back to the default."""
        view = self.admin_site.admin_view(require_POST(self.reset_view))
        own = path("<slug:key>/reset/", view, name="database_systemsetting_reset")
        return [own, *super().get_urls()]

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> SystemSetting | None:
        """The setting of this key or id; one without a row as it would be saved."""
        row = SystemSetting.objects.filter(setting_key=object_id).first()
        if row is not None:
            return row
        made = system_settings.REGISTRY.get(object_id)
        if made is None:
            return super().get_object(request, object_id, from_field)
        return SystemSetting(setting_key=made.key, setting_value=made.default)

    def get_page_actions(self, request: HttpRequest, obj: Any = None) -> list[PageAction]:
        """From the list to the migrations; from a changed setting back to its default."""
        if obj is None:
            url = reverse("admin:database_migrationrun_changelist")
            return [PageAction("Migration history", url, kind="quiet")]
        if obj._state.adding or not self.has_change_permission(request, obj):
            return []
        url = reverse("admin:database_systemsetting_reset", args=[obj.setting_key])
        return [PageAction("Use the default again", url, kind="quiet", method="post")]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """All settings on one page; there are few."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": "Settings",
            "purpose": self.purpose,
            "opts": self.opts,
            "entries": entries(),
            "page_actions": self.get_page_actions(request),
            **(extra_context or {}),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/database/settings.html", context)

    def reset_view(self, request: HttpRequest, key: str) -> HttpResponse:
        """Forget the value, so that the default is in force."""
        obj = self.get_object(request, key)
        if not self.has_change_permission(request, obj):
            raise PermissionDenied
        if obj is not None and not obj._state.adding:
            self.log_change(request, obj, "Back to the default.")
            obj.delete()
        self.message_user(request, f"The default of {key} is in force.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:database_systemsetting_changelist"))


@admin.register(MigrationRun)
class MigrationRunAdmin(ReadOnlyModelAdmin):
    """Which migrations ran, and how they ended."""

    purpose: ClassVar[str] = "Every run of a migration: when, for how long, and how it ended."
    empty_text: ClassVar[str] = "Runs appear here when manage.py migrate changes the database."
    list_display = ("name", "status_badge", "batch", "took", "started")
    list_filter = ("status",)
    search_fields = ("name",)
    numeric: ClassVar[tuple[str, ...]] = ("batch", "took")
    ordering = ("-id",)
    fields = (
        "name",
        "status_badge",
        "batch",
        "took",
        "error_message",
        "checksum",
        "started_at",
        "completed_at",
    )

    @admin.display(description="status")
    def status_badge(self, run: MigrationRun) -> SafeString:
        """How the run ended."""
        return formats.badge(run.get_status_display(), _RUN_STATES.get(run.status, "neutral"))

    @admin.display(description="took")
    def took(self, run: MigrationRun) -> str:
        """For how long it ran."""
        return formats.duration(run.duration_ms)

    @admin.display(description="started")
    def started(self, run: MigrationRun) -> SafeString:
        """When it began."""
        return formats.moment(run.started_at)


add_navigation(
    NavItem(
        "Settings",
        "admin:database_systemsetting_changelist",
        order=70,
        permission="database.view_systemsetting",
        also_active_for=("database_",),
    )
)
