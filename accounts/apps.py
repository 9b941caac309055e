"""People and what they may do."""

from django.apps import AppConfig
from django.utils.module_loading import import_string


class AccountsConfig(AppConfig):
    """Users and roles."""

    name = "accounts"
    verbose_name = "People"

    def ready(self) -> None:
        """Note when somebody logs in, or tries to."""
        import_string("accounts.audited.declare")()
