"""What admins do with a person: asked for on a page of its own, or pressed where it is safe."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, cast
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from accounts import passwords, roles
from accounts.actions import log_in, password_resets, people, second_factor, sessions
from accounts.actions import passwords as set_passwords
from accounts.actions import roles as role_changes
from accounts.admin import shown
from accounts.admin.asking import Question, ask
from accounts.admin.forms import PasswordForm, RoleForm
from accounts.admin.person_page import door, live_sessions
from accounts.admin.sections import Crumb, here_id, list_crumb, page
from accounts.models import ApiKey, SessionEnd, User
from accounts.pages.focus import focus
from accounts.roles import Role

if TYPE_CHECKING:
    from accounts.admin.people import PersonAdmin

View = Callable[[HttpRequest, User], HttpResponse]

_OWN: Final = "Your own password is changed where the old one is asked for."


def acting(request: HttpRequest) -> User:
    """Who is logged in; the pages are open to nobody else."""
    return cast("User", request.user)


def urls(model_admin: PersonAdmin) -> list[URLPattern]:
    """The addresses: a page that asks, or a button that is posted."""
    views: dict[str, View] = {
        "role": role,
        "password": password,
        "factor": factor,
        "deactivate": deactivate,
        "end_sessions": end_sessions,
        "reactivate": require_POST(reactivate),
        "unlock": require_POST(unlock),
        "link": require_POST(link),
    }
    wrap = model_admin.admin_site.admin_view
    return [
        path(
            f"<uuid:user_id>/{name.replace('_', '-')}/",
            wrap(_opened(model_admin, view)),
            name=f"accounts_user_{name}",
        )
        for name, view in views.items()
    ]


def _opened(model_admin: PersonAdmin, view: View) -> Callable[..., HttpResponseBase]:
    """For admins alone, and with the person that the address names."""

    @never_cache
    @functools.wraps(view)
    def opened(request: HttpRequest, user_id: UUID) -> HttpResponse:
        person = User.objects.filter(pk=user_id).first()
        if not model_admin.has_change_permission(request, person):
            raise PermissionDenied("Only an admin may change other people.")
        if person is None:
            raise Http404("There is nobody with this id.")
        return view(request, person)

    return opened


def _page_of(person: User) -> str:
    return reverse("admin:accounts_user_change", args=[person.pk])


def _crumbs(request: HttpRequest, person: User) -> list[Crumb]:
    return [list_crumb(request, "accounts_user"), Crumb(str(person), _page_of(person))]


def _done(request: HttpRequest, person: User, sentence: str) -> HttpResponse:
    messages.success(request, sentence)
    return HttpResponseRedirect(_page_of(person))


def _refused(request: HttpRequest, person: User, sentence: str) -> HttpResponse:
    messages.warning(request, sentence)
    return HttpResponseRedirect(_page_of(person))


def _what_ends(person: User) -> str:
    """What a new password, another role or a deactivation does to where they are logged in."""
    count = len(live_sessions(person))
    if not count:
        return f"{person} is logged in nowhere."
    ends = "ends" if count == 1 else "end"
    return f"{shown.counted(count, 'live session', 'live sessions')} of theirs {ends} at once."


# --- Role -----------------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
def role(request: HttpRequest, person: User) -> HttpResponse:
    """Another role, through the database, which decides."""
    form = RoleForm(
        request.POST if request.method == "POST" else None, initial={"role": person.role}
    )
    if form.is_valid():
        wanted = form.cleaned_data["role"]
        was = person.get_role_display()
        try:
            changed = role_changes.change(person.pk, wanted, by=acting(request))
        except role_changes.StandingNotChanged as error:
            form.add_error("role", str(error))
        else:
            if wanted == person.role:
                return _refused(request, person, f"{person} is {was} already.")
            said = f"{person} was {was} and is {changed.get_role_display()} now."
            return _done(request, person, f"{said} They have to log in again.")
    question = Question(
        title="Change the role",
        kicker=str(person),
        sentences=(
            f"{_what_ends(person)} Links to a new password that were sent stop working. Their API"
            " keys stay, and are worth no more than the new role.",
        ),
        button="Change the role",
        back=_page_of(person),
        form=form,
        crumbs=_crumbs(request, person),
        template="accounts/admin/role.html",
        more={"roles": [one.label for one in Role], "permissions": _permissions()},
    )
    return ask(request, question)


def _permissions() -> list[dict[str, Any]]:
    """What each role may do: a sentence, and a yes or no for each."""
    return [
        {"sentence": sentence, "given": [roles.allows(one, permission) for one in Role]}
        for permission, sentence in roles.SENTENCES.items()
    ]


# --- Standing -------------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
def deactivate(request: HttpRequest, person: User) -> HttpResponse:
    """Shut the person out."""
    if request.method == "POST":
        try:
            people.deactivate(person.pk, by=acting(request))
        except role_changes.StandingNotChanged as error:
            return _refused(request, person, str(error))
        return _done(request, person, f"{person} is deactivated. Reactivate them to undo it.")
    keys = ApiKey.objects.filter(user=person, is_active=True, revoked_at=None).count()
    question = Question(
        title=f"Deactivate {person}",
        kicker="Person",
        sentences=(
            f"{person} cannot log in any more. {_what_ends(person)} "
            + (
                f"{shown.counted(keys, 'API key', 'API keys')} of theirs"
                f" {'opens' if keys == 1 else 'open'} nothing until they are reactivated."
                if keys
                else "They have no API key."
            ),
            "What they did stays, with their name. You can reactivate them at any time; then their"
            " password and their keys work as before, and they log in anew.",
        ),
        button="Deactivate",
        back=_page_of(person),
        crumbs=_crumbs(request, person),
        is_danger=True,
    )
    return ask(request, question)


def reactivate(request: HttpRequest, person: User) -> HttpResponse:
    """Let the person in again."""
    try:
        people.reactivate(person.pk, by=acting(request))
    except role_changes.StandingNotChanged as error:
        return _refused(request, person, str(error))
    return _done(request, person, f"{person} may log in again, as {person.get_role_display()}.")


def unlock(request: HttpRequest, person: User) -> HttpResponse:
    """Lift a lock before its time."""
    log_in.unlock(person.pk, by=acting(request))
    return _done(request, person, f"{person} is unlocked, and their failures are forgotten.")


@require_http_methods(["GET", "POST"])
def end_sessions(request: HttpRequest, person: User) -> HttpResponse:
    """Log the person out everywhere, but for the place from which it is asked."""
    here = here_id(request)
    if request.method == "POST":
        is_own = person.pk == acting(request).pk
        reason = SessionEnd.REVOKED if is_own else SessionEnd.REVOKED_BY_ADMIN
        count = sessions.end_all(person, by=acting(request), reason=reason, but=here)
        said = f"{shown.counted(count, 'session', 'sessions')} of {person} ended."
        return _done(request, person, said)
    listed = [shown.device(one) for one in live_sessions(person, but=here)]
    question = Question(
        title=f"End the sessions of {person}",
        kicker="Person",
        sentences=(
            "They are logged out at once, in browsers and in programs, and what they have not saved"
            " is lost. They can log in again with their password.",
        ),
        listed=listed,
        button="End them",
        back=_page_of(person),
        crumbs=_crumbs(request, person),
        is_danger=True,
    )
    return ask(request, question)


# --- What they log in with ------------------------------------------------------------------------


@sensitive_post_parameters("password1", "password2")
@sensitive_variables("form")
@require_http_methods(["GET", "POST"])
def password(request: HttpRequest, person: User) -> HttpResponse:
    """A password for somebody else: by link, by hand, or none."""
    if person.pk == acting(request).pk:
        messages.info(request, _OWN)
        return HttpResponseRedirect(reverse("admin:password_change"))
    form = PasswordForm()
    if request.method == "POST":
        if "unset-password" in request.POST:
            set_passwords.set_by_admin(person.pk, None, by=acting(request))
            return _done(request, person, f"{person} has no password any more.")
        form = PasswordForm(request.POST)
        if form.is_valid() and _set(request, person, form):
            said = f"{person} has a new password. A mail tells them that it was changed."
            return _done(request, person, said)
    form.fields["password1"].help_text = passwords.advice()
    focus(form)
    context = {
        "title": "Password",
        "kicker": str(person),
        "crumbs": _crumbs(request, person),
        "person": person,
        "form": form,
        "consequence": _what_ends(person),
        "has_password": shown.has_password(person),
        "link_url": door(person, "link"),
        "back": _page_of(person),
    }
    return page(request, "accounts/admin/password.html", context)


@sensitive_variables("form")
def _set(request: HttpRequest, person: User, form: PasswordForm) -> bool:
    """Whether the password was taken; else the form says why not."""
    try:
        set_passwords.set_by_admin(person.pk, form.cleaned_data["password1"], by=acting(request))
    except set_passwords.WeakPassword as error:
        form.add_error("password1", error.sentences)
        return False
    except set_passwords.ChangedMeanwhile:
        form.add_error(None, f"Somebody else changed the password of {person} meanwhile.")
        return False
    return True


def link(request: HttpRequest, person: User) -> HttpResponse:
    """Send a link to a new password."""
    try:
        delivery = password_resets.send(person.pk, by=acting(request))
    except password_resets.NotPossible as error:
        return _refused(request, person, str(error))
    if delivery.error:
        said = f"The link was made, but its mail was not sent. {delivery.error} Then send another."
        return _refused(request, person, said)
    return _done(request, person, f"A link to a new password is on its way to {person.email}.")


@require_http_methods(["GET", "POST"])
def factor(request: HttpRequest, person: User) -> HttpResponse:
    """Turn somebody's second factor off, for the day that they have lost their phone."""
    if request.method == "POST":
        try:
            ended = second_factor.remove(person, by=acting(request))
        except (second_factor.NotOn, PermissionDenied) as error:
            return _refused(request, person, str(error))
        said = f"One-time codes are off for {person}, who was told by mail;"
        return _done(
            request, person, f"{said} {shown.counted(ended, 'session', 'sessions')} ended."
        )
    status = second_factor.status(person)
    if not status.is_on:
        return _refused(request, person, f"One-time codes are not on for {person}.")
    after = (
        "As staff need one-time codes here, they are led to set them up at their next log-in."
        if status.is_demanded
        else "From then on their password alone opens the account, until they set codes up again."
    )
    question = Question(
        title=f"Turn one-time codes off for {person}",
        kicker="Person",
        sentences=(
            "Do this for somebody who has lost their phone and their recovery codes, and only when"
            " you are sure that it is they who ask: see them, or call them back.",
            f"Their secret and their recovery codes are deleted. {_what_ends(person)} {after}",
        ),
        button="Turn codes off",
        back=_page_of(person),
        crumbs=_crumbs(request, person),
        is_danger=True,
    )
    return ask(request, question)
