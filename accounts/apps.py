"""People and what they may do."""

from typing import Any

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in
from django.utils import timezone


def _remember_login(*, user: Any, **_: Any) -> None:
    user.last_login_at = timezone.now()
    user.save(update_fields=["last_login_at"])


class AccountsConfig(AppConfig):
    """Users and roles."""

    name = "accounts"
    verbose_name = "People"

    def ready(self) -> None:
        """Note when somebody logs in."""
        user_logged_in.connect(_remember_login, dispatch_uid="accounts.last_login_at")
