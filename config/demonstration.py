"""What the demonstration shows: its people, and photographs that an installed package carries."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Final

from accounts.models import User
from accounts.roles import Role

PEOPLE: Final = {
    "admin@lacuna.example": ("Ada Admin", Role.ADMIN),
    "moderator@lacuna.example": ("Mo Moderator", Role.MODERATOR),
    "analyst@lacuna.example": ("Ana Analyst", Role.ANALYST),
    "viewer@lacuna.example": ("Vic Viewer", Role.VIEWER),
}

# Carried in the wheel of scikit-image; docs/demo-photographs.md gives each one's licence.
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
