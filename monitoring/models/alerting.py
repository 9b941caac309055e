"""Rules, the alerts that they raise, and what was told of them to whom."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from database.fields import CreatedAtField, KeyField, UpdatedAtField
from jobs.models.job import Job, States
from monitoring.models.anomaly import AnomalySeverity

# With monitoring.kinds_alerting.RETRY the ninth attempt comes within a day of the first.
MOST_RETRIES = 8
_NOTHING = models.Value([], models.JSONField())
_NO_OBJECT = models.Value({}, models.JSONField())


def _owner() -> models.ForeignKey[Any, Any]:
    """The dataset's owner: ``take_owner_of_dataset()`` or ``take_owner_of_rule()`` fills it in."""
    return models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        editable=False,
        verbose_name="owner",
    )


def _person(column: str) -> models.ForeignKey[Any, Any]:
    return models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_column=column,
        db_index=False,
        verbose_name=column.replace("_", " "),
    )


class AlertRule(models.Model):
    """When an alert is raised for a dataset, and who is told how soon.

    ``condition`` and ``actions`` are JSON as docs/alerts.md has them, read by
    ``monitoring.rules``. ``severity`` is the least of its alerts: a worse sample raises it. The
    times are seconds. Samples that were placed before ``watched_from``, when it was made or
    switched on last, are none of its business. ``notify_at`` is when there may be something to
    tell; ``last_error`` says why the rule cannot be evaluated.
    """

    audit_noun: ClassVar[str] = "alert_rule"

    id = KeyField()
    dataset = models.ForeignKey(
        "monitoring.Dataset", on_delete=models.CASCADE, related_name="alert_rules", db_index=False
    )
    name = models.CharField(max_length=255)
    condition = models.JSONField()
    actions = models.JSONField()
    severity = models.CharField(max_length=20, choices=AnomalySeverity.choices)
    is_active = models.BooleanField("on", default=True, db_default=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        db_column="created_by",
        db_index=False,
    )
    created_at = CreatedAtField()
    updated_at = UpdatedAtField()

    user = _owner()
    group_wait_seconds = models.IntegerField(default=30, db_default=30)
    group_interval_seconds = models.IntegerField(default=300, db_default=300)
    repeat_seconds = models.IntegerField(default=14_400, db_default=14_400)
    escalate_seconds = models.IntegerField(null=True, blank=True)
    watched_from = models.DateTimeField(default=timezone.now, db_default=Now(), editable=False)
    notify_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_notified_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_error = models.TextField(blank=True, default="", db_default="", editable=False)

    class Meta:
        db_table = "alert_rules"
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                name="alert_rules_name_check", condition=~Q(name__regex=r"^\s*$")
            ),
            models.CheckConstraint(
                name="alert_rules_severity_check", condition=Q(severity__in=AnomalySeverity.values)
            ),
            models.CheckConstraint(
                name="alert_rules_times_check",
                condition=Q(
                    group_wait_seconds__range=(0, 3600),
                    group_interval_seconds__range=(0, 86_400),
                    repeat_seconds__range=(60, 31 * 86_400),
                )
                & (Q(escalate_seconds=None) | Q(escalate_seconds__range=(60, 31 * 86_400))),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class RuleState(models.Model):
    """What a rule remembers of a group: ``state`` as ``monitoring.rules.GroupState`` writes it."""

    id = KeyField()
    alert_rule = models.ForeignKey(
        AlertRule, on_delete=models.CASCADE, related_name="states", db_index=False
    )
    user = _owner()
    group_key = models.CharField(max_length=64)
    group_values = models.JSONField(default=dict, db_default=_NO_OBJECT)
    phase = models.CharField(max_length=20, default="inactive", db_default="inactive")
    state = models.JSONField(default=dict, db_default=_NO_OBJECT)
    updated_at = UpdatedAtField()

    class Meta:
        db_table = "alert_rule_states"
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                name="alert_rule_states_rule_group_key", fields=["alert_rule", "group_key"]
            ),
            models.CheckConstraint(
                name="alert_rule_states_phase_check",
                condition=Q(phase__in=["inactive", "pending", "active", "recovering"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.phase} since {self.updated_at:%Y-%m-%d %H:%M}"


class RuleEvaluation(models.Model):
    """A batch of samples that a rule has seen: it sees none twice."""

    app_privileges: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT")

    id = KeyField()
    # The application deletes none: they go with their rule, which the database sees to.
    alert_rule = models.ForeignKey(
        AlertRule, on_delete=models.DO_NOTHING, related_name="evaluations", db_index=False
    )
    # The analysis may have gone to the archive since.
    analysis_id = models.UUIDField()
    user = _owner()
    sample_count = models.IntegerField(default=0, db_default=0)
    opened_count = models.IntegerField(default=0, db_default=0)
    created_at = CreatedAtField()

    class Meta:
        db_table = "alert_evaluations"
        verbose_name = "evaluation"
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                name="alert_evaluations_rule_analysis_key", fields=["alert_rule", "analysis_id"]
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sample_count} samples"


class AlertStatus(models.TextChoices):
    """What people see of an alert's way."""

    ACTIVE = "active", "active"
    ACKNOWLEDGED = "acknowledged", "acknowledged"
    RESOLVED = "resolved", "resolved"


class AlertKind(models.TextChoices):
    """Why there is an alert."""

    CONDITION = "condition", "the condition holds"
    NO_DATA = "no_data", "nothing comes any more"


class Alert(models.Model):
    """One occasion on which a rule had something to tell of a group.

    ``phase`` is ``status``, but for ``recovering``: it is over, if it stays so. (A group whose
    condition does not hold for long enough is ``pending`` in the view ``alert_phases``, and has no
    alert yet.) Of one ``dedup_key``, a hash of rule, kind and group, one alert alone is open.
    ``data`` is the sample that opened it. ``told_…`` say what was told, ``muted`` why nothing is.
    ``validate_alert_transition()`` and ``keep_alert()`` guard what may change.
    """

    app_privileges: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "UPDATE")
    audit_noun: ClassVar[str] = "alert"

    id = KeyField()
    alert_rule = models.ForeignKey(
        AlertRule, on_delete=models.RESTRICT, related_name="alerts", db_index=False
    )
    dataset = models.ForeignKey(
        "monitoring.Dataset", on_delete=models.RESTRICT, related_name="alerts", db_index=False
    )
    # Anomalies are partitioned, and months of them go: a trigger looks it up when it is written.
    anomaly_id = models.UUIDField(null=True, blank=True)
    status = models.CharField(
        max_length=50,
        choices=AlertStatus.choices,
        default=AlertStatus.ACTIVE,
        db_default=AlertStatus.ACTIVE,
    )
    data = models.JSONField()
    acknowledged_by = _person("acknowledged_by")
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    resolved_by = _person("resolved_by")
    resolved_at = models.DateTimeField(null=True, blank=True)
    created_at = CreatedAtField()

    user = _owner()
    kind = models.CharField(
        max_length=20,
        choices=AlertKind.choices,
        default=AlertKind.CONDITION,
        db_default=AlertKind.CONDITION,
    )
    severity = models.CharField(
        max_length=20,
        choices=AnomalySeverity.choices,
        default=AnomalySeverity.LOW,
        db_default=AnomalySeverity.LOW,
    )
    group_values = models.JSONField(default=dict, db_default=_NO_OBJECT)
    dedup_key = models.CharField(max_length=64, editable=False)
    count = models.BigIntegerField(default=1, db_default=1)
    first_seen_at = models.DateTimeField(default=timezone.now, db_default=Now())
    last_seen_at = models.DateTimeField(default=timezone.now, db_default=Now())
    recovering_since = models.DateTimeField(null=True, blank=True, editable=False)
    resolution_note = models.TextField(blank=True, default="", db_default="")
    phase = models.GeneratedField(
        expression=models.Case(
            models.When(status=AlertStatus.RESOLVED, then=models.Value("resolved")),
            models.When(recovering_since__isnull=False, then=models.Value("recovering")),
            default=models.F("status"),
        ),
        output_field=models.CharField(max_length=50),
        db_persist=True,
    )
    told_at = models.DateTimeField(null=True, blank=True, editable=False)
    first_told_at = models.DateTimeField(null=True, blank=True, editable=False)
    told_severity = models.CharField(max_length=20, null=True, blank=True, editable=False)
    told_repeats = models.IntegerField(default=0, db_default=0, editable=False)
    escalated_at = models.DateTimeField(null=True, blank=True, editable=False)
    resolution_told = models.BooleanField(default=False, db_default=False, editable=False)
    muted = models.CharField(max_length=20, blank=True, default="", db_default="", editable=False)

    class Meta:
        db_table = "alerts"
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                name="alerts_status_check", condition=Q(status__in=AlertStatus.values)
            ),
            models.CheckConstraint(
                name="alerts_kind_check", condition=Q(kind__in=AlertKind.values)
            ),
            models.CheckConstraint(
                name="alerts_severity_check", condition=Q(severity__in=AnomalySeverity.values)
            ),
            models.CheckConstraint(
                name="alerts_muted_check", condition=Q(muted__in=["", "silence", "inhibition"])
            ),
            models.CheckConstraint(
                name="alerts_acknowledged_check",
                condition=Q(acknowledged_by=None, acknowledged_at=None)
                | Q(acknowledged_by__isnull=False, acknowledged_at__isnull=False),
            ),
            models.CheckConstraint(
                name="alerts_acknowledged_status_check",
                condition=~Q(status=AlertStatus.ACKNOWLEDGED) | Q(acknowledged_at__isnull=False),
            ),
            models.CheckConstraint(
                name="alerts_resolved_check",
                condition=Q(status=AlertStatus.RESOLVED, resolved_at__isnull=False)
                | (~Q(status=AlertStatus.RESOLVED) & Q(resolved_by=None, resolved_at=None)),
            ),
            # Whoever says it is over says why.
            models.CheckConstraint(
                name="alerts_note_check",
                condition=Q(resolved_by=None) | ~Q(resolution_note__regex=r"^\s*$"),
            ),
            models.CheckConstraint(
                name="alerts_counts_check", condition=Q(count__gte=1, told_repeats__gte=0)
            ),
            models.UniqueConstraint(
                name="alerts_dedup_key_open",
                fields=["dedup_key"],
                condition=~Q(status=AlertStatus.RESOLVED),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.severity} alert {self.pk}"


