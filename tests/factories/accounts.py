"""People."""

from __future__ import annotations

import itertools
from typing import Any

from accounts.models import User
from accounts.roles import Role

_numbers = itertools.count(1)


def make_user(role: str = Role.ANALYST, **fields: Any) -> User:
    """A person who cannot log in with a password (tests force the login)."""
    number = next(_numbers)
    values = {
        "email": f"{role}{number}@example.org",
        "full_name": f"{role.title()} {number}",
        "password": "!",
        "role": role,
    }
    return User.objects.create(**(values | fields))
