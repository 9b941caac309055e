"""The errands of the tests, run in threads of the worker instead of processes."""

from __future__ import annotations

from dataclasses import replace

from django.apps import AppConfig
from django.utils.module_loading import import_string


class ThreadedConfig(AppConfig):
    """Stands after the app that registers them."""

    name = "tests.database.rows"
    label = "threaded"

    def ready(self) -> None:
        """Register them anew; the registry can only be loaded now."""
        kinds = import_string("jobs.registry._KINDS")
        kinds["errands"] = replace(kinds["errands"], executor="thread", prepare=None)
