"""Rules, alerts, silences, and what was told of them."""

import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import database.fields


class Migration(migrations.Migration):
    dependencies = [
        ("monitoring", "0005_row_security"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AlertRule",
            fields=[
                (
                    "id",
                    database.fields.KeyField(
                        db_default=database.fields.NewKey(),
                        default=database.fields.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("name", models.CharField(max_length=255)),
                ("condition", models.JSONField()),
                ("actions", models.JSONField()),
                (
                    "severity",
                    models.CharField(
                        choices=[
                            ("low", "low"),
                            ("medium", "medium"),
                            ("high", "high"),
                            ("critical", "critical"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "is_active",
                    models.BooleanField(db_default=True, default=True, verbose_name="on"),
                ),
                (
                    "created_at",
                    database.fields.CreatedAtField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                (
                    "updated_at",
                    database.fields.UpdatedAtField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                ("group_wait_seconds", models.IntegerField(db_default=30, default=30)),
                ("group_interval_seconds", models.IntegerField(db_default=300, default=300)),
                ("repeat_seconds", models.IntegerField(db_default=14400, default=14400)),
                ("escalate_seconds", models.IntegerField(blank=True, null=True)),
                (
                    "watched_from",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                ("notify_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("last_notified_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "last_error",
                    models.TextField(blank=True, db_default="", default="", editable=False),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "dataset",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="alert_rules",
                        to="monitoring.dataset",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="owner",
                    ),
                ),
            ],
            options={
                "db_table": "alert_rules",
            },
        ),
        migrations.CreateModel(
            name="AlertLetter",
            fields=[
                (
                    "id",
                    database.fields.KeyField(
                        db_default=database.fields.NewKey(),
                        default=database.fields.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "priority",
                    models.IntegerField(
                        db_default=5, default=5, help_text="1 to 10; 10 goes first"
                    ),
                ),
                ("retry_count", models.IntegerField(db_default=0, default=0, editable=False)),
                ("error_message", models.TextField(blank=True, editable=False, null=True)),
                ("last_error_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "created_at",
                    database.fields.CreatedAtField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                ("started_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("completed_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "estimated_completion_at",
                    models.DateTimeField(blank=True, editable=False, null=True),
                ),
                (
                    "worker_id",
                    models.CharField(blank=True, editable=False, max_length=255, null=True),
                ),
                ("attempt", models.IntegerField(db_default=0, default=0, editable=False)),
                (
                    "available_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="not before"),
                ),
                (
                    "expires_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="not after"),
                ),
                ("deadline_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("turn", models.BigIntegerField(editable=False, null=True)),
                (
                    "cancel_requested",
                    models.BooleanField(db_default=False, default=False, editable=False),
                ),
                (
                    "unique_key",
                    models.CharField(blank=True, editable=False, max_length=255, null=True),
                ),
                ("progress_done", models.IntegerField(db_default=0, default=0, editable=False)),
                ("progress_total", models.IntegerField(blank=True, editable=False, null=True)),
                (
                    "progress_message",
                    models.TextField(blank=True, db_default="", default="", editable=False),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("pending", "waits"),
                            ("sending", "being sent"),
                            ("sent", "sent"),
                            ("failed", "failed"),
                            ("cancelled", "cancelled"),
                        ],
                        db_default="pending",
                        default="pending",
                        max_length=20,
                    ),
                ),
                ("max_retries", models.IntegerField(db_default=8, default=8)),
                ("recipient", models.CharField(max_length=254)),
                ("subject", models.CharField(max_length=300)),
                ("body", models.TextField()),
                (
                    "alert_rule",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="letters",
                        to="monitoring.alertrule",
                    ),
                ),
            ],
            options={
                "verbose_name": "letter",
                "db_table": "alert_letters",
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Alert",
            fields=[
                (
                    "id",
                    database.fields.KeyField(
                        db_default=database.fields.NewKey(),
                        default=database.fields.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("anomaly_id", models.UUIDField(blank=True, null=True)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("active", "active"),
                            ("acknowledged", "acknowledged"),
                            ("resolved", "resolved"),
                        ],
                        db_default="active",
                        default="active",
                        max_length=50,
                    ),
                ),
                ("data", models.JSONField()),
                ("acknowledged_at", models.DateTimeField(blank=True, null=True)),
                ("resolved_at", models.DateTimeField(blank=True, null=True)),
                (
                    "created_at",
                    database.fields.CreatedAtField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("condition", "the condition holds"),
                            ("no_data", "nothing comes any more"),
                        ],
                        db_default="condition",
                        default="condition",
                        max_length=20,
                    ),
                ),
                (
                    "severity",
                    models.CharField(
                        choices=[
                            ("low", "low"),
                            ("medium", "medium"),
                            ("high", "high"),
                            ("critical", "critical"),
                        ],
                        db_default="low",
                        default="low",
                        max_length=20,
                    ),
                ),
                (
                    "group_values",
                    models.JSONField(db_default=models.Value({}, models.JSONField()), default=dict),
                ),
                ("dedup_key", models.CharField(editable=False, max_length=64)),
                ("count", models.BigIntegerField(db_default=1, default=1)),
                (
                    "first_seen_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                    ),
                ),
                (
                    "last_seen_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                    ),
                ),
                ("recovering_since", models.DateTimeField(blank=True, editable=False, null=True)),
                ("resolution_note", models.TextField(blank=True, db_default="", default="")),
                (
                    "phase",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Case(
                            models.When(status="resolved", then=models.Value("resolved")),
                            models.When(
                                recovering_since__isnull=False, then=models.Value("recovering")
                            ),
                            default=models.F("status"),
                        ),
                        output_field=models.CharField(max_length=50),
                    ),
                ),
                ("told_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("first_told_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "told_severity",
                    models.CharField(blank=True, editable=False, max_length=20, null=True),
                ),
                ("told_repeats", models.IntegerField(db_default=0, default=0, editable=False)),
                ("escalated_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "resolution_told",
                    models.BooleanField(db_default=False, default=False, editable=False),
                ),
                (
                    "muted",
                    models.CharField(
                        blank=True, db_default="", default="", editable=False, max_length=20
                    ),
                ),
                (
                    "acknowledged_by",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="acknowledged by",
                    ),
                ),
                (
                    "dataset",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.RESTRICT,
                        related_name="alerts",
                        to="monitoring.dataset",
                    ),
                ),
                (
                    "resolved_by",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="resolved by",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="owner",
                    ),
                ),
                (
                    "alert_rule",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.RESTRICT,
                        related_name="alerts",
                        to="monitoring.alertrule",
                    ),
                ),
            ],
            options={
                "db_table": "alerts",
            },
        ),
        migrations.CreateModel(
            name="AlertSilence",
            fields=[
                (
                    "id",
                    database.fields.KeyField(
                        db_default=database.fields.NewKey(),
                        default=database.fields.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "matchers",
                    models.JSONField(
                        blank=True, db_default=models.Value([], models.JSONField()), default=list
                    ),
                ),
                (
                    "starts_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                    ),
                ),
                ("ends_at", models.DateTimeField()),
                ("comment", models.TextField()),
                (
                    "created_at",
                    database.fields.CreatedAtField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "dataset",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="silences",
                        to="monitoring.dataset",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="owner",
                    ),
                ),
            ],
            options={
                "verbose_name": "silence",
                "db_table": "alert_silences",
            },
        ),
        migrations.CreateModel(
            name="RuleEvaluation",
            fields=[
                (
                    "id",
                    database.fields.KeyField(
                        db_default=database.fields.NewKey(),
                        default=database.fields.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("analysis_id", models.UUIDField()),
                ("sample_count", models.IntegerField(db_default=0, default=0)),
                ("opened_count", models.IntegerField(db_default=0, default=0)),
                (
                    "created_at",
                    database.fields.CreatedAtField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                (
                    "alert_rule",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="evaluations",
                        to="monitoring.alertrule",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="owner",
                    ),
                ),
            ],
            options={
                "verbose_name": "evaluation",
                "db_table": "alert_evaluations",
            },
        ),
        migrations.CreateModel(
            name="RuleState",
            fields=[
                (
                    "id",
                    database.fields.KeyField(
                        db_default=database.fields.NewKey(),
                        default=database.fields.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("group_key", models.CharField(max_length=64)),
                (
                    "group_values",
                    models.JSONField(db_default=models.Value({}, models.JSONField()), default=dict),
                ),
                (
                    "phase",
                    models.CharField(db_default="inactive", default="inactive", max_length=20),
                ),
                (
                    "state",
                    models.JSONField(db_default=models.Value({}, models.JSONField()), default=dict),
                ),
                (
                    "updated_at",
                    database.fields.UpdatedAtField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                (
                    "alert_rule",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="states",
                        to="monitoring.alertrule",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="owner",
                    ),
                ),
            ],
            options={
                "db_table": "alert_rule_states",
            },
        ),
        migrations.CreateModel(
            name="AlertNotification",
            fields=[
                (
                    "id",
                    database.fields.KeyField(
                        db_default=database.fields.NewKey(),
                        default=database.fields.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("action", models.CharField(max_length=300)),
                ("event", models.CharField(max_length=40)),
                ("letter_id", models.UUIDField(blank=True, null=True)),
                (
                    "created_at",
                    database.fields.CreatedAtField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                (
                    "alert",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="notifications",
                        to="monitoring.alert",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="owner",
                    ),
                ),
            ],
            options={
                "verbose_name": "notification",
                "db_table": "alert_notifications",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("alert", "action", "event"),
                        name="alert_notifications_alert_action_event_key",
                    )
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="alertrule",
            constraint=models.CheckConstraint(
                condition=models.Q(("name__regex", "^\\s*$"), _negated=True),
                name="alert_rules_name_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="alertrule",
            constraint=models.CheckConstraint(
                condition=models.Q(("severity__in", ["low", "medium", "high", "critical"])),
                name="alert_rules_severity_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="alertrule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("group_interval_seconds__range", (0, 86400)),
                    ("group_wait_seconds__range", (0, 3600)),
                    ("repeat_seconds__range", (60, 2678400)),
                    models.Q(
                        ("escalate_seconds", None),
                        ("escalate_seconds__range", (60, 2678400)),
                        _connector="OR",
                    ),
                ),
                name="alert_rules_times_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="alertletter",
            constraint=models.CheckConstraint(
                condition=models.Q(("priority__gte", 1), ("priority__lte", 10)),
                name="alertletter_priority_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="alertletter",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("attempt__gte", 0),
                    ("max_retries__gte", 0),
                    ("progress_done__gte", 0),
                    ("retry_count__gte", 0),
                ),
                name="alertletter_counts_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="alertletter",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status__in", ["pending", "sending", "sent", "failed", "cancelled"])
                ),
                name="alert_letters_status_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["active", "acknowledged", "resolved"])),
                name="alerts_status_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["condition", "no_data"])), name="alerts_kind_check"
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.CheckConstraint(
                condition=models.Q(("severity__in", ["low", "medium", "high", "critical"])),
                name="alerts_severity_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.CheckConstraint(
                condition=models.Q(("muted__in", ["", "silence", "inhibition"])),
                name="alerts_muted_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("acknowledged_at", None), ("acknowledged_by", None)),
                    models.Q(
                        ("acknowledged_at__isnull", False), ("acknowledged_by__isnull", False)
                    ),
                    _connector="OR",
                ),
                name="alerts_acknowledged_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "acknowledged"), _negated=True),
                    ("acknowledged_at__isnull", False),
                    _connector="OR",
                ),
                name="alerts_acknowledged_status_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("resolved_at__isnull", False), ("status", "resolved")),
                    models.Q(
                        models.Q(("status", "resolved"), _negated=True),
                        ("resolved_at", None),
                        ("resolved_by", None),
                    ),
                    _connector="OR",
                ),
                name="alerts_resolved_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("resolved_by", None),
                    models.Q(("resolution_note__regex", "^\\s*$"), _negated=True),
                    _connector="OR",
                ),
                name="alerts_note_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.CheckConstraint(
                condition=models.Q(("count__gte", 1), ("told_repeats__gte", 0)),
                name="alerts_counts_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "resolved"), _negated=True),
                fields=("dedup_key",),
                name="alerts_dedup_key_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="alertsilence",
            constraint=models.CheckConstraint(
                condition=models.Q(("ends_at__gte", models.F("starts_at"))),
                name="alert_silences_times_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="alertsilence",
            constraint=models.CheckConstraint(
                condition=models.Q(("comment__regex", "^\\s*$"), _negated=True),
                name="alert_silences_comment_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="ruleevaluation",
            constraint=models.UniqueConstraint(
                fields=("alert_rule", "analysis_id"), name="alert_evaluations_rule_analysis_key"
            ),
        ),
        migrations.AddConstraint(
            model_name="rulestate",
            constraint=models.UniqueConstraint(
                fields=("alert_rule", "group_key"), name="alert_rule_states_rule_group_key"
            ),
        ),
        migrations.AddConstraint(
            model_name="rulestate",
            constraint=models.CheckConstraint(
                condition=models.Q(("phase__in", ["inactive", "pending", "active", "recovering"])),
                name="alert_rule_states_phase_check",
            ),
        ),
    ]
