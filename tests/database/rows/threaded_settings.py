"""The settings of the tests, for a worker whose errands run in threads."""

from tests.settings import *  # noqa: F403 - a settings module is its names
from tests.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.database.rows.threaded.ThreadedConfig"]
