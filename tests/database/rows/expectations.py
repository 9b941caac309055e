"""Whose the rows of every table are: written down by hand, to be held against the database.

A new table belongs here before the suite is green again; docs/rows.md says how to choose.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from accounts.roles import Role, allows

Verb = Literal["select", "insert", "update", "delete"]
VERBS: Final[tuple[Verb, ...]] = ("select", "insert", "update", "delete")


@dataclass(frozen=True, slots=True)
class Confined:
    """Each row is one person's; an admin and the system see all."""


@dataclass(frozen=True, slots=True)
class Closed:
    """An admin's and the system's alone."""


@dataclass(frozen=True, slots=True)
class Open:
    """Read by everybody, also before anybody is known; written by admins and the system."""


@dataclass(frozen=True, slots=True)
class People:
    """Colleagues who are active see each other; each changes themself alone."""


@dataclass(frozen=True, slots=True)
class Shared:
    """The team's: each verb asks for one of some permissions, whoever the row is from.

    ``author``: a new row names the person who makes it.
    """

    look: str
    add: str = ""
    change: str = ""
    remove: str = ""
    author: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """Each row tells one person of themself; admins and the system write it."""


@dataclass(frozen=True, slots=True)
class Known:
    """Read by everybody who works here; written by admins and the system."""


Whose = Confined | Closed | Open | People | Shared | Told | Known

# Of annotations, so many tables ask for the same.
_LOOKS: Final = "annotations.view_annotation"
_REVIEWS: Final = "annotations.review_annotation"
_ASKS: Final = "annotations.annotate_image"
_COLLECTS: Final = "annotations.change_imagecollection"

