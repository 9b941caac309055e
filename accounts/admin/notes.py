"""What stands above a list because the list itself cannot show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from accounts.admin.filters import LOCKED, AccessFilter, locked, vouched_for
from accounts.admin.shown import counted
from accounts.models import Invitation, User

# Where a request keeps how many are locked.
_COUNTED: Final = "_lacuna_locked_accounts"


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence, and the page it leads to; ``state`` names its icon."""

    text: str
    link: str
    url: str
    state: str = "notice"


def locked_accounts(request: HttpRequest) -> int:
    """How many people too many failures keep out; counted once for a page, which says it twice."""
    counted_before: int | None = getattr(request, _COUNTED, None)
    if counted_before is None:
        counted_before = User.objects.filter(locked()).count()
        setattr(request, _COUNTED, counted_before)
    return counted_before


def locked_now(request: HttpRequest) -> Note | None:
    """How many are kept out by failures; not said where the list shows them already."""
    if request.GET.get(str(AccessFilter.parameter_name)) == LOCKED:
        return None
    count = locked_accounts(request)
    if not count:
        return None
    who = counted(count, "person is", "people are")
    url = f"{reverse('admin:accounts_user_changelist')}?{AccessFilter.parameter_name}={LOCKED}"
    return Note(f"{who} locked out after failed log-ins.", "Show who", url, "warning")


def open_invitations(request: HttpRequest) -> Note | None:
    """How many were invited and have not come yet."""
    if not request.user.has_perm("accounts.view_invitation"):
        return None
    waiting = Invitation.objects.filter(
        vouched_for(), accepted_at=None, revoked_at=None, expires_at__gt=timezone.now()
    ).count()
    if not waiting:
        return None
    who = counted(waiting, "person is", "people are")
    url = f"{reverse('admin:accounts_invitation_changelist')}?state=open"
    return Note(f"{who} invited and not here yet.", "Open invitations", url)
