"""Collections: their labels, stages and checks, and the images in them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString

from accounts.admin.posting import person
from annotations.actions import collections as actions
from annotations.admin.sections import sections
from annotations.errors import AnnotationError
from annotations.models import CollectionImage, ImageCollection
from config.admin.counting import count_rows
from config.admin.formats import NOTHING, badge, moment, percent
from config.admin.model_admin import PageAction, StaffModelAdmin

if TYPE_CHECKING:
    _Form = forms.ModelForm[ImageCollection]
else:
    _Form = forms.ModelForm

_STAGE_WORDS = {
    "final": "One decision",
    "L1,final": "Two: L1, then final",
    "L2,final": "Two: L2, then final",
    "L1,L2,final": "Three: L1, L2, then final",
}


class CollectionForm(_Form):
    """The form; labels one to a line, stages out of the four that there are."""

    labels_text = forms.CharField(
        label="Labels",
        required=False,
        max_length=90_000,
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text="One to a line. Reviewers choose among them; without any, a label is free text.",
    )
    stages_text = forms.ChoiceField(
        label="Decisions",
        choices=list(_STAGE_WORDS.items()),
        widget=forms.RadioSelect,
        help_text="Each stage is decided by somebody else. What waits keeps its stage.",
    )

    class Meta:
        model = ImageCollection
        fields = ("name", "description", "spot_check_percent", "gold_percent", "is_archived")
        labels = {"spot_check_percent": "Spot checks, %", "gold_percent": "Known answers, %"}
        help_texts = {
            "spot_check_percent": "Of what is decided, so much is shown to somebody else as well.",
            "gold_percent": "Of what reviewers are shown, so much has a known answer.",
            "is_archived": "It is offered no more, and takes no images.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Who may only look is shown no fields.
        for name in ("spot_check_percent", "gold_percent"):
            if name in self.fields:
                self.fields[name].widget.attrs |= {"min": "0", "max": "100"}
        self.initial.setdefault("labels_text", "\n".join(map(str, self.instance.labels)))
        self.initial.setdefault("stages_text", ",".join(map(str, self.instance.stages)))

    def clean_labels_text(self) -> list[str]:
        """Each label once; LabelRefused becomes the field's error."""
        try:
            return actions.cleaned_labels(self.cleaned_data["labels_text"].splitlines())
        except AnnotationError as error:
            raise forms.ValidationError(str(error)) from None

    def clean(self) -> dict[str, Any] | None:
        """The two fields that the model keeps in another form."""
        cleaned = super().clean()
        if cleaned and "labels_text" in cleaned:
            self.instance.labels = cleaned["labels_text"]
        if cleaned and "stages_text" in cleaned:
            self.instance.stages = actions.STAGES[cleaned["stages_text"]]
        return cleaned


@admin.register(ImageCollection)
class ImageCollectionAdmin(StaffModelAdmin):
    """Collections: made, changed, put away."""

    beside = sections
    purpose: ClassVar[str] = "Images that are reviewed together: their labels, stages and checks."
    empty_text: ClassVar[str] = (
        "No collections yet. Make one, then add images to it from their list; until then"
        " everything is reviewed once, with free labels."
    )
    domain_errors: ClassVar[tuple[type[Exception], ...]] = (AnnotationError,)
    numeric: ClassVar[Sequence[str]] = ("images", "label_count", "spot_checks", "gold")

    form = CollectionForm
    change_list_template = "annotations/list.html"
    change_form_template = "annotations/collection.html"
    list_display = (
        "name",
        "state",
        "images",
        "label_count",
        "stages_shown",
        "spot_checks",
        "gold",
        "made",
    )
    ordering = ("-created_at", "-id")
    fieldsets = (
        (None, {"fields": ("name", "description")}),
        ("Review", {"fields": ("labels_text", "stages_text")}),
        ("Checks of reviewers", {"fields": ("spot_check_percent", "gold_percent")}),
        ("Archive", {"fields": ("is_archived",)}),
    )

    # --- Permissions ----------------------------------------------------------------------------

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever sees annotations sees how they are reviewed."""
        return request.user.has_perm("annotations.view_annotation")

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Likewise."""
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whoever may change collections may make them."""
        return request.user.has_perm("annotations.change_imagecollection")

    # --- Pages ----------------------------------------------------------------------------------

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Who may only look gets the stored fields, not those of the form."""
        if self.has_change_permission(request, obj):
            return super().get_fieldsets(request, obj)
        return (
            (None, {"fields": ("name", "description")}),
            ("Review", {"fields": ("labels", "stages")}),
            ("Checks of reviewers", {"fields": ("spot_check_percent", "gold_percent")}),
        )

    def get_page_actions(self, request: HttpRequest, obj: Any = None) -> Sequence[PageAction]:
        """On a collection's page: its review, its annotations, and annotating its images."""
        if obj is None:
            return super().get_page_actions(request, obj)
        query = f"?{urlencode({'collection': obj.pk})}"
        listing = reverse("admin:annotations_annotation_changelist")
        actions_here = [PageAction("Annotations", listing + query, "quiet")]
        if request.user.has_perm("annotations.annotate_image"):
            address = reverse("admin:annotations_annotate")
            actions_here.append(PageAction("Annotate by AI", address + query, "quiet"))
        if request.user.has_perm("annotations.review_annotation"):
            actions_here.append(
                PageAction("Review", reverse("admin:annotations_desk") + query, key="r")
            )
        return actions_here

    def save_model(
        self, request: HttpRequest, obj: ImageCollection, form: Any, change: bool
    ) -> None:
        """Through the actions."""
        if change:
            actions.change(obj, by=person(request))
        else:
            actions.create(obj, by=person(request))

    def get_queryset(self, request: HttpRequest) -> QuerySet[ImageCollection]:
        """All of them; there are never many."""
        rows: QuerySet[ImageCollection] = super().get_queryset(request)
        return rows

    # --- Columns --------------------------------------------------------------------------------

    @admin.display(description="state")
    def state(self, row: ImageCollection) -> SafeString:
        """In use, or put away."""
        return badge("Archived") if row.is_archived else badge("In use", "good")

    @admin.display(description="images")
    def images(self, row: ImageCollection) -> str:
        """Counted to 10,000, by index."""
        return str(count_rows(CollectionImage.objects.filter(collection=row)))

    @admin.display(description="labels")
    def label_count(self, row: ImageCollection) -> str:
        """How many there are to choose from."""
        return f"{len(row.labels):,}" if row.labels else "any"

    @admin.display(description="decisions")
    def stages_shown(self, row: ImageCollection) -> str:
        """The stages in their order."""
        return ", ".join(map(str, row.stages))

    @admin.display(description="spot checks")
    def spot_checks(self, row: ImageCollection) -> str:
        """Of what is decided."""
        return _percent(row.spot_check_percent)

    @admin.display(description="known answers")
    def gold(self, row: ImageCollection) -> str:
        """Of what is shown."""
        return _percent(row.gold_percent)

    @admin.display(description="made")
    def made(self, row: ImageCollection) -> SafeString:
        """When."""
        return moment(row.created_at)


def _percent(value: Decimal) -> str:
    return percent(value / 100) if value else NOTHING
