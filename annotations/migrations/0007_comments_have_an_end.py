"""A reviewer's comment has at most 2,000 characters, whoever writes it."""

from django.db import migrations, models
from django.db.models.functions import Length
from django.db.models.lookups import LessThanOrEqual


class Migration(migrations.Migration):
    dependencies = [("annotations", "0006_audit_guards")]
    operations = [
        migrations.AddConstraint(
            model_name="annotationreview",
            constraint=models.CheckConstraint(
                name="annotation_reviews_comment_check",
                condition=LessThanOrEqual(Length("comment"), 2000),
            ),
        ),
    ]