TABLES: Final[dict[str, Whose]] = {
    # People and their access.
    "users": People(),
    "sessions": Confined(),
    "refresh_tokens": Confined(),
    "totp_devices": Confined(),
    "recovery_codes": Confined(),
    "password_resets": Confined(),
    "api_keys": Confined(),
    "idempotency_keys": Confined(),
    "invitations": Closed(),
    "throttles": Closed(),
    "role_permissions": Open(),
    # The product.
    "system_settings": Open(),
    "migrations_history": Closed(),
    # The engine.
    "job_queues": Shared("jobs.view_queue", "jobs.change_queue", "jobs.change_queue"),
    "job_lines": Closed(),
    "job_workers": Shared("jobs.view_worker"),
    "job_statistics": Shared("jobs.view_queue"),
    "job_attempts": Shared("jobs.view_attempt"),
    "job_schedule": Shared("jobs.view_recurrence", "", "jobs.change_recurrence"),
    "recurring_jobs": Shared(
        "jobs.view_recurringjob",
        "jobs.change_recurrence",
        "jobs.change_recurrence jobs.change_queue",
    ),
    # Providers.
    "providers": Known(),
    "provider_health": Shared("providers.view_provider"),
    "provider_prices": Shared(
        "providers.view_provider imaging.analyse_image annotations.annotate_image"
    ),
    "user_providers": Confined(),
    "user_quotas": Told(),
    "quota_counters": Confined(),
    "cost_alerts": Told(),
    "usage_holds": Confined(),
    "usage_ledger": Confined(),
    "usage_tracking": Confined(),
    # Webhooks.
    "webhook_endpoints": Closed(),
    "webhook_deliveries": Closed(),
    # Files of numbers.
    "file_uploads": Confined(),
    "file_checks": Confined(),
    # Monitoring.
    "config_data": Shared("monitoring.view_mapconfig", "monitoring.add_mapconfig", author=True),
    "datasets": Confined(),
    "dinsight_data": Confined(),
    "feature_data": Confined(),
    "analyses": Confined(),
    "monitor_data": Confined(),
    "monitor_data_archive": Told(),
    "anomalies": Confined(),
    "analysis_archives": Told(),
    "performance_metrics": Shared("monitoring.view_performancemetric"),
    # Alerts.
    "alert_rules": Confined(),
    "alert_rule_states": Told(),
    "alert_evaluations": Told(),
    "alerts": Confined(),
    "alert_silences": Confined(),
    "alert_notifications": Told(),
    "alert_letters": Closed(),
    # Images.
    "images": Shared(
        "imaging.view_image",
        "imaging.add_image",
        "imaging.change_image imaging.add_image imaging.analyse_image",
        author=True,
    ),
    "analysis_results": Shared(
        "imaging.view_analysisresult",
        "imaging.analyse_image",
        "imaging.analyse_image imaging.change_analysisresult",
        author=True,
    ),
    "analysis_results_history": Shared("imaging.view_analysisresulthistory"),
    "analysis_cache": Shared(
        "imaging.view_analysiscacheentry imaging.analyse_image",
        "imaging.analyse_image",
        "imaging.analyse_image",
    ),
    "processing_queue": Shared(
        "imaging.view_processingjob",
        "imaging.analyse_image",
        "imaging.change_processingjob imaging.analyse_image imaging.change_image jobs.change_queue",
        author=True,
    ),
    # Annotations.
    "image_collections": Shared(_LOOKS, _COLLECTS, _COLLECTS),
    "collection_images": Shared(_LOOKS, _COLLECTS, _COLLECTS, _COLLECTS),
    "annotations": Shared(
        _LOOKS,
        f"annotations.add_annotation {_ASKS}",
        f"annotations.change_annotation {_REVIEWS}",
        "annotations.delete_annotation",
        author=True,
    ),
    "annotation_history": Shared(_LOOKS),
    "annotation_reviews": Shared(_LOOKS, _REVIEWS, author=True),
    "review_claims": Shared(_REVIEWS, _REVIEWS, _REVIEWS, _REVIEWS, author=True),
    "review_extras": Shared(_REVIEWS, _REVIEWS, _REVIEWS),
    "ai_annotation_jobs": Shared(_LOOKS, _ASKS, f"{_ASKS} jobs.change_queue", author=True),
    "batch_jobs": Shared(
        _LOOKS, f"{_ASKS} {_REVIEWS}", f"{_ASKS} {_REVIEWS} jobs.change_queue", author=True
    ),
    "batch_job_errors": Shared(_LOOKS, f"{_ASKS} {_REVIEWS}", "", f"{_ASKS} {_REVIEWS}"),
    "vision_api_cache": Shared(_LOOKS, _ASKS, _ASKS),
    "confidence_calibrations": Shared(_LOOKS),
    "saved_views": Confined(),
    "exercise_cache": Confined(),
    "exercise_answers": Confined(),
}

# What the application may not do at all, in any of its sights: the privilege is missing.
NEVER: Final[dict[str, frozenset[Verb]]] = {
    "role_permissions": frozenset({"insert", "update", "delete"}),
    "migrations_history": frozenset({"insert", "update", "delete"}),
    "analysis_results_history": frozenset({"insert", "update", "delete"}),
    "job_attempts": frozenset({"update"}),
    # Money moves by functions alone.
    "quota_counters": frozenset({"insert", "update", "delete"}),
    "usage_holds": frozenset({"insert", "update", "delete"}),
    "usage_ledger": frozenset({"insert", "update", "delete"}),
    "usage_tracking": frozenset({"insert", "update", "delete"}),
    "cost_alerts": frozenset({"insert", "delete"}),
    # What was said stays said.
    "annotation_history": frozenset({"insert", "update", "delete"}),
    "annotation_reviews": frozenset({"update", "delete"}),
    # A map, a sample and a figure stay what they are.
    "config_data": frozenset({"update", "delete"}),
    "dinsight_data": frozenset({"update", "delete"}),
    "feature_data": frozenset({"update", "delete"}),
    "monitor_data": frozenset({"update"}),
    "monitor_data_archive": frozenset({"update", "delete"}),
    "anomalies": frozenset({"delete"}),
    "performance_metrics": frozenset({"update"}),
    "alerts": frozenset({"delete"}),
    "alert_silences": frozenset({"delete"}),
    "alert_evaluations": frozenset({"update", "delete"}),
    "alert_notifications": frozenset({"update", "delete"}),
}

