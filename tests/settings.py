"""The product's settings, with what only tests need."""

import os
from pathlib import Path

# The private server of the tests is not that of the demonstration.
os.environ.setdefault("LACUNA_HOME", str(Path(__file__).resolve().parent.parent / ".lacuna/test"))

from config.settings import *  # noqa: F403 - a settings module is its names
from config.settings import DATABASES, INSTALLED_APPS, LACUNA_HOME

INSTALLED_APPS = [*INSTALLED_APPS, "tests.jobs.queueapp", "tests.database.secretsapp"]

# A real worker started by a test must find that test's database.
if name := os.environ.get("TEST_DATABASE_NAME"):
    DATABASES["default"]["NAME"] = name

# A pool would ignore the switch of roles that the test database's set-up makes.
DATABASES["default"]["OPTIONS"].pop("pool", None)
DATABASES["default"]["CONN_MAX_AGE"] = 0

EMBEDDED_THROW_AWAY = True
SECRETS_KEYRING_IS_MADE = True
TOKEN_KEYRING_IS_MADE = True
PASSWORD_HASHING_WAIT = 60  # however slow the machine
EMAIL_IN_BACKGROUND = False  # a test finds the letter when the action is done
MEDIA_ROOT = LACUNA_HOME / "test-media"
STORAGES = {
    "default": {"BACKEND": "config.storage.AtomicFileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
