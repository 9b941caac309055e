"""The tables of the tests."""

from django.apps import AppConfig


class SecretsAppConfig(AppConfig):
    name = "tests.database.secretsapp"
    label = "secretsapp"
