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
        "ingestion.view_fileupload",  # one's own
        "monitoring.view_dataset",  # one's own, with its maps and samples
        "monitoring.view_analysis",
        "monitoring.view_baselinemap",
        "monitoring.view_anomaly",
        "monitoring.view_alertrule",
        "monitoring.view_alert",
        "monitoring.view_alertsilence",
        "monitoring.view_mapconfig",
        "monitoring.view_performancemetric",
        "annotations.view_annotation",
        "providers.view_provider",  # how they stand, and what they ask for
        "providers.view_usageentry",  # one's own calls, their totals and alerts
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
    "ingestion.add_fileupload",  # upload, join
    "ingestion.change_fileupload",  # say how it is read, check again, remove
    "monitoring.add_dataset",
    "monitoring.change_dataset",  # name, tags, put away
    "monitoring.add_analysis",  # make a map, place samples
    "monitoring.change_analysis",  # retry, cancel
    "monitoring.change_anomaly",  # acknowledge
    "monitoring.add_alertrule",
    "monitoring.change_alertrule",  # change, switch on and off, remove
    "monitoring.change_alert",  # acknowledge, resolve
    "monitoring.add_alertsilence",
    "monitoring.change_alertsilence",  # end early
    "monitoring.add_mapconfig",  # put parameters of maps in force
    "annotations.add_annotation",
    "annotations.change_annotation",
    "annotations.annotate_image",  # ask AI providers
    "annotations.review_annotation",  # approve and reject
}
_MODERATOR: Final = _VIEWER | {
    "imaging.change_image",  # archive, settle duplicates
    "imaging.change_analysisresult",
    "annotations.add_annotation",
    "annotations.change_annotation",
    "annotations.delete_annotation",
    "annotations.review_annotation",
    "annotations.change_imagecollection",  # labels, stages, checks of reviewers
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
    Role.API_USER: frozenset(
        {
            "imaging.view_image",
            "imaging.view_analysisresult",
            "imaging.view_analysisresulthistory",
            "imaging.view_processingjob",
            "imaging.add_image",
            "imaging.analyse_image",
            "ingestion.view_fileupload",
            "ingestion.add_fileupload",
            "ingestion.change_fileupload",
            "monitoring.view_dataset",
            "monitoring.view_analysis",
            "monitoring.view_baselinemap",
            "monitoring.view_anomaly",
            "monitoring.view_mapconfig",
            "monitoring.add_dataset",
            "monitoring.change_dataset",
            "monitoring.add_analysis",
            "monitoring.change_analysis",
            "monitoring.change_anomaly",
            "monitoring.view_alertrule",
            "monitoring.view_alert",
            "monitoring.view_alertsilence",
            "monitoring.add_alertrule",
            "monitoring.change_alertrule",
            "monitoring.change_alert",
            "monitoring.add_alertsilence",
            "monitoring.change_alertsilence",
            "annotations.view_annotation",
            "annotations.add_annotation",
            "annotations.annotate_image",
            "providers.view_provider",
            "providers.view_usageentry",
        }
    ),
}