class AlertSilence(models.Model):
    """Nothing is told of matching alerts of a dataset between two moments.

    ``matchers``: ``[{"field": "severity" | "rule" | "group.KEY", "op": "eq" | "ne" | "in",
    "value": …}]``; all must match, and without any all alerts do.
    """

    app_privileges: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "UPDATE")
    audit_noun: ClassVar[str] = "alert_silence"

    id = KeyField()
    # The application deletes none: they go with their dataset, which the database sees to.
    dataset = models.ForeignKey(
        "monitoring.Dataset", on_delete=models.DO_NOTHING, related_name="silences", db_index=False
    )
    user = _owner()
    matchers = models.JSONField(default=list, db_default=_NOTHING, blank=True)
    starts_at = models.DateTimeField(default=timezone.now, db_default=Now())
    ends_at = models.DateTimeField()
    comment = models.TextField()
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        db_column="created_by",
        db_index=False,
    )
    created_at = CreatedAtField()

    class Meta:
        db_table = "alert_silences"
        verbose_name = "silence"
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                name="alert_silences_times_check", condition=Q(ends_at__gte=models.F("starts_at"))
            ),
            models.CheckConstraint(
                name="alert_silences_comment_check", condition=~Q(comment__regex=r"^\s*$")
            ),
        ]

    def __str__(self) -> str:
        return f"silence until {self.ends_at:%Y-%m-%d %H:%M}"


