"""Other people's keys at AI providers: how each stands, for admins, and nothing of the keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.admin.asking import Question, ask
from accounts.admin.filters import PersonFilter
from accounts.admin.person_doors import acting
from accounts.admin.sections import Crumb
from config.admin.formats import NOTHING, moment
from config.admin.model_admin import ReadOnlyModelAdmin
from providers.actions import others_keys
from providers.admin import shown
from providers.admin.sections import crumbs, sections
from providers.errors import ProvidersError, ReasonMissing
from providers.models import LONGEST_REASON, UserProvider

_MAY: Final = "providers.change_provider"
_TITLE: Final = "People's keys"


class ReasonForm(forms.Form):
    """Why a key is stopped or removed."""

    reason = forms.CharField(
        max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Its owner reads it, and so does whoever reads the audit log.",
    )


@admin.register(UserProvider)
class OthersKeyAdmin(ReadOnlyModelAdmin):
    """Whose keys there are; a row has no page of its own, and shows no part of a key."""

    beside = sections
    purpose: ClassVar[str] = (
        "Keys that people brought themselves, used for their jobs before the team's. No part of a"
        " key is shown to anybody else."
    )
    empty_text: ClassVar[str] = "Nobody else has a key of their own."
    change_list_template = "providers/admin/list.html"
    list_display = ("person", "provider", "usable", "result", "tested", "used", "made", "steer")
    list_display_links = None
    list_filter = (PersonFilter, "provider", "is_active", "status")
    few_choices: ClassVar[tuple[str, ...]] = ("provider",)
    list_select_related = ("user", "provider", "stopped_by")
    ordering = ("-created_at", "-id")
    actions = None

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whoever looks after providers."""
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever looks after providers; the database shows others their own rows alone."""
        return request.user.has_perm(_MAY)

    def get_queryset(self, request: HttpRequest) -> QuerySet[UserProvider]:
        """Without anything of a key, and without one's own."""
        return others_keys.listed().exclude(user_id=acting(request).pk)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list, by the name that it has among the pages beside it."""
        return super().changelist_view(request, {"title": _TITLE} | (extra_context or {}))

    def get_urls(self) -> list[URLPattern]:
        """The list, and a page for each thing that is done with a row."""
        views: dict[str, Callable[..., HttpResponse]] = {
            "stop": stop,
            "start": start,
            "remove": take_away,
        }
        own = [
            path(
                f"<uuid:key_id>/{name}/",
                self.admin_site.admin_view(_opened(view)),
                name=f"providers_userprovider_{name}",
            )
            for name, view in views.items()
        ]
        lists = [one for one in super().get_urls() if (one.name or "").endswith("changelist")]
        return own + lists

    # --- Columns --------------------------------------------------------------------------------

    @admin.display(description="person")
    def person(self, row: UserProvider) -> str:
        """Whose."""
        return str(row.user)

    @admin.display(description="usable")
    def usable(self, row: Any) -> SafeString:
        """Whether its owner's jobs can use it; if somebody stopped it, who, when and why."""
        if row.stopped_at is None:
            return shown.usable(row)
        return format_html(
            '{} <span class="quiet-text">{}</span>', shown.stopped(row), shown.why_stopped(row)
        )

    @admin.display(description="result of the test")
    def result(self, row: Any) -> SafeString:
        """What the last test or call found, with the provider's words."""
        if not row.has_key:
            return format_html("{}", "no key")
        said = row.error_message[:200]
        return format_html('{} <span class="quiet-text">{}</span>', shown.known(row), said)

    @admin.display(description="last test")
    def tested(self, row: UserProvider) -> SafeString:
        """When."""
        return moment(row.tested_at)

    @admin.display(description="last used")
    def used(self, row: UserProvider) -> SafeString:
        """When."""
        return moment(row.last_used_at)

    @admin.display(description="made")
    def made(self, row: UserProvider) -> SafeString:
        """When it was entered first."""
        return moment(row.created_at)

    @admin.display(description="what to do")
    def steer(self, row: Any) -> SafeString:
        """Links to what can be done."""
        if not row.has_key:
            return format_html("{}", NOTHING)
        first = ("stop", "Switch off") if row.stopped_at is None else ("start", "Let it be used")
        links = [
            (reverse(f"admin:providers_userprovider_{name}", args=[row.pk]), label, row)
            for name, label in (first, ("remove", "Remove"))
        ]
        return format_html_join(
            " ",
            '<a class="btn is-quiet is-small" href="{}">{}<span class="visually-hidden">:'
            " {}</span></a>",
            ((url, label, f"{row.user}, {row.provider}") for url, label, row in links),
        )


