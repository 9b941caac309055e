"""API keys: everybody's in a list for admins; each person's own for themself."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any, ClassVar, Final
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST

from accounts.actions import api_keys
from accounts.admin import api_key_page, shown
from accounts.admin.api_key_forms import KeyChangeForm, NewKeyForm, new_values, values_of
from accounts.admin.asking import Question, ask
from accounts.admin.filters import Choice, PersonFilter
from accounts.admin.person_doors import acting
from accounts.admin.sections import Crumb, list_crumb, page, sections
from accounts.models import ApiKey, User
from audit.admin.shown import VIEW, list_url, visible
from config.admin.formats import NOTHING, badge, moment, relative_moment
from config.admin.model_admin import PageAction, ReadOnlyModelAdmin

# Which form made which key, in the browser's session: a form that is sent again makes no other.
_MADE: Final = "api_keys_made"
_KEPT: Final = 20


class StateFilter(Choice):
    """Whether a key opens anything."""

    title = "state"
    parameter_name = "state"
    words: ClassVar[dict[str, str]] = {
        "usable": "usable",
        "off": "switched off",
        "expired": "expired",
        "withdrawn": "withdrawn",
    }

    def meant(self, value: str) -> Q:
        """As the badge says it."""
        if value == "withdrawn":
            return Q(revoked_at__isnull=False)
        kept = Q(revoked_at=None)
        if value == "expired":
            return kept & Q(expires_at__lte=timezone.now())
        valid = kept & (Q(expires_at=None) | Q(expires_at__gt=timezone.now()))
        if value == "off":
            return valid & Q(is_active=False)
        return valid & Q(is_active=True, user__is_active=True)


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyModelAdmin):
    """Keys with which programs use the API; never their secrets, which nobody has kept."""

    beside = sections
    purpose: ClassVar[str] = "The keys with which programs use the API, and whose they are."
    empty_text: ClassVar[str] = (
        "No key was made yet. With one, a program uses the API for a person."
    )

    change_list_template = "accounts/admin/list.html"
    list_display = ("name_shown", "person", "begins", "state", "may", "used", "until", "made")
    list_display_links = ("name_shown",)
    list_filter = (StateFilter, PersonFilter)
    list_select_related = ("user",)
    search_fields = ("name", "prefix", "user__email", "user__full_name")
    search_help_text = "Name, beginning or person"
    ordering = ("-created_at", "-id")

    # --- Permissions and addresses --------------------------------------------------------------

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Admins; everybody for a key of their own."""
        if isinstance(obj, ApiKey) and obj.user_id == request.user.pk:
            return True
        return super().has_view_permission(request, obj)

    def get_urls(self) -> list[URLPattern]:
        """Django's, and an address for each thing that is done with a key."""
        own = {
            "edit": self.edit_view,
            "revoke": self.revoke_view,
            "switch-on": require_POST(self.switch_on_view),
            "switch-off": require_POST(self.switch_off_view),
        }
        return [
            path(
                f"<uuid:key_id>/{name}/",
                self.admin_site.admin_view(view),
                name=f"accounts_apikey_{name.replace('-', '_')}",
            )
            for name, view in own.items()
        ] + super().get_urls()

    def get_page_actions(
        self, request: HttpRequest, obj: Model | None = None
    ) -> Sequence[PageAction]:
        """Making a key for oneself; for others on their pages."""
        if obj is not None:
            return []
        return [PageAction("Make a key for yourself", self._url("add"), key="a")]

    # --- The list -------------------------------------------------------------------------------

    @admin.display(description="name")
    def name_shown(self, key: ApiKey) -> str:
        """What it is for."""
        return visible(key.name) or NOTHING

    @admin.display(description="person")
    def person(self, key: ApiKey) -> SafeString:
        """Whose it is."""
        return shown.person_link(key.user)

    @admin.display(description="begins with")
    def begins(self, key: ApiKey) -> SafeString:
        """By what it is known in a program's settings."""
        return format_html('<code class="id">{}</code>', visible(key.prefix) or NOTHING)

    @admin.display(description="state")
    def state(self, key: ApiKey) -> SafeString:
        """How it stands."""
        return badge(*shown.key_look(key))

    @admin.display(description="may")
    def may(self, key: ApiKey) -> str:
        """Its scopes."""
        return shown.scopes_in_words(key)

    @admin.display(description="last used")
    def used(self, key: ApiKey) -> SafeString:
        """When."""
        return moment(key.last_used_at) if key.last_used_at else format_html("{}", "never")

    @admin.display(description="valid until")
    def until(self, key: ApiKey) -> SafeString:
        """When it ends by itself."""
        return shown.until(key.expires_at)

    @admin.display(description="made")
    def made(self, key: ApiKey) -> SafeString:
        """When."""
        return moment(key.created_at)

    # --- Making one -----------------------------------------------------------------------------

    @method_decorator(never_cache)
    @method_decorator(sensitive_variables("made"))
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Make a key, and show it once."""
        owner = self._owner(request)
        posted = request.method == "POST"
        form = NewKeyForm(
            request.POST if posted else None, initial=new_values(secrets.token_urlsafe(16))
        )
        if posted and (again := _made_before(request, form)) is not None:
            messages.warning(
                request,
                "This key was made already, and is shown only once. If you have not kept it,"
                " withdraw it and make another.",
            )
            return HttpResponseRedirect(_page_of(again))
        if form.is_valid():
            try:
                made = api_keys.create(
                    owner, scopes=form.cleaned_data["scopes"], by=acting(request), **form.values()
                )
            except api_keys.KeyNotAllowed as error:
                form.refuse(error)
            else:
                _remember(request, form, made.key)
                return self._show_once(request, made)
        is_own = owner.pk == request.user.pk
        whose = "you" if is_own else str(owner)
        question = Question(
            title="Make a key" if is_own else f"Make a key for {owner}",
            kicker="API key",
            sentences=(
                f"A program that has the key acts for {whose}: it may do what is chosen here, as"
                f" far as {'your' if is_own else 'their'} role goes. The key itself is shown once,"
                " on the next page.",
            ),
            button="Make the key",
            leave="Cancel",
            back=_back(request, owner),
            form=form,
            crumbs=_crumbs(request, owner),
        )
        return ask(request, question)

    def _owner(self, request: HttpRequest) -> User:
        """For whom: oneself, or, for admins, whom the address names."""
        named = request.GET.get("person", "")
        if not named or named == str(request.user.pk):
            return acting(request)
        if not request.user.has_perm("accounts.add_apikey"):
            raise PermissionDenied("Only an admin may make a key for somebody else.")
        try:
            owner = User.objects.filter(pk=UUID(named)).first()
        except ValueError:
            owner = None
        if owner is None:
            raise Http404("There is nobody with this id.")
        return owner

    @sensitive_variables("made", "context")
    def _show_once(self, request: HttpRequest, made: api_keys.NewKey) -> HttpResponse:
        context = {
            "title": "Your new key" if made.key.user_id == request.user.pk else "The new key",
            "purpose": "Copy it now: this page cannot be opened again."
            if made.key.user_id == request.user.pk
            else f"It acts for {made.key.user}. Copy it now: this page cannot be opened again.",
            "kicker": "API key",
            "crumbs": _crumbs(request, made.key.user),
            "key": made.key,
            "secret": made.secret,
            "key_url": _page_of(made.key.pk),
        }
        response = page(request, "accounts/admin/new_key.html", context)
        response["Referrer-Policy"] = "no-referrer"
        return response

    # --- One key --------------------------------------------------------------------------------

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """What a key is, and how it stands."""
        if request.method not in {"GET", "HEAD"}:
            raise PermissionDenied("What can be changed of a key has its own page.")
        key = self.get_object(request, object_id)
        if key is None and self.has_view_permission(request):
            return self.gone(request, object_id)
        if key is None or not self.has_view_permission(request, key):
            raise PermissionDenied("Only admins see the keys of others.")
        is_own = key.user_id == request.user.pk
        context = {
            "title": visible(key.name),
            "key": key,
            "crumbs": _crumbs(request, key.user),
            "prefix": f"{visible(key.prefix)}…" if key.prefix else "",
            "state": badge(*shown.key_look(key)),
            "person": shown.person_link(key.user)
            if request.user.has_perm("accounts.view_user")
            else str(key.user),
            "owner": "you" if is_own else str(key.user),
            "sentence": api_key_page.sentence(key),
            "tiles": api_key_page.tiles(key),
            "scopes": shown.scopes_of(key),
            "facts": api_key_page.facts(key),
            "page_actions": api_key_page.actions(key),
            "log_url": list_url(resource=api_keys.NOUN, resource_id=str(key.pk))
            if request.user.has_perm(VIEW)
            else "",
        }
        return page(request, "accounts/admin/api_key.html", context)

    def _key(self, request: HttpRequest, key_id: UUID) -> ApiKey:
        """A key that the person may change; the database shows them no other."""
        key = ApiKey.objects.select_related("user").filter(pk=key_id).first()
        if key is not None and (
            key.user_id == request.user.pk or request.user.has_perm("accounts.change_apikey")
        ):
            return key
        if request.user.has_perm("accounts.view_apikey"):
            raise Http404("There is no such key.")
        raise PermissionDenied("Only admins change the keys of others.")

    def edit_view(self, request: HttpRequest, key_id: UUID) -> HttpResponse:
        """Change what can be changed of a key."""
        key = self._key(request, key_id)
        posted = request.POST if request.method == "POST" else None
        form = KeyChangeForm(posted, initial=values_of(key))
        if form.is_valid():
            try:
                api_keys.change(key.pk, by=acting(request), **form.values())
            except api_keys.KeyNotAllowed as error:
                form.refuse(error)
            except (api_keys.KeyIsRevoked, api_keys.NoSuchKey) as error:
                form.add_error(None, str(error))
            else:
                messages.success(request, "The key was changed. The change is in force at once.")
                return HttpResponseRedirect(_page_of(key.pk))
        question = Question(
            title="Change the key",
            kicker=visible(key.name),
            button="Save",
            back=_page_of(key.pk),
            leave="Cancel",
            form=form,
            crumbs=[*_crumbs(request, key.user), Crumb(visible(key.name), _page_of(key.pk))],
        )
        return ask(request, question)

    def switch_on_view(self, request: HttpRequest, key_id: UUID) -> HttpResponse:
        """Switch a key on again."""
        return self._switch(request, key_id, on=True)

    def switch_off_view(self, request: HttpRequest, key_id: UUID) -> HttpResponse:
        """Switch a key off."""
        return self._switch(request, key_id, on=False)

    def _switch(self, request: HttpRequest, key_id: UUID, *, on: bool) -> HttpResponse:
        """Do what the button said, however often it is pressed."""
        key = self._key(request, key_id)
        try:
            changed = api_keys.change(key.pk, by=acting(request), is_active=on)
        except (api_keys.KeyIsRevoked, api_keys.NoSuchKey) as error:
            messages.warning(request, str(error))
        else:
            said = "on: it opens what it did before" if changed.is_active else "off"
            messages.success(request, f"The key is switched {said}.")
        return HttpResponseRedirect(_page_of(key.pk))

    def revoke_view(self, request: HttpRequest, key_id: UUID) -> HttpResponse:
        """Withdraw a key for good."""
        key = self._key(request, key_id)
        if request.method == "POST":
            api_keys.revoke(key.pk, by=acting(request))
            messages.success(request, f"The key “{visible(key.name)}” is withdrawn.")
            return HttpResponseRedirect(_page_of(key.pk))
        if key.revoked_at is not None:
            messages.warning(request, "This key is withdrawn already.")
            return HttpResponseRedirect(_page_of(key.pk))
        used = f"It was used {relative_moment(key.last_used_at)}" if key.last_used_at else ""
        question = Question(
            title=f"Withdraw “{visible(key.name)}”",
            kicker="API key",
            sentences=(
                f"{used or 'It was never used'}. The program that has it is refused from now on."
                " This cannot be undone: to stop it for a while, switch it off instead.",
            ),
            button="Withdraw for good",
            back=_page_of(key.pk),
            crumbs=[*_crumbs(request, key.user), Crumb(visible(key.name), _page_of(key.pk))],
            is_danger=True,
        )
        return ask(request, question)


# --- The form that is sent twice ------------------------------------------------------------------


def _made_before(request: HttpRequest, form: NewKeyForm) -> UUID | None:
    made: dict[str, str] = request.session.get(_MADE, {})
    found = made.get(str(form.data.get("sheet", "")))
    return UUID(found) if found else None


def _remember(request: HttpRequest, form: NewKeyForm, key: ApiKey) -> None:
    if sheet := form.cleaned_data["sheet"]:
        made: dict[str, str] = request.session.get(_MADE, {})
        latest = [*made.items(), (sheet, str(key.pk))][-_KEPT:]
        request.session[_MADE] = dict(latest)


# --- What the pages say ---------------------------------------------------------------------------


def _page_of(key_id: UUID) -> str:
    return reverse("admin:accounts_apikey_change", args=[key_id])


def _crumbs(request: HttpRequest, owner: User) -> list[Crumb]:
    if owner.pk == request.user.pk:
        return [Crumb("Your account", reverse("admin:account"))]
    person = Crumb(str(owner), reverse("admin:accounts_user_change", args=[owner.pk]))
    return [list_crumb(request, "accounts_user"), person]


def _back(request: HttpRequest, owner: User) -> str:
    return _crumbs(request, owner)[-1].url