class AlertNotification(models.Model):
    """That one was told of something of an alert: each once.

    ``action`` is ``email:ADDRESS`` or ``webhook``; ``event`` such as ``fired``, ``worsened:high``,
    ``repeated:2``, ``escalated``, ``resolved``. ``letter_id``: the letter, of e-mails.
    """

    app_privileges: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT")

    id = KeyField()
    alert = models.ForeignKey(
        Alert, on_delete=models.DO_NOTHING, related_name="notifications", db_index=False
    )
    user = _owner()
    action = models.CharField(max_length=300)
    event = models.CharField(max_length=40)
    letter_id = models.UUIDField(null=True, blank=True)
    created_at = CreatedAtField()

    class Meta:
        db_table = "alert_notifications"
        verbose_name = "notification"
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                name="alert_notifications_alert_action_event_key",
                fields=["alert", "action", "event"],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} to {self.action}"


class LetterStatus(models.TextChoices):
    """Where a letter stands."""

    PENDING = "pending", "waits"
    SENDING = "sending", "being sent"
    SENT = "sent", "sent"
    FAILED = "failed", "failed"
    CANCELLED = "cancelled", "cancelled"


class AlertLetter(Job):
    """An e-mail on alerts of a rule to one address; written in the transaction that decided it.

    What failed stays, and can be sent again. ``keep_alert_letter()`` refuses another text.
    """

    states: ClassVar[States] = States(
        ready=LetterStatus.PENDING,
        running=LetterStatus.SENDING,
        done=LetterStatus.SENT,
        failed=LetterStatus.FAILED,
        cancelled=LetterStatus.CANCELLED,
    )

    status = models.CharField(
        max_length=20,
        choices=LetterStatus.choices,
        default=LetterStatus.PENDING,
        db_default=LetterStatus.PENDING,
    )
    max_retries = models.IntegerField(default=MOST_RETRIES, db_default=MOST_RETRIES)
    alert_rule = models.ForeignKey(
        AlertRule, on_delete=models.CASCADE, related_name="letters", db_index=False
    )
    recipient = models.CharField(max_length=254)
    subject = models.CharField(max_length=300)
    body = models.TextField()

    class Meta(Job.Meta):
        db_table = "alert_letters"
        verbose_name = "letter"
        constraints = [
            *Job.Meta.constraints,
            models.CheckConstraint(
                name="alert_letters_status_check", condition=Q(status__in=LetterStatus.values)
            ),
        ]

    def __str__(self) -> str:
        return self.subject