# --- What is done with one ------------------------------------------------------------------------

View = Callable[[HttpRequest, UserProvider], HttpResponse]


def _opened(view: View) -> Callable[..., HttpResponse]:
    """For whoever looks after providers, with the row that the address names."""

    @never_cache
    @require_http_methods(["GET", "POST"])
    def opened(request: HttpRequest, key_id: UUID) -> HttpResponse:
        if not request.user.has_perm(_MAY):
            raise PermissionDenied("Only an admin may look after other people's keys.")
        rows = others_keys.listed().exclude(user_id=acting(request).pk)
        row = rows.filter(pk=key_id).first()
        if row is None:
            raise Http404("There is no such key of somebody else.")
        return view(request, row)

    return opened


def _list() -> str:
    return reverse("admin:providers_userprovider_changelist")


def _question(
    row: UserProvider,
    title: str,
    button: str,
    sentences: tuple[str, ...],
    form: forms.Form | None,
) -> Question:
    return Question(
        title=title,
        kicker=f"{row.user}, {row.provider}",
        sentences=sentences,
        button=button,
        back=_list(),
        form=form,
        crumbs=[*crumbs(), Crumb(_TITLE, _list())],
        is_danger=form is not None,
    )


def _decide(
    request: HttpRequest,
    row: UserProvider,
    do: Callable[[str], object],
    said: str,
    *,
    title: str,
    button: str,
    told: tuple[str, ...],
    has_reason: bool = True,
) -> HttpResponse:
    """Ask, with a reason to be given or without; back to the list once it is done or cannot be."""
    form = ReasonForm(request.POST if request.method == "POST" else None) if has_reason else None
    if request.method == "POST" and (form is None or form.is_valid()):
        try:
            do(form.cleaned_data["reason"] if form is not None else "")
            messages.success(request, said)
            return HttpResponseRedirect(_list())
        except ReasonMissing as error:
            assert form is not None
            form.add_error("reason", str(error))
        except ProvidersError as error:
            messages.warning(request, str(error))
            return HttpResponseRedirect(_list())
    return ask(request, _question(row, title, button, told, form))


def stop(request: HttpRequest, row: UserProvider) -> HttpResponse:
    """Switch a person's key off, with a reason."""
    return _decide(
        request,
        row,
        lambda reason: others_keys.stop(row.pk, reason=reason, by=acting(request)),
        f"The key of {row.user} at {row.provider} is switched off; they are told.",
        title=f"Switch off the key of {row.user}",
        button="Switch it off",
        told=(
            f"The jobs of {row.user} use the team's key at {row.provider} from now on, if there is"
            " one. They cannot switch theirs on again; they can enter another one.",
            "They read your reason on their page, and in a letter.",
        ),
    )


def start(request: HttpRequest, row: UserProvider) -> HttpResponse:
    """Let the person use their key again."""
    return _decide(
        request,
        row,
        lambda _: others_keys.start(row.pk, by=acting(request)),
        f"{row.user} uses their own key at {row.provider} again.",
        title=f"Let {row.user} use their key again",
        button="Let it be used",
        told=(f"It was switched off for this reason: {row.stopped_reason}",),
        has_reason=False,
    )


def take_away(request: HttpRequest, row: UserProvider) -> HttpResponse:
    """Remove a person's key, with a reason."""
    return _decide(
        request,
        row,
        lambda reason: others_keys.take_away(row.pk, reason=reason, by=acting(request)),
        f"The key of {row.user} at {row.provider} is removed; they are told.",
        title=f"Remove the key of {row.user}",
        button="Remove the key",
        told=(
            f"What is stored of the key is erased, for good. The jobs of {row.user} use the team's"
            " key from now on, if there is one; they can enter a key again. The key itself goes on"
            " to work: only its owner can withdraw it at the provider.",
            "They read your reason on their page, and in a letter.",
        ),
    )
