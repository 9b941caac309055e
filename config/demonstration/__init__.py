"""What the demonstration shows: people, an invitation, a key, and photographs of a package."""

from __future__ import annotations

from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from django.utils import timezone

from accounts.actions import api_keys, invitations
from accounts.models import ApiKey, User
from accounts.roles import Role
from database.actor import acting_as

PEOPLE: Final = {
    "admin@lacuna.example": ("Ada Admin", Role.ADMIN),
    "moderator@lacuna.example": ("Mo Moderator", Role.MODERATOR),
    "analyst@lacuna.example": ("Ana Analyst", Role.ANALYST),
    "viewer@lacuna.example": ("Vic Viewer", Role.VIEWER),
}

GUEST: Final = "guest@lacuna.example"
KEY_NAME: Final = "Sample report"

# Carried in the wheel of scikit-image; docs/demonstration.md gives each one's licence.
PHOTOGRAPHS: Final = (
    "astronaut.png",
    "camera.png",
    "cell.png",
    "chelsea.png",
    "clock_motion.png",
    "coffee.png",
    "coins.png",
    "horse.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "retina.jpg",
    "rocket.jpg",
)


def photographs() -> list[Path]:
    """The photographs on this machine; none where the package is not installed."""
    spec = find_spec("skimage")
    if spec is None or not spec.submodule_search_locations:
        return []
    folder = Path(next(iter(spec.submodule_search_locations))) / "data"
    return [folder / name for name in PHOTOGRAPHS if (folder / name).exists()]


def people(password: str) -> dict[str, User]:
    """The demonstration's people, all with this password, made or brought up to date."""
    found = {}
    for email, (name, role) in PEOPLE.items():
        user = User.objects.filter(email=email).first()
        if user is None:
            user = User(email=email, full_name=name, role=role, is_email_verified=True)
        user.role, user.is_active = role, True
        user.set_password(password)
        user.save()
        found[email] = user
    return found


def access(found: dict[str, User]) -> None:
    """One open invitation, and one key that nobody holds; what is there already stays.

    The invitation's mail goes wherever mails go here. The key's secret is thrown away at once: it
    shows how keys are listed, switched off and withdrawn, and opens nothing.
    """
    admin, analyst = found["admin@lacuna.example"], found["analyst@lacuna.example"]
    try:
        with acting_as(admin.pk):
            invitations.create(GUEST, Role.VIEWER, by=admin)
    except (invitations.AlreadyInvited, invitations.AlreadyAPerson):
        pass
    with acting_as(analyst.pk):
        if not ApiKey.objects.filter(user=analyst, name=KEY_NAME).exists():
            api_keys.create(
                analyst,
                name=KEY_NAME,
                description="Made by the demonstration. Nobody has kept it, so nobody can use it.",
                scopes=["read:images", "read:results"],
                expires_at=timezone.now() + timedelta(days=90),
                by=analyst,
            )
