"""Makes people with passwords: ``python -m tests.api.secrets.people`` reads them as JSON.

In a process of its own, as whoever moves an installation's people would.
"""

from __future__ import annotations

import json
import sys

import django


def main() -> None:
    """One person for each ``[email, password, role]``."""
    django.setup()
    from accounts.models import User

    for email, password, role in json.load(sys.stdin):
        person = User(email=email, full_name=email.partition("@")[0], role=role)
        person.set_password(password)
        person.save()


if __name__ == "__main__":
    main()
