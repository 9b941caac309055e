"""Your account: for everybody who may use the pages, whatever their role."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts import roles
from accounts.actions import people, second_factor, sessions
from accounts.actions.second_factor import Status
from accounts.admin import shown
from accounts.admin.asking import Question, ask
from accounts.admin.forms import NameForm
from accounts.admin.person_doors import acting
from accounts.admin.person_page import Fact, factor, keys_of, keys_tile, live_sessions
from accounts.admin.sections import Crumb, here_id, page
from accounts.models import SessionEnd, User
from config.admin.formats import moment, relative_moment
from config.admin.site import Page, add_page
from config.admin.tiles import Tile


def register() -> None:
    """Serve these pages."""
    add_page(Page("account/", overview, "account"))
    add_page(Page("account/name/", name, "account_name"))
    add_page(Page("account/sessions/", end_others, "account_sessions"))


def _here() -> list[Crumb]:
    return [Crumb("Your account", reverse("admin:account"))]


@never_cache
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """Everything of one's own: sessions, keys, how one logs in."""
    user, here = acting(request), here_id(request)
    places, keys = live_sessions(user), keys_of(user)
    status = second_factor.status(user)
    context = {
        "title": "Your account",
        "purpose": "Where you are logged in, the keys that act for you, and how you log in.",
        "tiles": [
            Tile(
                "Logged in",
                shown.counted(len(places), "place", "places"),
                shown.kinds_in_words(places),
            ),
            keys_tile(keys),
            factor(status),
            _password_tile(user),
        ],
        "session_rows": shown.session_rows(places, here),
        "end_all_url": reverse("admin:account_sessions")
        if any(one.pk != here for one in places)
        else "",
        "key_rows": shown.key_rows(keys),
        "facts": list(_facts(user, status)),
        "role_sentence": f"{user.get_role_display().capitalize()}: {shown.ROLES[user.role]}",
        "abilities": [
            sentence
            for permission, sentence in roles.SENTENCES.items()
            if roles.allows(user.role, permission)
        ],
    }
    return page(request, "accounts/admin/account.html", context)


def _password_tile(user: User) -> Tile:
    if not shown.has_password(user):
        return Tile("Password", "none", "an admin can give you one", "warning")
    since = user.password_changed_at
    when = relative_moment(since) if since else "before this was noted"
    return Tile("Password set", when, "change it when somebody else may know it")


def _facts(user: User, status: Status) -> Iterable[Fact]:
    yield Fact("Name", user.full_name or "none", reverse("admin:account_name"), "Change")
    yield Fact("E-mail address", user.email)
    yield Fact("Role", user.get_role_display())
    has_password = shown.has_password(user)
    since = user.password_changed_at
    said: SafeString | str = format_html("set {}", moment(since)) if since else "set"
    yield Fact(
        "Password",
        said if has_password else "none",
        reverse("admin:password_change") if has_password else "",
        "Change",
    )
    codes: SafeString | str = "off"
    if status.is_on:
        left = shown.counted(status.codes_left, "recovery code left", "recovery codes left")
        codes = format_html("on since {}, {}", moment(status.since), left)
    yield Fact(
        "One-time codes",
        codes,
        reverse("admin:second_factor"),
        "New codes, or turn off" if status.is_on else "Set up",
    )
    yield Fact("Last log-in", moment(user.last_login_at))


@require_http_methods(["GET", "POST"])
def name(request: HttpRequest) -> HttpResponse:
    """One's own name."""
    user = acting(request)
    form = NameForm(
        request.POST if request.method == "POST" else None, initial={"full_name": user.full_name}
    )
    if form.is_valid():
        try:
            people.edit(user.pk, by=user, full_name=form.cleaned_data["full_name"])
        except ValidationError as error:
            form.add_error("full_name", error)
        else:
            messages.success(request, "Your name was changed.")
            return HttpResponseRedirect(reverse("admin:account"))
    question = Question(
        title="Your name",
        button="Save",
        leave="Cancel",
        back=reverse("admin:account"),
        form=form,
        crumbs=_here(),
    )
    return ask(request, question)


@require_http_methods(["GET", "POST"])
def end_others(request: HttpRequest) -> HttpResponse:
    """Log out everywhere but here."""
    user, here = acting(request), here_id(request)
    if request.method == "POST":
        count = sessions.end_all(user, by=user, reason=SessionEnd.REVOKED, but=here)
        said = shown.counted(count, "session was", "sessions were")
        messages.success(request, f"{said} ended. You are logged in here alone.")
        return HttpResponseRedirect(reverse("admin:account"))
    question = Question(
        title="End all other sessions",
        sentences=(
            "You stay logged in here. Everywhere else, also in programs, you have to log in again,"
            " and what is not saved there is lost. API keys are not touched.",
        ),
        listed=[shown.device(one) for one in live_sessions(user, but=here)],
        button="End them",
        back=reverse("admin:account"),
        crumbs=_here(),
        is_danger=True,
    )
    return ask(request, question)
