"""One's own keys at AI providers: for everybody who may use the pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.admin.asking import Question, ask
from accounts.admin.person_doors import acting
from accounts.admin.sections import Crumb
from config.admin.formats import NOTHING, moment
from config.admin.site import Page, add_page
from providers.actions import keys
from providers.admin import shown
from providers.admin.key_forms import KeyForm, entered
from providers.admin.sections import crumbs, page
from providers.errors import KeyStopped, NoSuchKey
from providers.models import KeyStatus, Provider, UserProvider


@dataclass(frozen=True, slots=True)
class Row:
    """A provider, and one's own key there."""

    provider: Provider
    enter_url: str
    key: UserProvider | None
    hint: SafeString
    state: SafeString
    used: SafeString
    error: str
    stopped: SafeString | None


def register() -> None:
    """Serve these pages."""
    add_page(Page("provider-keys/", overview, "provider_keys"))
    add_page(Page("provider-keys/<str:name>/", enter, "provider_keys_enter"))
    key = "provider-keys/<uuid:key_id>"
    add_page(Page(f"{key}/remove/", remove, "provider_keys_remove"))
    add_page(Page(f"{key}/switch-on/", switch_on, "provider_keys_switch_on"))
    add_page(Page(f"{key}/switch-off/", switch_off, "provider_keys_switch_off"))
    add_page(Page(f"{key}/test/", test, "provider_keys_test"))


def _list() -> str:
    return reverse("admin:provider_keys")


def _way() -> list[Crumb]:
    return [*crumbs(), Crumb("Your keys", _list())]


@never_cache
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """Each provider that takes keys, with one's own."""
    rows = UserProvider.objects.filter(user_id=acting(request).pk).select_related("stopped_by")
    own = {row.provider_id: row for row in rows}
    providers = Provider.objects.filter(needs_key=True).order_by("rank", "name")
    context = {
        "title": "Your keys",
        "purpose": "Keys of your own at AI providers. Your jobs use them before the team's.",
        "crumbs": crumbs(),
        "rows": [_row(provider, own.get(provider.pk)) for provider in providers],
    }
    return page(request, "providers/admin/own_keys.html", context)


def _row(provider: Provider, key: UserProvider | None) -> Row:
    nothing = format_html("{}", NOTHING)
    return Row(
        provider=provider,
        enter_url=reverse("admin:provider_keys_enter", args=[provider.name]),
        key=key,
        hint=nothing if key is None or key.api_key is None else shown.hidden(key.key_hint),
        state=_team(provider) if key is None else shown.own_key(key),
        used=nothing if key is None else moment(key.last_used_at),
        error="" if key is None else key.error_message,
        stopped=shown.why_stopped(key) if key is not None and key.stopped_at else None,
    )


def _team(provider: Provider) -> SafeString:
    has_one = provider.api_key is not None
    return format_html("{}", "the team's is used" if has_one else "none, and none of the team's")


@never_cache
@require_http_methods(["GET", "POST"])
def enter(request: HttpRequest, name: str) -> HttpResponse:
    """Enter a key, in place of the one before."""
    provider = Provider.objects.filter(name=name, needs_key=True).first()
    if provider is None:
        raise Http404("There is no such provider that takes keys.")
    user = acting(request)
    form = KeyForm(request.POST if request.method == "POST" else None)
    if form.is_valid() and entered(
        form,
        lambda key, untested: keys.enter_own(user, name, key, by=user, even_untested=untested),
    ):
        messages.success(request, f"Your key at {provider} is stored, encrypted.")
        return HttpResponseRedirect(_list())
    question = Question(
        title=f"Your key at {provider}",
        kicker="Key at a provider",
        sentences=(
            "Your jobs use it before the team's, and you pay the provider for them. It is tested"
            " now by a request that is not billed, stored encrypted, and never shown again. Your"
            " limits here hold for it, too.",
        ),
        button="Test and store",
        leave="Cancel",
        back=_list(),
        form=form,
        crumbs=_way(),
    )
    return ask(request, question)


def _own(request: HttpRequest, key_id: UUID) -> UserProvider:
    row = (
        UserProvider.objects.select_related("provider")
        .filter(pk=key_id, user_id=acting(request).pk)
        .first()
    )
    if row is None:
        raise Http404("There is no such key of yours.")
    return row


@never_cache
@require_http_methods(["GET", "POST"])
def remove(request: HttpRequest, key_id: UUID) -> HttpResponse:
    """Remove one's key."""
    row = _own(request, key_id)
    if request.method == "POST":
        keys.remove_own(row.pk, by=acting(request))
        if row.api_key is not None:
            messages.success(request, f"Your key at {row.provider} is removed.")
        return HttpResponseRedirect(_list())
    question = Question(
        title=f"Remove your key at {row.provider}",
        kicker="Key at a provider",
        sentences=(
            "Your jobs use the team's key from now on, if there is one. The key itself goes on to"
            " work: withdraw it at the provider, too, if somebody may have it.",
        ),
        button="Remove the key",
        back=_list(),
        crumbs=_way(),
        is_danger=True,
    )
    return ask(request, question)


@require_POST
def switch_on(request: HttpRequest, key_id: UUID) -> HttpResponse:
    """Use the key again."""
    return _switch(request, key_id, on=True)


@require_POST
def switch_off(request: HttpRequest, key_id: UUID) -> HttpResponse:
    """Leave the key for a while; pressed twice it stays off."""
    return _switch(request, key_id, on=False)


def _switch(request: HttpRequest, key_id: UUID, *, on: bool) -> HttpResponse:
    row = _own(request, key_id)
    try:
        changed = keys.switch_own(row.pk, on=on, by=acting(request))
    except KeyStopped as error:
        messages.warning(request, str(error))
        return HttpResponseRedirect(_list())
    said = "on" if changed.is_active else "off; the team's is used, if there is one"
    messages.success(request, f"Your key at {row.provider} is switched {said}.")
    return HttpResponseRedirect(_list())


@require_POST
def test(request: HttpRequest, key_id: UUID) -> HttpResponse:
    """Ask the provider whether the key works."""
    row = _own(request, key_id)
    try:
        tested = keys.test_own(row.pk, by=acting(request))
    except NoSuchKey as error:
        messages.warning(request, str(error))
    else:
        works: Any = tested.status == KeyStatus.WORKS
        messages.add_message(request, messages.SUCCESS if works else messages.WARNING, tested.said)
    return HttpResponseRedirect(_list())