# What each permission lets somebody do, for the table that people read. Those of accounts, of
# settings and of the history of migrations are the admins' alone: they concern other people, or
# everybody. One's own sessions, keys, password and second factor need no permission.
SENTENCES: Final[dict[str, str]] = {
    "imaging.view_image": "See images and what is known of them.",
    "imaging.add_image": "Upload images.",
    "imaging.change_image": "Archive images and settle duplicates.",
    "imaging.analyse_image": "Have images analysed.",
    "imaging.view_analysisresult": "See the results of analyses.",
    "imaging.change_analysisresult": "Write notes on results.",
    "imaging.view_analysisresulthistory": "See what results were before.",
    "imaging.view_analysiscacheentry": "See which analyses are kept for reuse.",
    "imaging.view_processingjob": "See the analyses that wait, run and ended.",
    "imaging.change_processingjob": "Retry, cancel and rank analyses.",
    "ingestion.view_fileupload": "See one's own files of numbers; admins, everybody's.",
    "ingestion.add_fileupload": "Upload files of numbers, and join them.",
    "ingestion.change_fileupload": "Say how files of numbers are read, check and remove them.",
    "monitoring.view_dataset": "See one's own datasets and their samples; admins, everybody's.",
    "monitoring.add_dataset": "Make datasets.",
    "monitoring.change_dataset": "Change datasets, put them away and reopen them.",
    "monitoring.view_analysis": "See one's own maps and placings that wait, run and ended.",
    "monitoring.add_analysis": "Have maps made and samples placed.",
    "monitoring.change_analysis": "Retry and cancel maps and placings.",
    "monitoring.view_baselinemap": "See the maps of one's own datasets.",
    "monitoring.view_anomaly": "See the anomalies of one's own datasets; admins, everybody's.",
    "monitoring.change_anomaly": "Acknowledge anomalies.",
    "monitoring.view_alertrule": "See the rules for alerts of one's own datasets.",
    "monitoring.add_alertrule": "Make rules for alerts of one's own datasets.",
    "monitoring.change_alertrule": "Change rules for alerts, switch them on and off, remove them.",
    "monitoring.view_alert": "See the alerts of one's own datasets; admins, everybody's.",
    "monitoring.change_alert": "Acknowledge and resolve alerts.",
    "monitoring.view_alertsilence": "See when alerts of one's own datasets are kept quiet.",
    "monitoring.add_alertsilence": "Keep alerts of one's own datasets quiet for a time.",
    "monitoring.change_alertsilence": "End silences early.",
    "monitoring.view_mapconfig": "See the parameters by which maps are made.",
    "monitoring.add_mapconfig": "Put other parameters of maps in force.",
    "monitoring.view_performancemetric": "See how fast the system itself is.",
    "annotations.view_annotation": "See annotations, their reviews and what is known from them.",
    "annotations.add_annotation": "Mark things in images, and take annotations in from files.",
    "annotations.change_annotation": "Change the boxes and labels of annotations.",
    "annotations.delete_annotation": "Remove annotations.",
    "annotations.annotate_image": "Have images annotated by AI providers, within one's quota.",
    "annotations.review_annotation": "Approve and reject annotations.",
    "annotations.change_imagecollection": "Make collections of images; say how they are reviewed.",
    "providers.view_provider": "See AI providers, how they stand and what they ask for.",
    "providers.change_provider": "Switch AI providers on, and enter the team's keys.",
    "providers.add_providerprice": "Say what models of AI providers cost.",
    "providers.view_usageentry": "See one's own calls to AI providers; admins, everybody's.",
    "providers.view_userquota": "See what people may spend at AI providers.",
    "providers.change_userquota": "Change what people may spend at AI providers.",
    "jobs.view_queue": "See every queue and its jobs.",
    "jobs.change_queue": "Pause, limit and retry whole queues.",
    "jobs.view_worker": "See the workers.",
    "jobs.view_attempt": "See why jobs failed.",
    "jobs.view_recurrence": "See the schedule.",
    "jobs.change_recurrence": "Pause an entry of the schedule, or run it now.",
    "jobs.view_recurringjob": "See what the schedule has run.",
    "audit.view_entry": "Read who did what.",
    "accounts.view_user": "See everybody, with their e-mail address and standing.",
    "accounts.add_user": "Add and invite people.",
    "accounts.change_user": "Change people, deactivate them, and give them another role.",
    "accounts.view_apikey": "See everybody's API keys.",
    "accounts.add_apikey": "Make API keys for others.",
    "accounts.change_apikey": "Change and withdraw the API keys of others.",
    "accounts.view_session": "See where others are logged in.",
    "accounts.change_session": "Log others out.",
    "accounts.view_invitation": "See who was invited.",
    "accounts.change_invitation": "Send invitations again, and withdraw them.",
    "database.view_systemsetting": "See the settings of the running system.",
    "database.change_systemsetting": "Change the settings of the running system.",
    "database.view_migrationrun": "See how the database was migrated.",
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


def table() -> set[tuple[str, str]]:
    """The rows of the table ``role_permissions``: each role with each of its permissions."""
    return {(str(role), permission) for role, given in PERMISSIONS.items() for permission in given}
