"""Datasets: their list, their form, and the addresses of everything about one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.admin.posting import person
from config.admin.formats import badge, moment, tag
from config.admin.model_admin import StaffModelAdmin
from monitoring.actions import datasets
from monitoring.admin import asking, dataset_page, downloads, map_views
from monitoring.admin.posting import as_id
from monitoring.admin.questions import open_alerts
from monitoring.admin.sections import CHANGE_DATASETS, sections
from monitoring.admin.shown import dataset_url
from monitoring.errors import MonitoringError
from monitoring.models import Dataset

if TYPE_CHECKING:
    _Form = forms.ModelForm[Dataset]
else:
    _Form = forms.ModelForm


class DatasetForm(_Form):
    """Name, description, tags, and what is noted as JSON."""

    tags_text = forms.CharField(
        label="Tags",
        required=False,
        max_length=11_000,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text="Words that sort datasets, parted by commas: line 2, press.",
    )
    noted = forms.JSONField(
        label="Metadata",
        required=False,
        widget=forms.Textarea(attrs={"rows": 5, "class": "vLargeTextField is-code"}),
        help_text='Anything else worth keeping, as a JSON object: {"serial": "A-17"}.',
    )

    class Meta:
        model = Dataset
        fields = ("name", "description")
        help_texts = {"name": "What people call the machine.", "description": ""}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.setdefault("tags_text", ", ".join(self.instance.tags or []))
        self.initial.setdefault("noted", self.instance.noted)

    def clean_tags_text(self) -> list[str]:
        """The words."""
        return [word.strip() for word in self.cleaned_data["tags_text"].split(",") if word.strip()]

    def clean_noted(self) -> dict[str, Any]:
        """An object; nothing is an empty one."""
        noted = self.cleaned_data["noted"] or {}
        if not isinstance(noted, dict):
            raise forms.ValidationError("Metadata is an object: names in braces, each with a value")
        return noted


class UseFilter(admin.SimpleListFilter):
    """In use, or put away."""

    title, parameter_name = "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The two."""
        return [("used", "In use"), ("away", "Put away")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """By the mark."""
        wanted = {"used": True, "away": False}.get(self.value() or "")
        return queryset if wanted is None else queryset.filter(is_active=wanted)


@admin.register(Dataset)
class DatasetAdmin(StaffModelAdmin):
    """Datasets: made, described, looked at, put away."""

    beside = sections
    purpose: ClassVar[str] = "Machines that are watched, each with its map and what left it."
    empty_text: ClassVar[str] = (
        "No datasets yet. Make one for a machine; then make a map of a file of its healthy state,"
        " and place new files on it."
    )
    domain_errors: ClassVar[tuple[type[Exception], ...]] = (MonitoringError,)
    numeric: ClassVar[Sequence[str]] = ("alerts_shown",)

    form = DatasetForm
    change_list_template = "monitoring/list.html"
    add_form_template = "monitoring/form.html"
    change_form_template = "monitoring/form.html"
    list_display = ("title", "state", "alerts_shown", "owner", "last_analysis", "made")
    list_display_links = ("title",)
    list_filter = (UseFilter,)
    list_select_related = ("user",)
    ordering = ("-created_at", "-id")
    search_fields = ("name",)
    search_help_text = "Name, tag or id"
    fieldsets = (
        (None, {"fields": ("name", "description", "tags_text")}),
        ("More", {"fields": ("noted",)}),
    )

    # --- Addresses ------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        """Django's, with a page in place of the form, the form, the map, and each change."""
        guarded = self.admin_site.admin_view
        stem = "monitoring_dataset"
        of_map = "<uuid:dataset_id>/map/<uuid:map_id>"
        own = [
            path(f"{of_map}/points/", guarded(map_views.points), name=f"{stem}_points"),
            path(f"{of_map}/column/", guarded(map_views.column), name=f"{stem}_column"),
            path(f"{of_map}/sample/<int:order>/", guarded(map_views.sample), name=f"{stem}_sample"),
            path(
                f"{of_map}/healthy/<int:row>/", guarded(map_views.healthy), name=f"{stem}_healthy"
            ),
            path(
                f"{of_map}/download/<str:wanted>/",
                guarded(downloads.of_map),
                name=f"{stem}_download",
            ),
            path("<path:object_id>/edit/", guarded(self.edit_view), name=f"{stem}_edit"),
        ]
        own += [
            path(f"<uuid:dataset_id>/{name}/", guarded(view), name=f"{stem}_{name}")
            for name, view in asking.views().items()
        ]
        return own + super().get_urls()

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of one dataset; it changes nothing itself."""
        return dataset_page.view(request, object_id)

    def edit_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The form."""
        return super().change_view(request, object_id)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may describe datasets; the row itself is the owner's."""
        return request.user.has_perm(CHANGE_DATASETS)

    # --- Saving ---------------------------------------------------------------------------------

    def save_model(self, request: HttpRequest, obj: Dataset, form: Any, change: bool) -> None:
        """Through the actions."""
        said = {
            "name": obj.name,
            "description": obj.description or "",
            "tags": form.cleaned_data["tags_text"],
            "metadata": form.cleaned_data["noted"],
        }
        if change:
            datasets.change(obj.pk, by=person(request), **said)
            return
        made = datasets.make(by=person(request), **said)
        obj.pk, obj.user, obj._state.adding = made.pk, made.user, False

    def response_add(
        self, request: HttpRequest, obj: Dataset, post_url_continue: str | None = None
    ) -> HttpResponse:
        """To the new dataset's page, which says what comes next."""
        super().response_add(request, obj, post_url_continue)
        return HttpResponseRedirect(dataset_url(obj.pk))

    def response_change(self, request: HttpRequest, obj: Dataset) -> HttpResponse:
        """To the dataset's page."""
        super().response_change(request, obj)
        return HttpResponseRedirect(dataset_url(obj.pk))

    # --- The list -------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[Dataset]:
        """With the number of alerts that are open, and without what is noted."""
        mine = open_alerts().filter(dataset=OuterRef("pk")).order_by().values("dataset")
        waiting = mine.annotate(times=Count("pk")).values("times")
        rows: QuerySet[Dataset] = super().get_queryset(request)
        counted = rows.annotate(waiting_alerts=Coalesce(Subquery(waiting), 0))
        return counted.defer("description", "metadata", "sealed_metadata")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """By a part of the name, a tag, or the id."""
        text = search_term.strip()
        if not text:
            return queryset, False
        wanted = Q(name__icontains=text) | Q(tags__contains=[text])
        if key := as_id(text):
            wanted |= Q(pk=key)
        return queryset.filter(wanted), False

    @admin.display(description="name")
    def title(self, row: Dataset) -> SafeString:
        """What people call it, and its tags."""
        tags = format_html_join(" ", "{}", ((tag(word),) for word in (row.tags or [])[:4]))
        return format_html('<bdi>{}</bdi> <span class="tags">{}</span>', row.name, tags)

    @admin.display(description="state")
    def state(self, row: Dataset) -> SafeString:
        """In use, or put away."""
        return badge("In use", "good") if row.is_active else badge("Put away")

    @admin.display(description="open alerts")
    def alerts_shown(self, row: Any) -> str:
        """How many wait or are looked after."""
        return f"{row.waiting_alerts:,}"

    @admin.display(description="owner")
    def owner(self, row: Dataset) -> str:
        """Whose it is."""
        return str(row.user)

    @admin.display(description="last analysis")
    def last_analysis(self, row: Dataset) -> SafeString:
        """When."""
        return moment(row.last_analysis_at)

    @admin.display(description="made")
    def made(self, row: Dataset) -> SafeString:
        """When."""
        return moment(row.created_at)
