"""The queues of the benchmarks."""

from django.apps import AppConfig
from django.utils.module_loading import import_string


class BenchQueueConfig(AppConfig):
    """Registers the kinds; its tables are made by ``tables.make``, not by migrations."""

    name = "tests.benchmarks.queue.app"
    label = "benchqueue"

    def ready(self) -> None:
        # The registry and the models can only be loaded now.
        import_string("tests.benchmarks.queue.app.kinds.register_all")()
