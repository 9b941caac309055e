"""People and what they may do."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Users and roles."""

    name = "accounts"
    verbose_name = "People"
