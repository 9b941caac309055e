"""The list of files, and the addresses of everything about one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from accounts.admin.posting import person
from config.admin.formats import NOTHING, moment, number, size
from config.admin.model_admin import PageAction, StaffModelAdmin
from ingestion.actions import files
from ingestion.admin import changes, file_page, upload
from ingestion.admin.posting import attempted
from ingestion.admin.search import matching_files
from ingestion.admin.states import CHOICES, badge_of
from ingestion.errors import IngestionError
from ingestion.models import FileUpload

_MOST_AT_ONCE: Final = 500


class StatusFilter(admin.SimpleListFilter):
    """Where files stand."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """One choice for each status."""
        return list(CHOICES)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The files with the status; an unknown status is as none."""
        known = {status for status, _ in CHOICES}
        value = self.value()
        return queryset.filter(status=value) if value in known else queryset


@admin.register(FileUpload)
class FileUploadAdmin(StaffModelAdmin):
    """Files of numbers: handed in, looked at, joined, removed."""

    purpose: ClassVar[str] = "Tables of measurements that were handed in, checked row by row."
    empty_text: ClassVar[str] = (
        "No files yet. Upload CSV files: each is checked, and its rows and columns appear here."
    )
    domain_errors: ClassVar[tuple[type[Exception], ...]] = (IngestionError,)
    numeric: ClassVar[Sequence[str]] = ("rows", "columns", "bytes")
    read_only: ClassVar[bool] = True  # there is no form; each change has its own button

    list_display = ("name", "state", "rows", "columns", "bytes", "uploader", "uploaded")
    list_display_links = ("name",)
    list_filter = (StatusFilter,)
    list_select_related = ("user",)
    sortable_by = ("uploaded",)
    ordering = ("-created_at", "-id")
    search_fields = ("original_filename",)  # offers the field; matching_files() says what it finds
    search_help_text = "Name, id or SHA-256"
    actions = ("merge",)

    # --- Permissions and addresses --------------------------------------------------------------

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody edits the row itself; what can be done has addresses of its own."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[FileUpload]:
        """Without the names of thousands of columns."""
        return super().get_queryset(request).defer("header", "column_kinds", "remarks")

    def get_urls(self) -> list[URLPattern]:
        """Django's, with the upload page in place of the form, and one address for each change."""
        guarded = self.admin_site.admin_view
        own = [path("add/", guarded(upload.view(self)), name="ingestion_fileupload_add")]
        own += [
            path(f"<uuid:file_id>/{name}/", guarded(view), name=f"ingestion_fileupload_{name}")
            for name, view in changes.views().items()
        ]
        return own + super().get_urls()

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of one file; it changes nothing itself."""
        return file_page.view(self, request, object_id)

    def get_page_actions(self, request: HttpRequest, obj: Any = None) -> Sequence[PageAction]:
        """Uploading, on the list."""
        if obj is None and self.has_add_permission(request):
            return [PageAction("Upload files", reverse("admin:ingestion_fileupload_add"), key="u")]
        return []

    # --- The list -------------------------------------------------------------------------------

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """By name, id or hash."""
        return matching_files(queryset, search_term), False

    @admin.display(description="name")
    def name(self, file: FileUpload) -> str:
        """What it was called."""
        return file.original_filename

    @admin.display(description="status")
    def state(self, file: FileUpload) -> SafeString:
        """Where it stands."""
        return badge_of(file)

    @admin.display(description="rows")
    def rows(self, file: FileUpload) -> str:
        """Of data, once they are counted."""
        return number(file.row_count) if file.row_count is not None else NOTHING

    @admin.display(description="columns")
    def columns(self, file: FileUpload) -> str:
        """Once the header was read."""
        return number(file.column_count) if file.column_count is not None else NOTHING

    @admin.display(description="size")
    def bytes(self, file: FileUpload) -> str:
        """On the disk."""
        return size(file.file_size)

    @admin.display(description="uploaded by")
    def uploader(self, file: FileUpload) -> str:
        """Whose it is."""
        return str(file.user)

    @admin.display(description="uploaded", ordering="created_at")
    def uploaded(self, file: FileUpload) -> SafeString:
        """When."""
        return moment(file.created_at)

    # --- Joining --------------------------------------------------------------------------------

    @admin.action(description="Join into one file", permissions=["add"])
    def merge(self, request: HttpRequest, chosen: QuerySet[FileUpload]) -> HttpResponse | None:
        """Ask for the name, then join the files: the oldest first."""
        found = list(chosen.order_by("created_at", "id")[: _MOST_AT_ONCE + 1])
        if len(found) > _MOST_AT_ONCE:
            text = f"At most {_MOST_AT_ONCE} files are joined at once. Choose fewer."
            self.message_user(request, text, messages.WARNING)
            return None
        if "name" not in request.POST:
            return self._ask_name(request, found)
        made, refused = attempted(
            lambda: files.merge(
                [file.pk for file in found], by=person(request), name=request.POST["name"]
            )
        )
        if made is None:
            self.message_user(request, refused, messages.WARNING)
            return HttpResponseRedirect(request.get_full_path())
        self.message_user(request, f"{len(found)} files are one: {made}.", messages.SUCCESS)
        return HttpResponseRedirect(file_page.file_url(made.pk))

    def _ask_name(self, request: HttpRequest, found: list[FileUpload]) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Join {len(found)} file{'' if len(found) == 1 else 's'} into one",
            "purpose": "Their rows follow each other in this order. The files themselves stay.",
            "chosen": found,
            "selected": [str(file.pk) for file in found],
        }
        return TemplateResponse(request, "ingestion/merge.html", context)
