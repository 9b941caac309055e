"""What stands above a list because the list itself cannot show it."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from accounts.admin.shown import counted
from accounts.models import Invitation


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence, and the page it leads to; ``state`` names its icon."""

    text: str
    link: str
    url: str
    state: str = "notice"


def open_invitations(request: HttpRequest) -> Note | None:
    """How many were invited and have not come yet."""
    if not request.user.has_perm("accounts.view_invitation"):
        return None
    waiting = Invitation.objects.filter(
        accepted_at=None, revoked_at=None, expires_at__gt=timezone.now()
    ).count()
    if not waiting:
        return None
    who = counted(waiting, "person is", "people are")
    url = f"{reverse('admin:accounts_invitation_changelist')}?state=open"
    return Note(f"{who} invited and not here yet.", "Open invitations", url)
