"""Secrets at rest as an application of its own: it checks columns and keys at the start."""

from django.apps import AppConfig
from django.core import checks
from django.utils.module_loading import import_string


class EncryptionConfig(AppConfig):
    """Has no models; those of other applications hold the secrets."""

    name = "database.encryption"
    label = "encryption"
    verbose_name = "Secrets"

    def ready(self) -> None:
        # Fields can only be loaded now.
        found = "database.encryption.checks."
        for name in ("check_columns", "check_keys"):
            checks.register(import_string(found + name), checks.Tags.security)
        import_string(found + "demand_keys_of_a_web_process")()
