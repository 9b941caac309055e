"""The roles, and the permissions that each of them gives.

A permission is Django's ``app.codename``. Roles are few and fixed, so this table is code: what a
role may do changes with a release, in view of everybody, not with a click.
"""

from __future__ import annotations

from typing import Final

from django.db import models


class Role(models.TextChoices):
    """What a person is here to do."""

    ADMIN = "admin", "admin"
    MODERATOR = "moderator", "moderator"
    ANALYST = "analyst", "analyst"
    VIEWER = "viewer", "viewer"
    API_USER = "api_user", "API user"


# The roles that may use the staff pages; an API user has only the API.
STAFF: Final = frozenset({Role.ADMIN, Role.MODERATOR, Role.ANALYST, Role.VIEWER})

_VIEWER: Final = frozenset(
    {
        "imaging.view_image",
        "imaging.view_analysisresult",
        "imaging.view_analysisresulthistory",
        "imaging.view_analysiscacheentry",
        "imaging.view_processingjob",
        "jobs.view_queue",  # every queue, and the jobs of those without pages of their own
        "jobs.view_worker",
        "jobs.view_attempt",
        "jobs.view_recurrence",  # the schedule
        "jobs.view_recurringjob",
    }
)
_ANALYST: Final = _VIEWER | {
    "imaging.add_image",  # upload
    "imaging.analyse_image",  # run an analysis
    "imaging.change_analysisresult",  # write notes
    "imaging.change_processingjob",  # retry, cancel, priority
}
_MODERATOR: Final = _VIEWER | {
    "imaging.change_image",  # archive, settle duplicates
    "imaging.change_analysisresult",
    "jobs.change_queue",  # pause, limit, retry all that failed; retry and cancel single jobs
    "jobs.change_recurrence",  # pause an entry of the schedule, run it now
    "audit.view_entry",  # who did what
}

# The admin is not listed: an admin may do everything.
PERMISSIONS: Final[dict[str, frozenset[str]]] = {
    Role.MODERATOR: _MODERATOR,
    Role.ANALYST: _ANALYST,
    Role.VIEWER: _VIEWER,
    # Through the API; the staff pages stay closed because the role is not in STAFF.
    Role.API_USER: frozenset({"imaging.view_image", "imaging.add_image", "imaging.analyse_image"}),
}


def allows(role: str, permission: str) -> bool:
    """Whether the role gives the permission ``app.codename``."""
    return role == Role.ADMIN or permission in PERMISSIONS.get(role, frozenset())


def allows_app(role: str, app_label: str) -> bool:
    """Whether the role gives any permission in the app."""
    prefix = f"{app_label}."
    return role == Role.ADMIN or any(
        permission.startswith(prefix) for permission in PERMISSIONS.get(role, frozenset())
    )