# Tables without row security, each with its reason.
LEFT_OUT: Final[dict[str, str]] = {
    "django_session": "found by the hash of a secret; holds no more than whose session it is",
    "django_admin_log": "Django's; nothing of ours writes it, the audit log has its place",
    "django_content_type": "Django's names of tables",
    "django_migrations": "Django's names of migrations; read-only",
    "auth_group": "Django's, unused: roles are accounts.roles",
    "auth_group_permissions": "Django's, unused",
    "auth_permission": "Django's names of permissions",
}
# Every table of this schema: its verification must read every row, and refuses row security.
LEFT_OUT_SCHEMA: Final = "audits"

# Materialized views: one content for everybody, each with what makes that harmless.
MATERIALIZED: Final[dict[str, str]] = {
    "cache_performance_metrics": "how often kept answers of providers served, by day; no person",
}

# Views of ours, each with the permissions of which one shows its rows. Empty: whoever is known.
VIEWS: Final[dict[str, str]] = {
    "image_analysis_status": "imaging.view_image",
    "analysis_performance_summary": "imaging.view_analysisresult",
    "duplicate_images_report": "imaging.view_image",
    "queue_status_summary": "imaging.view_processingjob",
    "pending_ai_annotations": _LOOKS,
    "ai_job_stats": _LOOKS,
    "reviewer_stats": _LOOKS,
    "cache_stats": _LOOKS,
    "user_activity_summary": "",
    "user_roles_summary": "",
}
# Views of ours that show each person their own rows, in user_id, and admins all.
OWN_VIEWS: Final = frozenset({"alert_phases", "feature_rows", "monitor_samples"})
# Views of the audit log, which is left out as its tables are.
LEFT_OUT_VIEWS: Final = frozenset(
    {
        "audit_log",
        "audit_log_details",
        "audit_logs",
        "audit_summary_by_user",
        "recent_audit_events",
        "security_audit",
        "audits.audit_chain",
        "audits.audit_statistics",
    }
)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody for whom a transaction may work; ``role`` is empty for nobody and for a stranger."""

    name: str
    role: str = ""
    is_active: bool = True

    @property
    def is_admin(self) -> bool:
        """Whether every row is theirs to see."""
        return self.role == Role.ADMIN and self.is_active

    @property
    def is_known(self) -> bool:
        """Whether they are among the people, and active."""
        return bool(self.role) and self.is_active

    def has_one_of(self, permissions: str) -> bool:
        """Whether their role gives one of the permissions, separated by spaces."""
        return self.is_known and any(allows(self.role, one) for one in permissions.split())


PEOPLE: Final = (
    *(Person(role.value, role.value) for role in Role),
    Person("inactive analyst", Role.ANALYST, is_active=False),
    Person("inactive admin", Role.ADMIN, is_active=False),
    Person("stranger"),  # an id that nobody has
    Person("nobody"),  # no id
)


def expected(table: str, verb: Verb, person: Person, *, own: bool) -> bool:
    """Whether the person may do this with a row of their own, or with another's."""
    if verb in NEVER.get(table, ()):
        return False
    if person.is_admin:
        return True
    whose = TABLES[table]
    match whose:
        case Confined():
            # Who is inactive gets no request any more; what is theirs stays theirs.
            return own and bool(person.role)
        case Closed():
            return False
        case Told():
            return verb == "select" and own and bool(person.role)
        case Known():
            return verb == "select" and person.is_known
        case Open():
            return verb == "select"
        case People():
            return person.is_known and (verb == "select" or (verb == "update" and own))
        case Shared():
            return _shared(whose, verb, person, own=own)


def _shared(whose: Shared, verb: Verb, person: Person, *, own: bool) -> bool:
    looks = person.has_one_of(whose.look)
    match verb:
        case "select":
            return looks
        case "insert":
            return person.has_one_of(whose.add) and (own or not whose.author)
        case "update":
            return looks and person.has_one_of(whose.change)
        case "delete":
            return looks and person.has_one_of(whose.remove)
