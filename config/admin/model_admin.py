"""The base classes of every staff page about a model."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

import psycopg
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import quote
from django.contrib.admin.views.main import ERROR_FLAG
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.models import Field, Model
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import SimpleTemplateResponse, TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils.text import capfirst

from config.admin.change_list import KeysetChangeList
from config.admin.checks import StaffModelAdminChecks
from config.admin.counting import CappedPaginator
from config.admin.formats import NOTHING
from config.admin.refusals import refusal
from config.admin.sections import Section

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin

# Where a request keeps what was refused while its form is shown again.
_REFUSED: Final = "_lacuna_refused"


@dataclass(frozen=True)
class PageAction:
    """A button in the page header.

    ``kind`` is its look; ``method`` ``post`` makes it a form of its own, with the CSRF token.
    ``key`` is one letter that presses it, shown by ``?`` with ``label``.
    """

    label: str
    url: str
    kind: Literal["primary", "quiet", "danger"] = "primary"
    method: Literal["get", "post"] = "get"
    key: str = ""


class StaffModelAdmin(_ModelAdmin):
    """A model's staff pages: quick at any size, and in words for people.

    Lists are paged by key and counted at most to 10,000. Columns are sortable only where
    ``sortable_by`` names them: each needs an index ending in the primary key. Nothing is deleted
    unless a class says so. What the database or an action refuses becomes a message.
    """

    checks_class = StaffModelAdminChecks

    # One sentence under the title of the list: what the page is for.
    purpose: ClassVar[str] = ""
    # What will appear in the empty list, and how.
    empty_text: ClassVar[str] = "Nothing is here yet."
    # The pages that belong together with these, as links under each title.
    beside: ClassVar[Callable[[HttpRequest], list[Section]] | None] = None
    # Names of foreign keys and filters that never have more than a few dozen choices.
    few_choices: ClassVar[Sequence[str]] = ()
    # Columns that hold numbers: aligned to the right, their unit in the heading.
    numeric: ClassVar[Sequence[str]] = ()
    # Refusals of the package's own actions; their text is shown as a message.
    domain_errors: ClassVar[tuple[type[Exception], ...]] = ()
    # A list page that takes longer is stopped, in milliseconds.
    list_timeout_ms: ClassVar[int] = 10_000
    # Nobody changes these rows by hand.
    read_only: ClassVar[bool] = False

    actions_on_top = False
    actions_on_bottom = True
    empty_value_display = NOTHING
    list_per_page = 50
    paginator = CappedPaginator
    save_on_top = False
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    sortable_by: ClassVar[
        list[str] | tuple[str, ...]
    ] = ()  # Django's None would offer every column

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[KeysetChangeList]:
        """Pages by key."""
        return KeysetChangeList

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody, unless a class says otherwise."""
        return False

    def get_page_actions(
        self, request: HttpRequest, obj: Model | None = None
    ) -> Sequence[PageAction]:
        """The buttons in the header of the list (``obj`` is None) or of one row's page."""
        if obj is None and self.has_add_permission(request):
            name = self.opts.verbose_name
            return [PageAction(f"Add {name}", self._url("add"), key="a")]
        return []

    def get_empty_action(self, request: HttpRequest) -> PageAction | None:
        """What makes the first row appear."""
        actions = self.get_page_actions(request)
        return actions[0] if actions else None

    def _url(self, page: str, *arguments: Any) -> str:
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_{page}"
        return reverse(name, args=[quote(one) for one in arguments])

    def _beside(self, request: HttpRequest) -> dict[str, Any]:
        sections = type(self).beside
        return {} if sections is None else {"sections": sections(request)}

    # --- The list -------------------------------------------------------------------------------

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list; an action in it that is refused says so and changes nothing."""
        self._refuse_unknown_actions(request)
        if _holds_nul(request.GET):
            return HttpResponseRedirect(f"{request.path}?{ERROR_FLAG}=1")
        if request.method == "POST" and not self._can_be_keys(request):
            self.message_user(
                request,
                "The chosen rows were not understood, and nothing was changed. Choose them again.",
                messages.WARNING,
            )
            return HttpResponseRedirect(request.get_full_path())
        context = {
            "title": capfirst(str(self.opts.verbose_name_plural)),
            "purpose": self.purpose,
            "page_actions": self.get_page_actions(request),
            "empty_text": self.empty_text,
            "empty_action": self.get_empty_action(request),
            **self._beside(request),
            **(extra_context or {}),
        }
        if request.method == "GET":
            return self._list_page(request, context)
        view = functools.partial(super().changelist_view, request, context)
        return self._or_message(request, view, request.get_full_path())

    def _refuse_unknown_actions(self, request: HttpRequest) -> None:
        # Django leaves out the button that a role does not give, and ignores such a request; saying
        # so is clearer.
        asked = {name for name in request.POST.getlist("action") if name}
        if not asked <= set(self.get_actions(request)):
            raise PermissionDenied("Your role may not do this with the rows of this list.")

    def _can_be_keys(self, request: HttpRequest) -> bool:
        """Whether each chosen row is named by what can be a key of the model."""
        for value in request.POST.getlist(ACTION_CHECKBOX_NAME):
            try:
                self.opts.pk.to_python(value)
            except ValidationError:
                return False
            if "\x00" in value:
                return False
        return True

    def _list_page(self, request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
        if ERROR_FLAG in request.GET:
            self.message_user(
                request,
                "The filter in the address is not valid. The list is shown without it.",
                messages.WARNING,
            )
        try:
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute(
                        "SELECT set_config('statement_timeout', %s, true)",
                        [str(self.list_timeout_ms)],
                    )
                response = super().changelist_view(request, context)
                if isinstance(response, SimpleTemplateResponse):
                    response.render()
                return response
        except OperationalError as error:
            if not isinstance(error.__cause__, psycopg.errors.QueryCanceled):
                raise
            return self._too_slow(request)

    def _too_slow(self, request: HttpRequest) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": capfirst(str(self.opts.verbose_name_plural)),
            "opts": self.opts,
            "seconds": self.list_timeout_ms / 1000,
            "filtered": bool(request.GET),
        }
        return TemplateResponse(request, "admin/list_too_slow.html", context, status=503)

    # --- One row --------------------------------------------------------------------------------

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The form of one row; what the database refuses is said above it, the input kept."""
        context = {**self._beside(request), **(extra_context or {})}
        view = functools.partial(super().changeform_view, request, object_id, form_url, context)
        if request.method != "POST":
            return view()
        try:
            return view()
        except self._refusals() as error:
            sentence = self._sentence(error)
            if sentence is None:
                raise
            setattr(request, _REFUSED, sentence)
            return view()

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[ModelForm[Any]]:
        """The form; after a refusal it carries the sentence and is not valid."""
        form = super().get_form(request, obj, change=change, **kwargs)
        sentence = getattr(request, _REFUSED, None)
        return _refused(form, sentence) if sentence else form

    def gone(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """To the list, with the sentence that there is no such row."""
        found: HttpResponse = self._get_obj_does_not_exist_redirect(  # type: ignore[attr-defined] # private, absent from the stubs
            request, self.opts, object_id
        )
        return found

    def render_change_form(  # noqa: PLR0917 - Django's signature
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        """The page around the form, titled by what it shows."""
        name = str(self.opts.verbose_name)
        context["title"] = str(obj) if obj is not None and change else f"Add {name}"
        context["subtitle"] = None
        context["kicker"] = capfirst(name)
        context.setdefault("page_actions", self.get_page_actions(request, obj) if change else [])
        return super().render_change_form(request, context, add, change, form_url, obj)

    def delete_view(
        self,
        request: HttpRequest,
        object_id: str,
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The deletion, for the classes that allow one; a refusal becomes a message."""
        view = functools.partial(super().delete_view, request, object_id, extra_context)
        return self._or_message(request, view, request.get_full_path())

    # --- Refusals -------------------------------------------------------------------------------

    def _refusals(self) -> tuple[type[Exception], ...]:
        return (DatabaseError, *self.domain_errors)

    def _sentence(self, error: Exception) -> str | None:
        if isinstance(error, DatabaseError):
            return refusal(error, self.model)
        return str(error)

    def _or_message(
        self, request: HttpRequest, view: Callable[[], HttpResponse], back: str
    ) -> HttpResponse:
        if request.method != "POST":
            return view()
        try:
            return view()
        except self._refusals() as error:
            sentence = self._sentence(error)
            if sentence is None:
                raise
            self.message_user(request, sentence, messages.ERROR)
            return HttpResponseRedirect(back)

    def get_view_on_site_url(self, obj: Model | None = None) -> str | None:
        """There is no other site."""
        return None

    def formfield_for_dbfield(
        self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        """As Django's, without links to add or change the row that a foreign key points to."""
        formfield = super().formfield_for_dbfield(db_field, request, **kwargs)
        widget = getattr(formfield, "widget", None)
        for link in ("can_add_related", "can_change_related", "can_delete_related"):
            if hasattr(widget, link):
                setattr(widget, link, False)
        return formfield


class ReadOnlyModelAdmin(StaffModelAdmin):
    """Rows that are looked at, never added or changed by hand."""

    read_only: ClassVar[bool] = True

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody."""
        return False


def _refused(form: type[ModelForm[Any]], sentence: str) -> type[ModelForm[Any]]:
    """The form, invalid for the reason given."""

    def _post_clean(self: Any) -> None:
        form._post_clean(self)  # type: ignore[attr-defined] # the hook of every ModelForm
        self.add_error(None, ValidationError(sentence))

    metaclass: Any = type(form)
    made: type[ModelForm[Any]] = metaclass(form.__name__, (form,), {"_post_clean": _post_clean})
    return made


def _holds_nul(query: QueryDict) -> bool:
    """Whether a name or value holds the one character that PostgreSQL cannot compare with."""
    return any("\x00" in text for name, values in query.lists() for text in (name, *values))


def object_url(obj: Model) -> str | None:
    """The address of an object's own staff page, or None when it has none."""
    options = obj._meta
    try:
        return reverse(
            f"admin:{options.app_label}_{options.model_name}_change", args=[quote(obj.pk)]
        )
    except NoReverseMatch:
        return None
