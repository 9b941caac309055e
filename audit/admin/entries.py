"""The audit log's pages: the list, one entry with its proof, and what may be done with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from audit.admin import doors, entry_page, filters, shown
from audit.admin.chain_page import chain_page
from audit.admin.entry_list import UNREAD, EntryList
from audit.admin.sections import with_sections
from audit.admin.selection import PARAMETER
from audit.errors import AuditError
from audit.models import Entry
from config.admin.change_list import KeysetChangeList
from config.admin.model_admin import PageAction, ReadOnlyModelAdmin


@admin.register(Entry)
class EntryAdmin(ReadOnlyModelAdmin):
    """Entries of the audit log: found, read, proved, handed out; never changed."""

    purpose: ClassVar[str] = (
        "Who did what, to what, when and from where. Entries are never changed, and each can be"
        " proved."
    )
    empty_text: ClassVar[str] = (
        "Nothing has been recorded yet. Every log-in, change and refusal appears here."
    )
    domain_errors: ClassVar[tuple[type[Exception], ...]] = (AuditError,)
    change_list_template = "audit/list.html"
    list_display = (
        "when",
        "who",
        "action_shown",
        "resource",
        "outcome_shown",
        "source_shown",
    )
    list_display_links = ("action_shown",)
    list_filter = filters.FILTERS
    ordering = ("-id",)
    search_fields = ("id",)
    search_help_text = "Number or id of an entry, id of a request"
    actions = ("evidence", "erase")

    # --- Permissions and addresses --------------------------------------------------------------

    def has_erase_permission(self, request: HttpRequest) -> bool:
        """Whether the person may erase personal data."""
        return request.user.has_perm(shown.ERASE)

    def get_urls(self) -> list[URLPattern]:
        """Django's, and those of the chain, of evidence and of erasing."""
        own = {
            "chain": chain_page,
            "evidence": doors.evidence_page,
            "erase": doors.erase_page,
            "verifier": doors.verifier,
        }
        return [
            path(f"{name}/", self.admin_site.admin_view(self._door(view)), name=_name(name))
            for name, view in own.items()
        ] + super().get_urls()

    def _door(self, view: Any) -> Any:
        def opened(request: HttpRequest) -> HttpResponseBase:
            if not self.has_view_permission(request):
                raise PermissionDenied("Your role may not see the audit log.")
            request.current_app = self.admin_site.name
            answer: HttpResponseBase = view(request, self)
            return answer

        return opened

    # --- The list -------------------------------------------------------------------------------

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[KeysetChangeList]:
        """Pages by number."""
        return EntryList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Entry]:
        """Without what has to be worked out row by row."""
        rows: QuerySet[Entry] = super().get_queryset(request)
        return rows.defer(*UNREAD)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """By number, id, or the request's id."""
        if not search_term.strip():
            return queryset, False
        return filters.entry_of(queryset, search_term), False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list; fields of its form that were left empty leave the address."""
        asked = [(name, one) for name, values in request.GET.lists() for one in values]
        given = [(name, one) for name, one in asked if one.strip()]
        if request.method == "GET" and given != asked:
            return HttpResponseRedirect(f"{request.path}?{urlencode(given)}")
        for one in (filters.FromFilter, filters.ToFilter):
            text = request.GET.get(one.parameter_name, "")
            if text and not filters.is_moment(text):
                said = f"“{shown.visible(text[:40])}” is no date: write 2026-11-21."
                self.message_user(request, f"{said} It was left out.", messages.WARNING)
        context = with_sections(request, {"title": "Audit log", **(extra_context or {})})
        return super().changelist_view(request, context)

    def get_page_actions(
        self, request: HttpRequest, obj: Model | None = None
    ) -> Sequence[PageAction]:
        """Evidence of what the list shows, once somebody or something is singled out."""
        if isinstance(obj, Entry):
            return self._entry_actions(request, obj)
        if not {"who", "resource", "resource_id", "request"} & request.GET.keys():
            return []
        url = reverse("admin:audit_entry_evidence")
        return [PageAction("Evidence of these entries", f"{url}?{request.GET.urlencode()}")]

    def _entry_actions(self, request: HttpRequest, entry: Entry) -> list[PageAction]:
        query = urlencode({PARAMETER: str(entry.pk)})
        found = [
            PageAction("Evidence", f"{reverse('admin:audit_entry_evidence')}?{query}", key="e")
        ]
        if self.has_erase_permission(request):
            url = f"{reverse('admin:audit_entry_erase')}?{query}"
            found.append(PageAction("Erase personal data", url, kind="danger"))
        return found

    @admin.display(description="when")
    def when(self, entry: Entry) -> SafeString:
        """When it was written; to the microsecond on hover."""
        return shown.moment(entry)

    @admin.display(description="who")
    def who(self, entry: Any) -> SafeString:
        """Who did it."""
        said: SafeString = entry.shown.actor(entry)
        return said

    @admin.display(description="action")
    def action_shown(self, entry: Entry) -> SafeString:
        """What was done."""
        return shown.action(entry.action)

    @admin.display(description="resource")
    def resource(self, entry: Any) -> SafeString:
        """What it was done to."""
        said: SafeString = entry.shown.resource(entry)
        return said

    @admin.display(description="outcome")
    def outcome_shown(self, entry: Entry) -> SafeString:
        """How it ended, and why not well."""
        said = shown.outcome(entry.outcome)
        if not entry.error_message:
            return said
        text = shown.visible(" ".join(entry.error_message.split()))
        return format_html(
            '{} <span class="why" title="{}">{}</span>',
            said,
            text[:1000],
            Truncator(text).chars(90),
        )

    @admin.display(description="source")
    def source_shown(self, entry: Entry) -> str:
        """Where it came from."""
        return shown.source(entry.source)

    # --- What is done with chosen entries -------------------------------------------------------

    @admin.action(description="Evidence", permissions=["view"])
    def evidence(self, request: HttpRequest, chosen: QuerySet[Entry]) -> HttpResponse:
        """Ask what the bundle of the chosen entries should hold."""
        return self._on(request, chosen, "evidence")

    @admin.action(description="Erase personal data", permissions=["erase"])
    def erase(self, request: HttpRequest, chosen: QuerySet[Entry]) -> HttpResponse:
        """Ask why, first."""
        return self._on(request, chosen, "erase")

    def _on(self, request: HttpRequest, chosen: QuerySet[Entry], name: str) -> HttpResponse:
        """Go to the page that asks, with the chosen rows or the list's filters in its address."""
        query = request.GET.urlencode()
        if request.POST.get("select_across") != "1":
            keys = chosen.order_by("id").values_list("entry_id", flat=True)
            query = urlencode([(PARAMETER, str(key)) for key in keys[: self.list_per_page]])
        return HttpResponseRedirect(f"{reverse(f'admin:{_name(name)}')}?{query}")

    # --- One entry ------------------------------------------------------------------------------

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Everything about an entry, and whether it is what was sealed."""
        if not self.has_view_permission(request) or request.method not in {"GET", "HEAD"}:
            raise PermissionDenied("Nobody may change the audit log.")
        entry = entry_page.find(object_id)
        if entry is None:
            said = f"The audit log has no entry {shown.visible(object_id[:64])}. It may belong to a"
            said += " month that was exported and retired; the chain's page lists these."
            self.message_user(request, said, messages.WARNING)
            return HttpResponseRedirect(reverse("admin:audit_entry_changelist"))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            **entry_page.context(request, entry),
        }
        context["page_actions"] = [
            one
            for one in self.get_page_actions(request, entry)
            if context["personal"] or one.kind != "danger"
        ]
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "audit/entry.html", with_sections(request, context))


def _name(page: str) -> str:
    return f"audit_entry_{page}"
