"""The queues of the tests."""

from datetime import timedelta

from django.apps import AppConfig
from django.utils.module_loading import import_string


class QueueAppConfig(AppConfig):
    name = "tests.jobs.queueapp"
    label = "queueapp"

    def ready(self) -> None:
        # The registry and the models can only be loaded now.
        import_string("tests.jobs.queueapp.kinds.register_all")(timedelta(seconds=3))
