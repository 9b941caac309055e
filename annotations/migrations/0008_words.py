"""What several checks are called."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("annotations", "0007_comments_have_an_end")]
    operations = [
        migrations.AlterModelOptions(
            name="reviewextra",
            options={
                "verbose_name": "check of reviewers",
                "verbose_name_plural": "checks of reviewers",
            },
        ),
    ]
