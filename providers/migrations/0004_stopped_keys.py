"""An admin can stop a person's key; who, when and why stands in its row."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models.functions import Length
from django.db.models.lookups import LessThanOrEqual

_GUARD = """
    SELECT audits.guard(
        'user_providers', 'user_provider',
        '{updated_at,status,tested_at,last_used_at,error_message}', '{api_key,key_hint}'
    )
"""


class Migration(migrations.Migration):
    dependencies = [
        ("providers", "0003_rules"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        # On the way back, once the columns are gone, the log watches those that are left.
        migrations.RunSQL(migrations.RunSQL.noop, _GUARD),
        migrations.AddField(
            model_name="userprovider",
            name="stopped_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="userprovider",
            name="stopped_by",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="userprovider",
            name="stopped_reason",
            field=models.TextField(blank=True, db_default="", default="", editable=False),
        ),
        migrations.AddConstraint(
            model_name="userprovider",
            constraint=models.CheckConstraint(
                name="user_providers_stopped_check",
                condition=models.Q(stopped_at=None, stopped_by=None, stopped_reason="")
                | (
                    models.Q(stopped_at__isnull=False, is_active=False)
                    & ~models.Q(stopped_reason="")
                    & models.Q(LessThanOrEqual(Length("stopped_reason"), 500))
                ),
            ),
        ),
    ]
