"""What PostgreSQL needs: keys, roles, partitions, migrations, settings of the running system."""

from django.apps import AppConfig


class DatabaseConfig(AppConfig):
    """Registered before every package that builds on it."""

    name = "database"
    verbose_name = "Settings"
